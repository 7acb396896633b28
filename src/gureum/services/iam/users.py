"""Users. https://docs.aws.amazon.com/IAM/latest/APIReference/API_User.html"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import boundaries, checking, gone, usage
from gureum.services.iam.operations import listed, made, ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import (
    AccessKey,
    LoginProfile,
    Member,
    ServiceCredential,
    SigningCertificate,
    SshKey,
    User,
    VirtualDevice,
)

if TYPE_CHECKING:
    from gureum.api import iam as api


def show(ctx: Context, user: User, *, whole: bool = False) -> dict[str, Any]:
    """A user; `whole` with its tags and boundary, which lists leave out."""
    arn = ctx.arn(user)
    shown: dict[str, Any] = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": arn,
        "CreateDate": user.created,
    }
    if (signed_in := usage.password_used(ctx, user.name)) is not None:
        shown["PasswordLastUsed"] = signed_in
    if whole:
        if user.boundary:
            shown["PermissionsBoundary"] = boundaries.show(user.boundary)
        if found := ctx.tags.of(arn):
            shown["Tags"] = tags.show(found)
    return shown


@ops.on(User, "UserName", targets=made(User, "UserName", "CreateUser"), keys=boundaries.asked)
def create_user(ctx: Context, req: api.CreateUserRequest) -> api.CreateUserResponse:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateUser.html"""
    name = checking.name(req["UserName"], "userName")
    checking.unique(ctx, User, name)
    checking.room(ctx, User, "Users")
    user = User(
        name=name,
        id=ids.unique("AIDA"),
        created=ctx.now,
        path=checking.path(req.get("Path")),
        boundary=boundaries.check(ctx, req.get("PermissionsBoundary")),
    )
    ctx.table(User).add(user)
    checking.put_tags(ctx, ctx.arn(user), req.get("Tags"))
    return {"User": show(ctx, user, whole=True)}  # type: ignore[typeddict-item]


@ops.on(User, "UserName")
def get_user(ctx: Context, req: api.GetUserRequest) -> api.GetUserResponse:
    """Without a name, the caller's own; root's is the account itself."""
    if "UserName" not in req:
        return {"User": _root(ctx)}  # type: ignore[typeddict-item]
    return {"User": show(ctx, ctx.need(User), whole=True)}  # type: ignore[typeddict-item]


def _root(ctx: Context) -> dict[str, Any]:
    if ctx.principal.kind != "root":
        raise checking.whose()
    keys = list(ctx.table(AccessKey).find("owner", f"{ctx.account}/"))
    created = min((key.created for key in keys), default=0.0)
    return {
        "Path": "/",
        "UserId": ctx.account,
        "Arn": ctx.principal.arn,
        "UserName": "root",
        "CreateDate": created,
    }


@ops.on(User, targets=listed(User, "ListUsers"))
def list_users(ctx: Context, req: api.ListUsersRequest) -> api.ListUsersResponse:
    prefix = req.get("PathPrefix", "/")
    return page(ctx, req, "Users").table(  # type: ignore[return-value]
        ctx.table(User), lambda user: show(ctx, user), where=lambda user: user.path.startswith(prefix)
    )


@ops.on(User, "UserName")
def update_user(ctx: Context, req: api.UpdateUserRequest) -> None:
    """Rename or move a user: what is kept under its name and ARN moves along."""
    user = ctx.need(User)
    name = checking.name(req.get("NewUserName", user.name), "newUserName")
    moved = replace(user, name=name, path=checking.path(req.get("NewPath", user.path)))
    if moved == user:
        return
    if name != user.name:
        if name.lower() != user.name.lower():
            checking.unique(ctx, User, name)
        _rename(ctx, user.name, name)
        ctx.table(User).drop(user)
    old, new = ctx.arn(user), ctx.arn(moved)
    kept = ctx.tags.of(old)
    ctx.tags.forget(old)
    ctx.table(User).put(moved)
    ctx.tags.put(new, kept)


def _rename(ctx: Context, old: str, new: str) -> None:
    """Move everything that hangs on a user's name."""
    for member in list(ctx.table(Member).find("user", old)):
        ctx.table(Member).drop(member)
        ctx.table(Member).put(replace(member, user=new))
    for key in list(ctx.table(AccessKey).find("owner", f"{ctx.account}/{old}")):
        ctx.table(AccessKey).put(replace(key, user=new))
    for device in list(ctx.table(VirtualDevice).find("user", old)):
        ctx.table(VirtualDevice).put(replace(device, user=new))
    for kind in (SshKey, SigningCertificate, ServiceCredential):
        for owned in list(ctx.table(kind).find("user", old)):
            ctx.table(kind).drop(owned)
            ctx.table(kind).put(replace(owned, user=new))
    if (profile := ctx.table(LoginProfile).get(old)) is not None:
        ctx.table(LoginProfile).drop(profile)
        ctx.table(LoginProfile).put(replace(profile, user=new))


@ops.on(User, "UserName")
def delete_user(ctx: Context, req: api.DeleteUserRequest) -> None:
    """Fault: DeleteConflict while anything hangs on the user."""
    user = ctx.need(User)
    for left, what in _left(ctx, user):
        if left:
            raise Fault("DeleteConflict", f"Cannot delete entity, must {what} first.")
    ctx.table(User).drop(user)
    ctx.tags.forget(ctx.arn(user))
    gone.untrust(ctx, ctx.arn(user), user.id)


def _left(ctx: Context, user: User) -> list[tuple[bool, str]]:
    def any_of(kind: type[Any]) -> bool:
        return any(True for _ in ctx.table(kind).find("user", user.name))

    keys = ctx.table(AccessKey).find("owner", f"{ctx.account}/{user.name}")
    return [
        (any_of(Member), "remove users from group"),
        (any(True for _ in keys), "delete access keys"),
        (bool(user.attached), "detach all policies"),
        (bool(user.inline), "delete policies"),
        (ctx.table(LoginProfile).get(user.name) is not None, "delete login profile"),
        (any_of(VirtualDevice), "delete MFA device"),
        (any_of(SigningCertificate), "delete signing certificates"),
        (any_of(SshKey), "delete SSH public keys"),
        (any_of(ServiceCredential), "delete service specific credentials"),
    ]
