"""Tags of KMS keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.services.kms import finding, states
from gureum.services.kms.facts import Facts
from gureum.services.kms.keys import put_tags
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key

if TYPE_CHECKING:
    from gureum.api import kms as api


@ops.on(Key, "KeyId", look=finding.key("TagResource"), keys=Facts)
def tag_resource(ctx: Context, req: api.TagResourceRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html"""
    put_tags(ctx, _taggable(ctx), req["Tags"])


@ops.on(Key, "KeyId", look=finding.key("UntagResource"), keys=Facts)
def untag_resource(ctx: Context, req: api.UntagResourceRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html"""
    ctx.tags.remove(_taggable(ctx), req["TagKeys"])


def _taggable(ctx: Context) -> str:
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.customer_managed(key, arn)
    states.manageable(key, arn)
    return arn


@ops.on(Key, "KeyId", look=finding.key("ListResourceTags"), keys=Facts)
def list_resource_tags(ctx: Context, req: api.ListResourceTagsRequest) -> api.ListResourceTagsResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html"""
    ctx.need(Key)
    found = tags.show(ctx.tags.of(ctx.targets[0].arn), "TagKey", "TagValue")
    return ctx.page(req, 50).items(found, lambda tag: tag["TagKey"], lambda tag: tag)  # type: ignore[return-value]
