"""Managed policies, the account's and AWS's, as those see them who attach or apply them."""

from __future__ import annotations

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.kernel.store import Store
from gureum.services.iam import aws_policies
from gureum.services.iam.records import Group, Policy, Role, User

_KIND = kind_of(Policy)
_SERVICE_ROLE_PATH = "/aws-service-role/"


def path_of(arn: str) -> str:
    """The path in a managed policy's ARN."""
    return arn.split(":", 5)[5].removeprefix("policy").rpartition("/")[0] + "/"


def own(ctx: Context, arn: str) -> Policy | None:
    """The account's policy of an ARN, path and all."""
    place = _KIND.parse(arn)
    if place is None or place.account != ctx.account:
        return None
    found = ctx.table(Policy).get(place.key)
    return found if found is not None and ctx.arn(found) == arn else None


def exists(ctx: Context, arn: str) -> bool:
    """Whether an ARN names a policy of the account or of AWS."""
    return aws_policies.find(arn) is not None if aws_policies.is_aws(arn) else own(ctx, arn) is not None


def document(store: Store, arn: str) -> str | None:
    """The text in force of a managed policy, or None where there is none."""
    if aws_policies.is_aws(arn):
        found = aws_policies.find(arn)
        return found.document if found is not None else None
    place = _KIND.parse(arn)
    row = store.read(_KIND, (_KIND.name, place.account, "", place.key)) if place is not None else None
    return in_force(row.record) if row is not None and isinstance(row.record, Policy) else None


def in_force(policy: Policy) -> str:
    return next(version.document for version in policy.versions if version.number == policy.default)


def check_attachable(arn: str, entity: User | Group | Role) -> None:
    """Fault: PolicyNotAttachable for what service-linked roles alone may have."""
    if aws_policies.is_aws(arn) and path_of(arn).startswith(_SERVICE_ROLE_PATH):
        word = {User: "User", Group: "Group", Role: "Customer Role"}[type(entity)]
        raise Fault("PolicyNotAttachable", f"Cannot attach a Service Role Policy to a {word}.")
