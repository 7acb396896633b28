"""Policies: written, shown, changed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.organizations import names, policy_types, standing
from gureum.services.organizations.faults import invalid
from gureum.services.organizations.operations import acting_on, ops
from gureum.services.organizations.policy_types import AWS_MANAGED, AwsManaged
from gureum.services.organizations.records import Attachment, Organization, Policy

if TYPE_CHECKING:
    from gureum.api import organizations as api


@ops.on()
def create_policy(ctx: Context, req: api.CreatePolicyRequest) -> api.CreatePolicyResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html"""
    organization = standing.administration(ctx)
    if organization.feature_set != "ALL":
        raise policy_types.unavailable()
    policy_types.check(req["Type"], req["Content"])
    _check_name(ctx, organization, req["Name"], req["Type"])
    policy = Policy(
        id=names.policy_id(),
        organization=organization.id,
        management=organization.management,
        name=req["Name"],
        description=req["Description"],
        type=req["Type"],
        content=req["Content"],
        updated=ctx.now,
    )
    table = ctx.table(Policy)
    table.add(policy)
    ctx.table(Organization).put(organization)  # two policies of one name at once: one of them is run again
    standing.tags_of(ctx, organization).put(table.arn(policy), names.read_tags(req.get("Tags")))
    return {"Policy": _show(ctx, policy)}


@ops.on(targets=acting_on("DescribePolicy", "PolicyId"))
def describe_policy(ctx: Context, req: api.DescribePolicyRequest) -> api.DescribePolicyResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribePolicy.html"""
    organization = standing.administration(ctx)
    return {"Policy": _show(ctx, find(ctx, organization, req["PolicyId"]))}


@ops.on(targets=acting_on("UpdatePolicy", "PolicyId"))
def update_policy(ctx: Context, req: api.UpdatePolicyRequest) -> api.UpdatePolicyResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_UpdatePolicy.html"""
    organization = standing.administration(ctx)
    policy = _own(ctx, organization, req["PolicyId"])
    name, content = req.get("Name") or policy.name, req.get("Content") or policy.content
    if content != policy.content:
        policy_types.check(policy.type, content)
    if name != policy.name:
        _check_name(ctx, organization, name, policy.type)
    changed = replace(
        policy,
        name=name,
        description=req.get("Description", policy.description),
        content=content,
        updated=ctx.now,
    )
    return {"Policy": _show(ctx, ctx.table(Policy).put(changed))}


@ops.on(targets=acting_on("DeletePolicy", "PolicyId"))
def delete_policy(ctx: Context, req: api.DeletePolicyRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeletePolicy.html"""
    organization = standing.administration(ctx)
    policy = _own(ctx, organization, req["PolicyId"])
    if next(ctx.table(Attachment).find("policy", f"{organization.id}/{policy.id}"), None) is not None:
        raise Fault(
            "PolicyInUseException",
            "The policy is attached to one or more entities. You must detach it from all roots, OUs, and "
            "accounts before performing this operation.",
        )
    table = ctx.table(Policy)
    standing.tags_of(ctx, organization).forget(table.arn(policy))
    table.drop(policy)


@ops.on()
def list_policies(ctx: Context, req: api.ListPoliciesRequest) -> api.ListPoliciesResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListPolicies.html"""
    organization = standing.administration(ctx)
    wanted = req["Filter"]
    found: list[Policy | AwsManaged] = [one for one in AWS_MANAGED.values() if one.type == wanted]
    found += [
        policy for policy in ctx.table(Policy).find("organization", organization.id) if policy.type == wanted
    ]
    page = ctx.page(req, 20).items(found, lambda one: one.id, lambda one: summary(ctx, one))
    return cast("api.ListPoliciesResponse", page)


def find(ctx: Context, organization: Organization, identifier: str) -> Policy | AwsManaged:
    """A policy of the organization or of AWS. Fault: PolicyNotFoundException."""
    if (managed := AWS_MANAGED.get(identifier)) is not None:
        return managed
    policy = ctx.table(Policy).get(identifier)
    if policy is None or policy.organization != organization.id:
        raise ctx.table(Policy).missing(identifier)
    return policy


def _own(ctx: Context, organization: Organization, identifier: str) -> Policy:
    policy = find(ctx, organization, identifier)
    if isinstance(policy, AwsManaged):
        raise invalid(
            "IMMUTABLE_POLICY", "You specified a policy that is managed by AWS and can't be modified."
        )
    return policy


def _check_name(ctx: Context, organization: Organization, name: str, kind: str) -> None:
    taken = [one.name for one in AWS_MANAGED.values() if one.type == kind]
    policies = ctx.table(Policy).find("organization", organization.id)
    taken += [policy.name for policy in policies if policy.type == kind]
    if name in taken:
        raise Fault("DuplicatePolicyException", "A policy with the same name already exists.")


def summary(ctx: Context, policy: Policy | AwsManaged) -> api.PolicySummary:
    managed = isinstance(policy, AwsManaged)
    return {
        "Id": policy.id,
        "Arn": policy.arn if isinstance(policy, AwsManaged) else ctx.table(Policy).arn(policy),
        "Name": policy.name,
        "Description": policy.description,
        "Type": cast("api.PolicyType", policy.type),
        "AwsManaged": managed,
    }


def _show(ctx: Context, policy: Policy | AwsManaged) -> api.Policy:
    return {"PolicySummary": summary(ctx, policy), "Content": policy.content}
