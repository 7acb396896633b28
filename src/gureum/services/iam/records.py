"""What IAM keeps. Times are epoch seconds; secrets are sealed bytes."""

from __future__ import annotations

from typing import Literal

import msgspec

from gureum.kernel.records import Record, resource

Active = Literal["Active", "Inactive"]


def _folded(record: User | Group | Role | Policy | InstanceProfile) -> str:
    # Names that differ only in case are the same name to IAM.
    return record.name.lower()


def _trust(role: Role) -> str:
    return role.trust


@resource(
    "iam",
    arn="user{path}{name}",
    key=("name",),
    scope="account",
    missing=("NoSuchEntity", "The user with name {name} cannot be found."),
    exists=("EntityAlreadyExists", "User with name {name} already exists."),
    indexes={"folded": _folded},
)
class User(Record):
    """`inline` maps policy names to documents, `attached` are managed policies' ARNs.

    `touched` changes with the user's tags, so that what the front door remembers of the user is dropped.
    """

    name: str
    id: str
    created: float
    path: str = "/"
    attached: tuple[str, ...] = ()
    inline: dict[str, str] = msgspec.field(default_factory=dict)
    boundary: str = ""
    touched: float = 0.0


@resource(
    "iam",
    arn="group{path}{name}",
    key=("name",),
    scope="account",
    missing=("NoSuchEntity", "The group with name {name} cannot be found."),
    exists=("EntityAlreadyExists", "Group with name {name} already exists."),
    indexes={"folded": _folded},
    tagged=False,
)
class Group(Record):
    name: str
    id: str
    created: float
    path: str = "/"
    attached: tuple[str, ...] = ()
    inline: dict[str, str] = msgspec.field(default_factory=dict)


@resource(
    "iam",
    arn="membership/{group}/{user}",
    scope="account",
    missing="NoSuchEntity",
    indexes=("user", "group"),
    tagged=False,
)
class Member(Record):
    """A user in a group."""

    group: str
    user: str


@resource(
    "iam",
    arn="role{path}{name}",
    key=("name",),
    scope="account",
    missing=("NoSuchEntity", "The role with name {name} cannot be found."),
    exists=("EntityAlreadyExists", "Role with name {name} already exists."),
    indexes={"folded": _folded},
    policy=_trust,
    policy_rules="trust",
)
class Role(Record):
    """`service` is the one that a service-linked role belongs to. `max_session` is in seconds."""

    name: str
    id: str
    created: float
    trust: str
    path: str = "/"
    description: str = ""
    max_session: int = 3600
    attached: tuple[str, ...] = ()
    inline: dict[str, str] = msgspec.field(default_factory=dict)
    boundary: str = ""
    service: str = ""
    touched: float = 0.0


@resource("iam", arn="deletion/{id}", scope="account", missing="NoSuchEntity", tagged=False)
class Deletion(Record):
    """A service-linked role's deletion, as GetServiceLinkedRoleDeletionStatus tells it."""

    id: str
    role: str
    role_id: str


class Version(msgspec.Struct, frozen=True):
    """One version of a managed policy."""

    number: int
    document: str
    created: float


@resource(
    "iam",
    arn="policy{path}{name}",
    key=("name",),
    scope="account",
    missing=("NoSuchEntity", "Policy {name} was not found."),
    exists=(
        "EntityAlreadyExists",
        "A policy called {name} already exists. Duplicate names are not allowed.",
    ),
    indexes={"folded": _folded},
)
class Policy(Record):
    """A managed policy of the account. `default` is the number of the version in force."""

    name: str
    id: str
    created: float
    updated: float
    versions: tuple[Version, ...]
    path: str = "/"
    description: str = ""
    default: int = 1
    last: int = 1


@resource(
    "iam",
    arn="instance-profile{path}{name}",
    key=("name",),
    scope="account",
    missing=("NoSuchEntity", "Instance Profile {name} cannot be found."),
    exists=("EntityAlreadyExists", "Instance Profile {name} already exists."),
    indexes={"folded": _folded, "role": lambda profile: profile.role or None},
)
class InstanceProfile(Record):
    """`role` is a role's name, "" for none."""

    name: str
    id: str
    created: float
    path: str = "/"
    role: str = ""


@resource(
    "iam",
    arn="arn:aws:iam::{account}:access-key/{id}",
    scope="partition",
    missing=("NoSuchEntity", "The Access Key with id {id} cannot be found."),
    exists=("EntityAlreadyExists", "Access key {id} already exists."),
    indexes={"owner": lambda key: f"{key.owner_account}/{key.user}"},
    tagged=False,
)
class AccessKey(Record):
    """A long-lived access key of a user, or (user "") of an account's root. The secret is sealed."""

    id: str
    owner_account: str
    user: str
    secret: bytes
    active: bool = True
    created: float = 0.0


@resource(
    "iam",
    arn="login-profile/{user}",
    scope="account",
    missing=("NoSuchEntity", "Login Profile for User {user} cannot be found."),
    exists=("EntityAlreadyExists", "Login Profile for user {user} already exists."),
    tagged=False,
)
class LoginProfile(Record):
    """A user's console password: scrypt's hash with its salt, `former` those before, newest first."""

    user: str
    created: float
    changed: float
    hash: bytes
    reset_required: bool = False
    former: tuple[bytes, ...] = ()


@resource(
    "iam",
    arn="password-policy/{id}",
    scope="account",
    missing=("NoSuchEntity", "The Password Policy cannot be found."),
    tagged=False,
)
class PasswordPolicy(Record):
    """The account's rules for passwords. `id` is always "account"; ages are in days, 0 for none."""

    id: str = "account"
    minimum: int = 6
    symbols: bool = False
    numbers: bool = False
    uppercase: bool = False
    lowercase: bool = False
    users_may_change: bool = False
    max_age: int = 0
    reuse: int = 0
    hard_expiry: bool | None = None


@resource(
    "iam",
    arn="alias/{id}",
    scope="account",
    missing=("NoSuchEntity", "The Account Alias cannot be found."),
    tagged=False,
)
class AccountAlias(Record):
    """The account's alias. `id` is always "account"."""

    alias: str
    id: str = "account"


@resource(
    "iam",
    arn="arn:aws:iam::alias/{alias}",
    scope="partition",
    missing="NoSuchEntity",
    exists=("EntityAlreadyExists", "The account alias {alias} already exists."),
    tagged=False,
)
class TakenAlias(Record):
    """An alias is one account's alone."""

    alias: str
    owner_account: str


@resource(
    "iam",
    arn="mfa{path}{name}",
    key=("name",),
    scope="account",
    missing=("NoSuchEntity", "VirtualMFADevice with serial number {name} doesn't exist."),
    exists=("EntityAlreadyExists", "MFADevice entity at the same path and name already exists."),
    indexes=("user",),
)
class VirtualDevice(Record):
    """A virtual MFA device. `user` is "" while it is nobody's, `mfa.ROOT` for the root user.

    `step` is the last one used, `drift` how many steps the device's clock is ahead.
    """

    name: str
    seed: bytes
    path: str = "/"
    user: str = ""
    enabled: float = 0.0
    step: int = 0
    drift: int = 0


@resource(
    "iam",
    arn="oidc-provider/{url}",
    scope="account",
    missing=("NoSuchEntity", "OpenIDConnect Provider not found for {url}"),
    exists=("EntityAlreadyExists", "Provider with url {url} already exists."),
)
class OidcProvider(Record):
    """`url` is the issuer without its scheme; `scheme` is https but for issuers on loopback."""

    url: str
    created: float
    clients: tuple[str, ...] = ()
    thumbprints: tuple[str, ...] = ()
    scheme: str = "https"


@resource(
    "iam",
    arn="saml-provider/{name}",
    scope="account",
    missing=("NoSuchEntity", "Manifest not found for {name}"),
    exists=("EntityAlreadyExists", "SAMLProvider with name {name} already exists"),
)
class SamlProvider(Record):
    """`entity` and `certificates` (DER) are read from `metadata` when it is uploaded."""

    name: str
    id: str
    created: float
    metadata: str
    entity: str
    valid_until: float
    certificates: tuple[bytes, ...]


@resource(
    "iam",
    arn="server-certificate{path}{name}",
    key=("name",),
    scope="account",
    missing=("NoSuchEntity", "The Server Certificate with name {name} cannot be found."),
    exists=("EntityAlreadyExists", "The Server Certificate with name {name} already exists."),
)
class ServerCertificate(Record):
    name: str
    id: str
    uploaded: float
    expires: float
    body: str
    key: bytes
    chain: str = ""
    path: str = "/"


@resource(
    "iam",
    arn="signing-certificate/{user}/{id}",
    scope="account",
    missing=("NoSuchEntity", "The Certificate with id {id} cannot be found."),
    indexes=("user",),
    tagged=False,
)
class SigningCertificate(Record):
    user: str
    id: str
    body: str
    uploaded: float
    status: Active = "Active"


@resource(
    "iam",
    arn="ssh-key/{user}/{id}",
    scope="account",
    missing=("NoSuchEntity", "The Public Key with id {id} cannot be found."),
    indexes=("user",),
    tagged=False,
)
class SshKey(Record):
    """`body` is in OpenSSH's form, `fingerprint` the MD5 of the key in colons."""

    user: str
    id: str
    body: str
    fingerprint: str
    uploaded: float
    status: Active = "Active"


@resource(
    "iam",
    arn="service-credential/{user}/{id}",
    scope="account",
    missing=("NoSuchEntity", "Service specific credential {id} cannot be found."),
    indexes=("user",),
    tagged=False,
)
class ServiceCredential(Record):
    """A user name and password (or an API key) for one service. `expires` is 0 for never."""

    user: str
    id: str
    service: str
    login: str
    secret: bytes
    created: float
    expires: float = 0.0
    status: Active = "Active"


@resource("iam", arn="report/{id}", scope="account", missing="NoSuchEntity", tagged=False)
class CredentialReport(Record):
    """The last credential report. `id` is always "account"."""

    content: str
    made: float
    id: str = "account"


@resource(
    "iam", arn="outbound/{id}", scope="account", missing="NoSuchEntity", indexes=("issuer_id",), tagged=False
)
class Outbound(Record):
    """The account as an issuer of tokens. `id` is always "account"; the private keys are sealed DER."""

    issuer_id: str
    issuer: str
    rsa: bytes
    ec: bytes
    enabled: bool = True
    id: str = "account"
