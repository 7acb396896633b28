"""Groups and who is in them. https://docs.aws.amazon.com/IAM/latest/APIReference/API_Group.html"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import attachments, checking, rules, users
from gureum.services.iam.operations import listed, made, ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import Group, Member, User

if TYPE_CHECKING:
    from gureum.api import iam as api


def show(ctx: Context, group: Group) -> dict[str, Any]:
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": ctx.arn(group),
        "CreateDate": group.created,
    }


@ops.on(Group, "GroupName", targets=made(Group, "GroupName", "CreateGroup"))
def create_group(ctx: Context, req: api.CreateGroupRequest) -> api.CreateGroupResponse:
    name = checking.name(req["GroupName"], "groupName")
    checking.unique(ctx, Group, name)
    checking.room(ctx, Group, "Groups")
    group = Group(name=name, id=ids.unique("AGPA"), created=ctx.now, path=checking.path(req.get("Path")))
    ctx.table(Group).add(group)
    return {"Group": show(ctx, group)}  # type: ignore[typeddict-item]


@ops.on(Group, "GroupName")
def get_group(ctx: Context, req: api.GetGroupRequest) -> api.GetGroupResponse:
    group = ctx.need(Group)
    members = [ctx.table(User).need(m.user) for m in ctx.table(Member).find("group", group.name)]
    answer = page(ctx, req, "Users").items(
        members, lambda user: user.name, lambda user: users.show(ctx, user)
    )
    return {"Group": show(ctx, group), **answer}  # type: ignore[typeddict-item]


@ops.on(Group, targets=listed(Group, "ListGroups"))
def list_groups(ctx: Context, req: api.ListGroupsRequest) -> api.ListGroupsResponse:
    prefix = req.get("PathPrefix", "/")
    return page(ctx, req, "Groups").table(  # type: ignore[return-value]
        ctx.table(Group), lambda group: show(ctx, group), where=lambda group: group.path.startswith(prefix)
    )


@ops.on(User, "UserName")
def list_groups_for_user(ctx: Context, req: api.ListGroupsForUserRequest) -> api.ListGroupsForUserResponse:
    user = ctx.need(User)
    found = [ctx.table(Group).need(m.group) for m in ctx.table(Member).find("user", user.name)]
    return page(ctx, req, "Groups").items(  # type: ignore[return-value]
        found, lambda group: group.name, lambda group: show(ctx, group)
    )


@ops.on(Group, "GroupName")
def update_group(ctx: Context, req: api.UpdateGroupRequest) -> None:
    group = ctx.need(Group)
    name = checking.name(req.get("NewGroupName", group.name), "newGroupName")
    if name.lower() != group.name.lower():
        checking.unique(ctx, Group, name)
    if name != group.name:
        ctx.table(Group).drop(group)
        for member in list(ctx.table(Member).find("group", group.name)):
            ctx.table(Member).drop(member)
            ctx.table(Member).put(replace(member, group=name))
    ctx.table(Group).put(replace(group, name=name, path=checking.path(req.get("NewPath", group.path))))


@ops.on(Group, "GroupName")
def delete_group(ctx: Context, req: api.DeleteGroupRequest) -> None:
    group = ctx.need(Group)
    if any(True for _ in ctx.table(Member).find("group", group.name)):
        raise Fault("DeleteConflict", "Cannot delete entity, must remove users from group first.")
    attachments.check_empty(group)
    ctx.table(Group).drop(group)


@ops.on(Group, "GroupName")
def add_user_to_group(ctx: Context, req: api.AddUserToGroupRequest) -> None:
    group = ctx.need(Group)
    user = ctx.table(User).need(req["UserName"])
    member = Member(group=group.name, user=user.name)
    if ctx.table(Member).get(group.name, user.name) is not None:
        return
    if len(list(ctx.table(Member).find("user", user.name))) >= rules.GROUPS_PER_USER:
        raise checking.exceeded("GroupsPerUser", rules.GROUPS_PER_USER)
    ctx.table(Member).put(member)


@ops.on(Group, "GroupName")
def remove_user_from_group(ctx: Context, req: api.RemoveUserFromGroupRequest) -> None:
    group = ctx.need(Group)
    user = ctx.table(User).need(req["UserName"])
    if (member := ctx.table(Member).get(group.name, user.name)) is None:
        raise Fault("NoSuchEntity", f"User {user.name} not in group {group.name}")
    ctx.table(Member).drop(member)
