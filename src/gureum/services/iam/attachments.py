"""Managed policies on users, groups and roles.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachUserPolicy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import managed, rules
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import Group, Role, User

if TYPE_CHECKING:
    from gureum.api import iam as api

Entity = User | Group | Role


def _policy(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"iam:policyarn": req["PolicyArn"], **_boundary_of(ctx, req)}


def _boundary_of(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """The boundary of the entity, which attaching and detaching may be tied to (iam:PermissionsBoundary)."""
    entity: User | Role | None = None
    if "UserName" in req:
        entity = ctx.table(User).get(req["UserName"])
    elif "RoleName" in req:
        entity = ctx.table(Role).get(req["RoleName"])
    return {"iam:permissionsboundary": entity.boundary} if entity is not None and entity.boundary else {}


def _attach(ctx: Context, kind: type[Any], entity: Entity, arn: str) -> None:
    if not managed.exists(ctx, arn):
        raise Fault("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.")
    if arn in entity.attached:
        return
    managed.check_attachable(arn, entity)
    if len(entity.attached) >= rules.ATTACHED_POLICIES:
        quota = f"Policies Per{kind.__name__}".replace(" ", "")
        raise Fault("LimitExceeded", f"Cannot exceed quota for {quota}: {rules.ATTACHED_POLICIES}")
    ctx.table(kind).put(replace(entity, attached=(*entity.attached, arn)))


def _detach(ctx: Context, kind: type[Any], entity: Entity, arn: str) -> None:
    if arn not in entity.attached:
        raise Fault("NoSuchEntity", f"Policy {arn} was not found.")
    ctx.table(kind).put(replace(entity, attached=tuple(one for one in entity.attached if one != arn)))


def _list(ctx: Context, req: Mapping[str, Any], entity: Entity) -> Any:
    prefix = req.get("PathPrefix", "/")
    found = [arn for arn in entity.attached if managed.path_of(arn).startswith(prefix)]
    return page(ctx, req, "AttachedPolicies").items(found, lambda arn: arn, show)


def show(arn: str) -> dict[str, str]:
    return {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}


def check_empty(entity: Entity) -> None:
    """Fault: DeleteConflict while policies hang on it."""
    if entity.attached:
        raise Fault("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    if entity.inline:
        raise Fault("DeleteConflict", "Cannot delete entity, must delete policies first.")


def _changeable(ctx: Context) -> Role:
    from gureum.services.iam.roles import changeable  # roles know attachments

    return changeable(ctx)


@ops.on(User, "UserName", keys=_policy)
def attach_user_policy(ctx: Context, req: api.AttachUserPolicyRequest) -> None:
    _attach(ctx, User, ctx.need(User), req["PolicyArn"])


@ops.on(Group, "GroupName", keys=_policy)
def attach_group_policy(ctx: Context, req: api.AttachGroupPolicyRequest) -> None:
    _attach(ctx, Group, ctx.need(Group), req["PolicyArn"])


@ops.on(Role, "RoleName", keys=_policy)
def attach_role_policy(ctx: Context, req: api.AttachRolePolicyRequest) -> None:
    _attach(ctx, Role, _changeable(ctx), req["PolicyArn"])


@ops.on(User, "UserName", keys=_policy)
def detach_user_policy(ctx: Context, req: api.DetachUserPolicyRequest) -> None:
    _detach(ctx, User, ctx.need(User), req["PolicyArn"])


@ops.on(Group, "GroupName", keys=_policy)
def detach_group_policy(ctx: Context, req: api.DetachGroupPolicyRequest) -> None:
    _detach(ctx, Group, ctx.need(Group), req["PolicyArn"])


@ops.on(Role, "RoleName", keys=_policy)
def detach_role_policy(ctx: Context, req: api.DetachRolePolicyRequest) -> None:
    _detach(ctx, Role, _changeable(ctx), req["PolicyArn"])


@ops.on(User, "UserName")
def list_attached_user_policies(
    ctx: Context, req: api.ListAttachedUserPoliciesRequest
) -> api.ListAttachedUserPoliciesResponse:
    answer: api.ListAttachedUserPoliciesResponse = _list(ctx, req, ctx.need(User))
    return answer


@ops.on(Group, "GroupName")
def list_attached_group_policies(
    ctx: Context, req: api.ListAttachedGroupPoliciesRequest
) -> api.ListAttachedGroupPoliciesResponse:
    answer: api.ListAttachedGroupPoliciesResponse = _list(ctx, req, ctx.need(Group))
    return answer


@ops.on(Role, "RoleName")
def list_attached_role_policies(
    ctx: Context, req: api.ListAttachedRolePoliciesRequest
) -> api.ListAttachedRolePoliciesResponse:
    answer: api.ListAttachedRolePoliciesResponse = _list(ctx, req, ctx.need(Role))
    return answer
