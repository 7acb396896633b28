"""The types of policies: which there are, how large and how many, what AWS keeps of its own, and their syntax.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
"""

from __future__ import annotations

from typing import NamedTuple

from gureum import policy
from gureum.kernel.faults import Fault
from gureum.services.organizations import inheritance
from gureum.services.organizations.faults import constraint

SCP, RCP = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
MALFORMED = "The provided policy document does not meet the requirements of the specified policy type."


class PolicyType(NamedTuple):
    """`most_characters` of a document, `most_attached` to one target, `top` the document's own top-level keys.

    `effective` says whether documents merge down the tree, which those of the two control types do not.
    """

    most_characters: int
    most_attached: int
    top: frozenset[str] = frozenset()
    effective: bool = True


TYPES: dict[str, PolicyType] = {
    SCP: PolicyType(5120, 5, effective=False),
    RCP: PolicyType(5120, 5, effective=False),
    "TAG_POLICY": PolicyType(10_000, 10, frozenset({"tags"})),
    "BACKUP_POLICY": PolicyType(10_000, 10, frozenset({"plans"})),
    "AISERVICES_OPT_OUT_POLICY": PolicyType(2500, 5, frozenset({"services"})),
    "CHATBOT_POLICY": PolicyType(10_000, 5, frozenset({"chatbot"})),
    "DECLARATIVE_POLICY_EC2": PolicyType(10_000, 10, frozenset({"ec2_attributes"})),
    "SECURITYHUB_POLICY": PolicyType(10_000, 10, frozenset({"securityhub"})),
}
"""Types that can be used here. Those of services that are not built are absent."""


class AwsManaged(NamedTuple):
    """A policy that AWS keeps for all organizations."""

    id: str
    name: str
    description: str
    type: str
    content: str
    arn: str


AWS_MANAGED: dict[str, AwsManaged] = {
    "p-FullAWSAccess": AwsManaged(
        "p-FullAWSAccess",
        "FullAWSAccess",
        "Allows access to every operation",
        SCP,
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
        "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
    ),
    "p-RCPFullAWSAccess": AwsManaged(
        "p-RCPFullAWSAccess",
        "RCPFullAWSAccess",
        "Allows access to every resource",
        RCP,
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
        "arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess",
    ),
}
DEFAULTS = {managed.type: managed.id for managed in AWS_MANAGED.values()}
"""What is attached to everything while a type is enabled."""


def known(name: str) -> PolicyType:
    """A type that can be used. Fault: PolicyTypeNotAvailableForOrganizationException."""
    found = TYPES.get(name)
    if found is None:
        raise unavailable()
    return found


def unavailable() -> Fault:
    """The organization cannot use this type."""
    return Fault(
        "PolicyTypeNotAvailableForOrganizationException",
        "You can't use the specified policy type with the feature set currently enabled for this organization.",
    )


def check(name: str, content: str) -> None:
    """Check a document of a type. Faults: MalformedPolicyDocumentException, ConstraintViolationException."""
    kind = known(name)
    if len(content) > kind.most_characters:
        raise constraint(
            "POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum size limit for a policy."
        )
    try:
        if name == SCP:
            policy.parse(content, "scp")
        elif name == RCP:
            _check_rcp(content)
        else:
            inheritance.read(content, kind.top, tags=name == "TAG_POLICY")
    except (policy.Malformed, inheritance.Malformed):
        raise Fault("MalformedPolicyDocumentException", MALFORMED) from None


def _check_rcp(content: str) -> None:
    parsed = policy.parse(content, "rcp")
    if any(statement.allow for statement in parsed.statements):
        raise inheritance.Malformed  # only AWS's own may allow
