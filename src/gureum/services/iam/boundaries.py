"""Permissions boundaries of users and roles.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import managed
from gureum.services.iam.operations import ops
from gureum.services.iam.records import Role, User

if TYPE_CHECKING:
    from gureum.api import iam as api


def show(arn: str) -> dict[str, str]:
    return {"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn}


def check(ctx: Context, arn: str | None) -> str:
    """The ARN of a policy that may be a boundary, "" for none. Fault: NoSuchEntity."""
    if arn and not managed.exists(ctx, arn):
        raise Fault("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn or ""


def asked(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """iam:PermissionsBoundary: the boundary that the request sets."""
    boundary = req.get("PermissionsBoundary")
    return {"iam:permissionsboundary": boundary} if boundary else {}


def _present(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    """iam:PermissionsBoundary where one is removed: the one that is there."""
    if "UserName" in req:
        found: User | Role | None = ctx.table(User).get(req["UserName"])
    else:
        found = ctx.table(Role).get(req["RoleName"])
    return {"iam:permissionsboundary": found.boundary} if found is not None and found.boundary else {}


def _changeable(ctx: Context) -> Role:
    from gureum.services.iam.roles import changeable  # roles know boundaries

    return changeable(ctx)


@ops.on(User, "UserName", keys=asked)
def put_user_permissions_boundary(ctx: Context, req: api.PutUserPermissionsBoundaryRequest) -> None:
    ctx.table(User).put(replace(ctx.need(User), boundary=check(ctx, req["PermissionsBoundary"])))


@ops.on(Role, "RoleName", keys=asked)
def put_role_permissions_boundary(ctx: Context, req: api.PutRolePermissionsBoundaryRequest) -> None:
    ctx.table(Role).put(replace(_changeable(ctx), boundary=check(ctx, req["PermissionsBoundary"])))


@ops.on(User, "UserName", keys=_present)
def delete_user_permissions_boundary(ctx: Context, req: api.DeleteUserPermissionsBoundaryRequest) -> None:
    user = ctx.need(User)
    if not user.boundary:
        raise Fault("NoSuchEntity", f"User {user.name} does not have a permissions boundary.")
    ctx.table(User).put(replace(user, boundary=""))


@ops.on(Role, "RoleName", keys=_present)
def delete_role_permissions_boundary(ctx: Context, req: api.DeleteRolePermissionsBoundaryRequest) -> None:
    role = _changeable(ctx)
    if not role.boundary:
        raise Fault("NoSuchEntity", f"Role {role.name} does not have a permissions boundary.")
    ctx.table(Role).put(replace(role, boundary=""))
