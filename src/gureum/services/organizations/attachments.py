"""Policies attached to the root, to units and to accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gureum.kernel.context import Context
from gureum.services.organizations import policies, roots, standing, tree
from gureum.services.organizations.faults import constraint, invalid
from gureum.services.organizations.operations import acting_on, ops
from gureum.services.organizations.policy_types import RCP, SCP, TYPES, AwsManaged
from gureum.services.organizations.records import Account, Attachment, Organization, OrganizationalUnit, Root

if TYPE_CHECKING:
    from gureum.api import organizations as api


@ops.on(targets=acting_on("AttachPolicy", "PolicyId", "TargetId"))
def attach_policy(ctx: Context, req: api.AttachPolicyRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_AttachPolicy.html"""
    organization = standing.administration(ctx)
    policy = policies.find(ctx, organization, req["PolicyId"])
    target = tree.entity(ctx, organization, req["TargetId"], tree.TARGET_MISSING)
    _check_enabled(ctx, organization, policy.type)
    table = ctx.table(Attachment)
    if table.get(target.id, policy.id) is None and len(_of_type(ctx, target.id, policy.type)) >= (
        TYPES[policy.type].most_attached
    ):
        raise constraint(
            "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You have attached the maximum number of policies to the specified target.",
        )
    table.add(
        Attachment(
            target=target.id,
            policy=policy.id,
            organization=organization.id,
            management=organization.management,
            type=policy.type,
            at=ctx.now,
        )
    )
    tree.touch(ctx, target)  # of two changes at once that would break a limit, one is run again


@ops.on(targets=acting_on("DetachPolicy", "PolicyId", "TargetId"))
def detach_policy(ctx: Context, req: api.DetachPolicyRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DetachPolicy.html"""
    organization = standing.administration(ctx)
    policy = policies.find(ctx, organization, req["PolicyId"])
    target = tree.entity(ctx, organization, req["TargetId"], tree.TARGET_MISSING)
    attachment = ctx.table(Attachment).need(target.id, policy.id)
    if policy.type == RCP and isinstance(policy, AwsManaged):
        raise invalid("NON_DETACHABLE_POLICY", "You can't detach this AWS Managed Policy.")
    if policy.type == SCP and len(_of_type(ctx, target.id, SCP)) == 1:
        raise constraint(
            "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
            "You cannot remove the last policy attached to the specified target. You must have at least one "
            "attached at all times.",
        )
    ctx.table(Attachment).drop(attachment)
    tree.touch(ctx, target)  # of two changes at once that would break a limit, one is run again


@ops.on(targets=acting_on("ListPoliciesForTarget", "TargetId"))
def list_policies_for_target(
    ctx: Context, req: api.ListPoliciesForTargetRequest
) -> api.ListPoliciesForTargetResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPoliciesForTarget.html"""
    organization = standing.administration(ctx)
    target = tree.entity(ctx, organization, req["TargetId"], tree.TARGET_MISSING)
    found = [
        policies.find(ctx, organization, attachment.policy)
        for attachment in _of_type(ctx, target.id, req["Filter"])
    ]
    page = ctx.page(req, 20).items(found, lambda one: one.id, lambda one: policies.summary(ctx, one))
    return cast("api.ListPoliciesForTargetResponse", page)


@ops.on(targets=acting_on("ListTargetsForPolicy", "PolicyId"))
def list_targets_for_policy(
    ctx: Context, req: api.ListTargetsForPolicyRequest
) -> api.ListTargetsForPolicyResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTargetsForPolicy.html"""
    organization = standing.administration(ctx)
    policy = policies.find(ctx, organization, req["PolicyId"])
    page = ctx.page(req, 20).table(
        ctx.table(Attachment),
        lambda one: _show_target(ctx, tree.entity(ctx, organization, one.target, tree.TARGET_MISSING)),
        index=("policy", f"{organization.id}/{policy.id}"),
    )
    return cast("api.ListTargetsForPolicyResponse", page)


def _check_enabled(ctx: Context, organization: Organization, name: str) -> None:
    if name not in ctx.table(Root).need(organization.root).enabled:
        raise roots.not_enabled()


def _of_type(ctx: Context, target: str, name: str) -> list[Attachment]:
    return [one for one in ctx.table(Attachment).find("target", target) if one.type == name]


def _show_target(ctx: Context, target: tree.Entity) -> api.PolicyTargetSummary:
    if isinstance(target, Root):
        arn, kind = ctx.table(Root).arn(target), "ROOT"
    elif isinstance(target, OrganizationalUnit):
        arn, kind = ctx.table(OrganizationalUnit).arn(target), "ORGANIZATIONAL_UNIT"
    else:
        arn, kind = ctx.table(Account).arn(target), "ACCOUNT"
    return {"TargetId": target.id, "Arn": arn, "Name": target.name, "Type": cast("api.TargetType", kind)}
