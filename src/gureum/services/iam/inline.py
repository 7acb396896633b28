"""Inline policies of users, groups and roles.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutUserPolicy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import checking, rules
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import Group, Role, User
from gureum.services.iam.roles import changeable

if TYPE_CHECKING:
    from gureum.api import iam as api

Entity = User | Group | Role


def _put(ctx: Context, entity: Entity, req: Mapping[str, Any]) -> None:
    """Keep a policy. Faults: MalformedPolicyDocument, LimitExceeded above what all of the entity's may hold."""
    name = checking.name(req["PolicyName"], "policyName")
    kind = type(entity)
    inline = {**entity.inline, name: checking.document(req["PolicyDocument"], "identity")}
    most = rules.INLINE_SIZES[kind.__name__.lower()]
    if sum(map(rules.size, inline.values())) > most:
        word = kind.__name__.lower()
        raise Fault("LimitExceeded", f"Maximum policy size of {most} bytes exceeded for {word} {entity.name}")
    ctx.table(kind).put(replace(entity, inline=inline))


def _document(entity: Entity, req: Mapping[str, Any]) -> str:
    """The document of one. Fault: NoSuchEntity."""
    if (found := entity.inline.get(req["PolicyName"])) is None:
        word = type(entity).__name__.lower()
        raise Fault("NoSuchEntity", f"The {word} policy with name {req['PolicyName']} cannot be found.")
    return found


def _get(entity: Entity, req: Mapping[str, Any]) -> Any:
    document = checking.shown_document(_document(entity, req))
    named = f"{type(entity).__name__}Name"
    return {named: entity.name, "PolicyName": req["PolicyName"], "PolicyDocument": document}


def _delete(ctx: Context, entity: Entity, req: Mapping[str, Any]) -> None:
    _document(entity, req)
    inline = {name: text for name, text in entity.inline.items() if name != req["PolicyName"]}
    ctx.table(type(entity)).put(replace(entity, inline=inline))


def _list(ctx: Context, entity: Entity, req: Mapping[str, Any]) -> Any:
    return page(ctx, req, "PolicyNames").items(entity.inline, lambda name: name, lambda name: name)


@ops.on(User, "UserName")
def put_user_policy(ctx: Context, req: api.PutUserPolicyRequest) -> None:
    _put(ctx, ctx.need(User), req)


@ops.on(Group, "GroupName")
def put_group_policy(ctx: Context, req: api.PutGroupPolicyRequest) -> None:
    _put(ctx, ctx.need(Group), req)


@ops.on(Role, "RoleName")
def put_role_policy(ctx: Context, req: api.PutRolePolicyRequest) -> None:
    _put(ctx, changeable(ctx), req)


@ops.on(User, "UserName")
def get_user_policy(ctx: Context, req: api.GetUserPolicyRequest) -> api.GetUserPolicyResponse:
    answer: api.GetUserPolicyResponse = _get(ctx.need(User), req)
    return answer


@ops.on(Group, "GroupName")
def get_group_policy(ctx: Context, req: api.GetGroupPolicyRequest) -> api.GetGroupPolicyResponse:
    answer: api.GetGroupPolicyResponse = _get(ctx.need(Group), req)
    return answer


@ops.on(Role, "RoleName")
def get_role_policy(ctx: Context, req: api.GetRolePolicyRequest) -> api.GetRolePolicyResponse:
    answer: api.GetRolePolicyResponse = _get(ctx.need(Role), req)
    return answer


@ops.on(User, "UserName")
def delete_user_policy(ctx: Context, req: api.DeleteUserPolicyRequest) -> None:
    _delete(ctx, ctx.need(User), req)


@ops.on(Group, "GroupName")
def delete_group_policy(ctx: Context, req: api.DeleteGroupPolicyRequest) -> None:
    _delete(ctx, ctx.need(Group), req)


@ops.on(Role, "RoleName")
def delete_role_policy(ctx: Context, req: api.DeleteRolePolicyRequest) -> None:
    _delete(ctx, changeable(ctx), req)


@ops.on(User, "UserName")
def list_user_policies(ctx: Context, req: api.ListUserPoliciesRequest) -> api.ListUserPoliciesResponse:
    answer: api.ListUserPoliciesResponse = _list(ctx, ctx.need(User), req)
    return answer


@ops.on(Group, "GroupName")
def list_group_policies(ctx: Context, req: api.ListGroupPoliciesRequest) -> api.ListGroupPoliciesResponse:
    answer: api.ListGroupPoliciesResponse = _list(ctx, ctx.need(Group), req)
    return answer


@ops.on(Role, "RoleName")
def list_role_policies(ctx: Context, req: api.ListRolePoliciesRequest) -> api.ListRolePoliciesResponse:
    answer: api.ListRolePoliciesResponse = _list(ctx, ctx.need(Role), req)
    return answer
