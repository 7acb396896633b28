"""What an organization is made of. All ids are unique in the partition, so all records lie there, found by id.

`management` and `organization` stand in each record because its ARN holds them.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsorganizations.html (ARN forms)
"""

from __future__ import annotations

from typing import Literal

import msgspec

from gureum.kernel.records import Record, resource

FeatureSet = Literal["ALL", "CONSOLIDATED_BILLING"]
AccountStatus = Literal["ACTIVE", "SUSPENDED", "PENDING_CLOSURE"]
HandshakeState = Literal["REQUESTED", "OPEN", "CANCELED", "ACCEPTED", "DECLINED", "EXPIRED"]
HandshakeAction = Literal["INVITE", "ENABLE_ALL_FEATURES", "APPROVE_ALL_FEATURES"]

_ARN = "arn:aws:organizations::{management}:"


@resource(
    "organizations",
    arn=_ARN + "organization/{id}",
    key=("id",),
    scope="partition",
    missing=("AWSOrganizationsNotInUseException", "Your account is not a member of an organization."),
)
class Organization(Record):
    id: str
    management: str
    root: str
    feature_set: FeatureSet
    created: float


@resource(
    "organizations",
    arn=_ARN + "root/{organization}/{id}",
    key=("id",),
    scope="partition",
    missing=("RootNotFoundException", "You specified a root that doesn't exist."),
)
class Root(Record):
    """The top of the tree. `enabled` are the policy types that are in force."""

    id: str
    organization: str
    management: str
    name: str = "Root"
    enabled: tuple[str, ...] = ()


@resource(
    "organizations",
    arn=_ARN + "ou/{organization}/{id}",
    key=("id",),
    scope="partition",
    missing=(
        "OrganizationalUnitNotFoundException",
        "You specified an organizational unit that doesn't exist.",
    ),
    indexes=("organization", "parent"),
)
class OrganizationalUnit(Record):
    id: str
    organization: str
    management: str
    name: str
    parent: str


@resource(
    "organizations",
    arn=_ARN + "account/{organization}/{id}",
    key=("id",),
    scope="partition",
    missing=("AccountNotFoundException", "You specified an account that doesn't exist."),
    indexes={
        "organization": lambda a: a.organization or None,
        "parent": lambda a: a.parent or None,
        "email": lambda a: a.email.lower(),
    },
)
class Account(Record):
    """An account that is, or has been, in an organization; the latter keeps its name and email and has no parent."""

    id: str
    email: str
    name: str
    organization: str = ""
    management: str = ""
    parent: str = ""
    status: AccountStatus = "ACTIVE"
    joined_method: Literal["INVITED", "CREATED"] = "INVITED"
    joined: float = 0.0


@resource(
    "organizations",
    arn=_ARN + "car/{id}",
    key=("id",),
    scope="partition",
    missing=(
        "CreateAccountStatusNotFoundException",
        "You specified a create account request that doesn't exist.",
    ),
    indexes=("organization",),
    tagged=False,
)
class AccountRequest(Record):
    """An account that is being made. `account` is its id, chosen at once so that a crash makes no second one."""

    id: str
    organization: str
    management: str
    name: str
    email: str
    role: str
    account: str
    requested: float
    state: Literal["IN_PROGRESS", "SUCCEEDED", "FAILED"] = "IN_PROGRESS"
    completed: float = 0.0
    failure: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)


@resource(
    "organizations",
    arn=_ARN + "policy/{organization}/{slug}/{id}",
    key=("id",),
    scope="partition",
    missing=("PolicyNotFoundException", "You specified a policy that doesn't exist."),
    indexes=("organization",),
)
class Policy(Record):
    id: str
    organization: str
    management: str
    name: str
    description: str
    type: str
    content: str
    updated: float = 0.0

    @property
    def slug(self) -> str:
        """The type as ARNs spell it."""
        return self.type.lower()


@resource(
    "organizations",
    arn=_ARN + "attachment/{target}/{policy}",
    key=("target", "policy"),
    scope="partition",
    missing=(
        "PolicyNotAttachedException",
        "The policy isn't attached to the specified target in the specified root.",
    ),
    exists=(
        "DuplicatePolicyAttachmentException",
        "The selected policy is already attached to the specified target.",
    ),
    indexes={"target": lambda a: a.target, "policy": lambda a: f"{a.organization}/{a.policy}"},
    tagged=False,
)
class Attachment(Record):
    target: str
    policy: str
    organization: str
    management: str
    type: str
    at: float = 0.0


@resource(
    "organizations",
    arn=_ARN + "handshake/{organization}/{slug}/{id}",
    key=("id",),
    scope="partition",
    missing=("HandshakeNotFoundException", "You specified a handshake that doesn't exist."),
    indexes=("organization", "account"),
    tagged=False,
)
class Handshake(Record):
    """Something that another party must agree to. `account` is that party; its own management for the whole set."""

    id: str
    organization: str
    management: str
    action: HandshakeAction
    account: str
    requested: float
    expires: float
    state: HandshakeState = "OPEN"
    email: str = ""  # where the invitation was sent to an address
    notes: str = ""
    parent: str = ""
    tags: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The action as ARNs spell it."""
        return self.action.lower()


@resource(
    "organizations",
    arn=_ARN + "delegation/{account}/{service_principal}",
    key=("account", "service_principal"),
    scope="partition",
    missing=(
        "AccountNotRegisteredException",
        "The provided account is not a registered delegated administrator for your organization.",
    ),
    exists=(
        "AccountAlreadyRegisteredException",
        "The provided account is already a delegated administrator for your organization.",
    ),
    indexes=("organization", "account"),
    tagged=False,
)
class Delegation(Record):
    """An account administers a service for the organization."""

    account: str
    service_principal: str
    organization: str
    management: str
    since: float


@resource(
    "organizations",
    arn=_ARN + "access/{organization}/{service_principal}",
    key=("organization", "service_principal"),
    scope="partition",
    missing="AWSOrganizationsNotInUseException",
    indexes=("organization",),
    tagged=False,
)
class ServiceAccess(Record):
    """A service may work in all accounts of the organization."""

    organization: str
    service_principal: str
    management: str
    since: float


@resource(
    "organizations",
    arn=_ARN + "resourcepolicy/{organization}/{id}",
    key=("organization",),
    scope="partition",
    missing=("ResourcePolicyNotFoundException", "We can't find a resource policy for your organization."),
    policy=lambda r: r.content,
    owner=lambda r: r.management,
)
class ResourcePolicy(Record):
    """What the management account lets members do in Organizations itself."""

    organization: str
    id: str
    management: str
    content: str
