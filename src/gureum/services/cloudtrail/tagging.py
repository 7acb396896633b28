"""Tags of trails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.cloudtrail.finding import unknown
from gureum.services.cloudtrail.operations import ops
from gureum.services.cloudtrail.records import Trail

if TYPE_CHECKING:
    from gureum.api import cloudtrail as api

_MOST_RESOURCES = 20


@ops.on(Trail, "ResourceId")
def add_tags(ctx: Context, req: api.AddTagsRequest) -> api.AddTagsResponse:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AddTags.html"""
    arn = _trail(ctx, req["ResourceId"])
    wanted = tags.read(req["TagsList"])
    if len(wanted) < len(req["TagsList"]):
        raise Fault("InvalidTagParameterException", "Duplicate tag keys were found.")
    tags.check(wanted, "InvalidTagParameterException")
    ctx.tags.put(arn, wanted, too_many="TagsLimitExceededException")
    return {}


@ops.on(Trail, "ResourceId")
def remove_tags(ctx: Context, req: api.RemoveTagsRequest) -> api.RemoveTagsResponse:
    """A tag goes where its key, and its value if one is given, are the ones named."""
    arn = _trail(ctx, req["ResourceId"])
    have = ctx.tags.of(arn)
    gone = [t["Key"] for t in req["TagsList"] if "Value" not in t or have.get(t["Key"]) == t["Value"]]
    ctx.tags.remove(arn, gone)
    return {}


@ops.on()
def list_tags(ctx: Context, req: api.ListTagsRequest) -> api.ListTagsResponse:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_ListTags.html"""
    arns = [_trail(ctx, each) for each in req["ResourceIdList"][: _MOST_RESOURCES + 1]]
    if len(arns) > _MOST_RESOURCES:
        raise Fault("InvalidParameterException", f"At most {_MOST_RESOURCES} resources can be named.")

    def show(arn: str) -> api.ResourceTag:
        return {"ResourceId": arn, "TagsList": tags.show(ctx.tags.of(arn))}  # type: ignore[typeddict-item]

    return ctx.page(req).items(set(arns), lambda arn: arn, show)  # type: ignore[return-value]


def _trail(ctx: Context, arn: str) -> str:
    """The ARN, when a trail of this account has it. Faults: CloudTrailARNInvalidException and others."""
    place = kind_of(Trail).parse(arn)
    if place is None:
        if arn.startswith("arn:") and ":trail/" not in arn and arn.split(":")[2:3] == ["cloudtrail"]:
            raise Fault("ResourceTypeNotSupportedException", "The specified resource type is not supported.")
        raise Fault("CloudTrailARNInvalidException", "The trail ARN is not valid.")
    found = place.account == ctx.account and ctx.table(Trail, region=place.region).get(place.key)
    if not found:
        missing = unknown(arn, ctx.account)
        raise Fault("ResourceNotFoundException", missing.message)
    return arn
