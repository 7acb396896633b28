"""Tags on accounts, units, the root and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.organizations import names, policies, standing, tree
from gureum.services.organizations.faults import invalid
from gureum.services.organizations.operations import acting_on, kind_named, ops
from gureum.services.organizations.policy_types import AwsManaged
from gureum.services.organizations.records import Organization, Policy, ResourcePolicy

if TYPE_CHECKING:
    from gureum.api import organizations as api


@ops.on(targets=acting_on("TagResource", "ResourceId"))
def tag_resource(ctx: Context, req: api.TagResourceRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_TagResource.html"""
    organization = standing.administration(ctx)
    arn, held = _arn(ctx, organization, req["ResourceId"]), standing.tags_of(ctx, organization)
    held.put(arn, names.read_tags(req["Tags"], held.of(arn)))


@ops.on(targets=acting_on("UntagResource", "ResourceId"))
def untag_resource(ctx: Context, req: api.UntagResourceRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_UntagResource.html"""
    organization = standing.administration(ctx)
    arn = _arn(ctx, organization, req["ResourceId"])
    standing.tags_of(ctx, organization).remove(arn, req["TagKeys"])


@ops.on(targets=acting_on("ListTagsForResource", "ResourceId"))
def list_tags_for_resource(
    ctx: Context, req: api.ListTagsForResourceRequest
) -> api.ListTagsForResourceResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListTagsForResource.html"""
    organization = standing.administration(ctx)
    held = tags.show(standing.tags_of(ctx, organization).of(_arn(ctx, organization, req["ResourceId"])))
    found = ctx.page(req, 50).items(held, lambda tag: tag["Key"], lambda tag: tag)
    return cast("api.ListTagsForResourceResponse", found)


def _arn(ctx: Context, organization: Organization, identifier: str) -> str:
    """The ARN of what can be tagged. Fault: TargetNotFoundException."""
    kind = kind_named(identifier)
    if kind is kind_of(ResourcePolicy):
        held = ctx.table(ResourcePolicy).get(organization.id)
        if held is None or held.id != identifier:
            raise Fault(*tree.TARGET_MISSING)
        return ctx.table(ResourcePolicy).arn(held)
    if kind is kind_of(Policy):
        policy = policies.find(ctx, organization, identifier)
        if isinstance(policy, AwsManaged):
            raise invalid(
                "TARGET_NOT_SUPPORTED", "You can't perform the specified operation on that target entity."
            )
        return ctx.table(Policy).arn(policy)
    entity = tree.entity(ctx, organization, identifier, tree.TARGET_MISSING)
    return kind_of(type(entity)).arn("", "", entity)
