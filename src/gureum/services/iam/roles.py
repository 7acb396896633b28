"""Roles and their trust policies. https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import attachments, boundaries, checking, gone, usage
from gureum.services.iam.operations import listed, made, ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import InstanceProfile, Role

if TYPE_CHECKING:
    from gureum.api import iam as api

_PROTECTED = "/aws-service-role/"


def show(ctx: Context, role: Role, *, whole: bool = False) -> dict[str, Any]:
    """A role; `whole` with its tags, boundary and last use, which lists leave out."""
    arn = ctx.arn(role)
    shown: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": checking.shown_document(role.trust),
        "MaxSessionDuration": role.max_session,
    }
    if role.description:
        shown["Description"] = role.description
    if whole:
        if role.boundary:
            shown["PermissionsBoundary"] = boundaries.show(role.boundary)
        if found := ctx.tags.of(arn):
            shown["Tags"] = tags.show(found)
        shown["RoleLastUsed"] = usage.role_used(ctx, role)
    return shown


@ops.on(Role, "RoleName", targets=made(Role, "RoleName", "CreateRole"), keys=boundaries.asked)
def create_role(ctx: Context, req: api.CreateRoleRequest) -> api.CreateRoleResponse:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html"""
    path = checking.path(req.get("Path"))
    if path.startswith(_PROTECTED):
        raise Fault("ValidationError", "The path /aws-service-role/ is reserved for service-linked roles.")
    role = Role(
        name=checking.name(req["RoleName"], "roleName"),
        id=ids.unique("AROA"),
        created=ctx.now,
        trust=checking.trust(ctx, req["AssumeRolePolicyDocument"]),
        path=path,
        description=req.get("Description", ""),
        max_session=req.get("MaxSessionDuration", 3600),
        boundary=boundaries.check(ctx, req.get("PermissionsBoundary")),
    )
    add(ctx, role)
    checking.put_tags(ctx, ctx.arn(role), req.get("Tags"))
    return {"Role": show(ctx, role, whole=True)}  # type: ignore[typeddict-item]


def add(ctx: Context, role: Role) -> None:
    """Keep a new role. Faults: EntityAlreadyExists, LimitExceeded."""
    checking.unique(ctx, Role, role.name)
    checking.room(ctx, Role, "Roles")
    ctx.table(Role).add(role)


def changeable(ctx: Context) -> Role:
    """The role that a request names. Fault: UnmodifiableEntity for a service-linked one."""
    role = ctx.need(Role)
    if role.service:
        raise Fault(
            "UnmodifiableEntity",
            f"Cannot perform the operation on the protected role '{role.name}' - this role is only modifiable by AWS",
        )
    return role


@ops.on(Role, "RoleName")
def get_role(ctx: Context, req: api.GetRoleRequest) -> api.GetRoleResponse:
    role = ctx.need(Role)
    usage.catch_up(ctx, usage.GLANCE_SECONDS)
    return {"Role": show(ctx, role, whole=True)}  # type: ignore[typeddict-item]


@ops.on(Role, targets=listed(Role, "ListRoles"))
def list_roles(ctx: Context, req: api.ListRolesRequest) -> api.ListRolesResponse:
    prefix = req.get("PathPrefix", "/")
    return page(ctx, req, "Roles").table(  # type: ignore[return-value]
        ctx.table(Role), lambda role: show(ctx, role), where=lambda role: role.path.startswith(prefix)
    )


@ops.on(Role, "RoleName")
def update_role(ctx: Context, req: api.UpdateRoleRequest) -> api.UpdateRoleResponse:
    role = changeable(ctx)
    changed = replace(
        role,
        description=req.get("Description", role.description),
        max_session=req.get("MaxSessionDuration", 3600),  # left out, it goes back to an hour
    )
    ctx.table(Role).put(changed)
    return {}


@ops.on(Role, "RoleName")
def update_role_description(
    ctx: Context, req: api.UpdateRoleDescriptionRequest
) -> api.UpdateRoleDescriptionResponse:
    role = replace(ctx.need(Role), description=req["Description"])
    ctx.table(Role).put(role)
    return {"Role": show(ctx, role, whole=True)}  # type: ignore[typeddict-item]


@ops.on(Role, "RoleName")
def update_assume_role_policy(ctx: Context, req: api.UpdateAssumeRolePolicyRequest) -> None:
    role = changeable(ctx)
    ctx.table(Role).put(replace(role, trust=checking.trust(ctx, req["PolicyDocument"])))


@ops.on(Role, "RoleName")
def delete_role(ctx: Context, req: api.DeleteRoleRequest) -> None:
    """Fault: DeleteConflict while policies or instance profiles hang on it."""
    role = changeable(ctx)
    if any(True for _ in ctx.table(InstanceProfile).find("role", role.name)):
        raise Fault("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
    attachments.check_empty(role)
    ctx.table(Role).drop(role)
    ctx.tags.forget(ctx.arn(role))
    gone.untrust(ctx, ctx.arn(role), role.id)
