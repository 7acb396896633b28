"""The organization's own resource policy: what members may do in Organizations.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gureum import policy
from gureum.kernel.context import Context
from gureum.services.organizations import names, standing
from gureum.services.organizations.faults import constraint, invalid
from gureum.services.organizations.operations import ops
from gureum.services.organizations.records import ResourcePolicy

if TYPE_CHECKING:
    from gureum.api import organizations as api

_MOST_CHARACTERS = 40_000


@ops.on()
def put_resource_policy(ctx: Context, req: api.PutResourcePolicyRequest) -> api.PutResourcePolicyResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_PutResourcePolicy.html"""
    organization = standing.management(ctx)
    _check(req["Content"])
    table = ctx.table(ResourcePolicy)
    held = table.get(organization.id)
    if held is not None and req.get("Tags"):
        raise invalid(
            "INVALID_LIST_MEMBER",
            "You can add tags only when you create the resource policy, not when you update it.",
        )
    kept = table.put(
        replace(held, content=req["Content"])
        if held is not None
        else ResourcePolicy(
            organization=organization.id,
            id=names.resource_policy_id(),
            management=organization.management,
            content=req["Content"],
        )
    )
    standing.tags_of(ctx, organization).put(table.arn(kept), names.read_tags(req.get("Tags")))
    return {"ResourcePolicy": _show(ctx, kept)}


@ops.on()
def describe_resource_policy(ctx: Context, req: object) -> api.DescribeResourcePolicyResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeResourcePolicy.html"""
    organization = standing.administration(ctx)
    return {"ResourcePolicy": _show(ctx, ctx.table(ResourcePolicy).need(organization.id))}


@ops.on()
def delete_resource_policy(ctx: Context, req: object) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteResourcePolicy.html"""
    organization = standing.management(ctx)
    table = ctx.table(ResourcePolicy)
    held = table.need(organization.id)
    standing.tags_of(ctx, organization).forget(table.arn(held))
    table.drop(held)


def _check(content: str) -> None:
    if len(content) > _MOST_CHARACTERS:
        raise constraint(
            "POLICY_CONTENT_LIMIT_EXCEEDED", "You have exceeded the maximum size limit for a policy."
        )
    try:
        parsed = policy.parse(content, "resource")
    except policy.Malformed:
        raise invalid(
            "INVALID_RESOURCE_POLICY_JSON", "You provided a resource policy with invalid JSON."
        ) from None
    for statement in parsed.statements:
        if statement.not_action or any(not one.startswith("organizations:") for one in statement.actions):
            raise invalid(
                "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY",
                "You provided an action that isn't supported in a resource policy.",
            )


def _show(ctx: Context, held: ResourcePolicy) -> api.ResourcePolicy:
    return {
        "ResourcePolicySummary": {"Id": held.id, "Arn": ctx.table(ResourcePolicy).arn(held)},
        "Content": held.content,
    }
