"""Tags of clusters, task definitions, tasks and services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import Find, Target
from gureum.kernel.records import kind_of
from gureum.services.ecs.operations import ops
from gureum.services.ecs.records import Cluster, Service, Task, TaskDefinition

if TYPE_CHECKING:
    from gureum.api import ecs as api

_KINDS = (Cluster, Service, Task, TaskDefinition)


def _of(action: str) -> Find:
    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        arn = str(req.get("resourceArn") or "")
        for record in _KINDS:
            if place := kind_of(record).parse(arn):
                return (Target(f"ecs:{action}", arn, place.account, place.region, place.kind, place.key),)
        return (Target(f"ecs:{action}", arn or "*", account, region, None, ""),)

    return find


@ops.on(targets=_of("TagResource"))
def tag_resource(ctx: Context, req: api.TagResourceRequest) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TagResource.html"""
    given = tags.read(req["tags"])
    tags.check(given, "InvalidParameterException")
    ctx.tags.put(_need(ctx, req["resourceArn"]), given, too_many="InvalidParameterException")


@ops.on(targets=_of("UntagResource"))
def untag_resource(ctx: Context, req: api.UntagResourceRequest) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UntagResource.html"""
    ctx.tags.remove(_need(ctx, req["resourceArn"]), req["tagKeys"])


@ops.on(targets=_of("ListTagsForResource"))
def list_tags_for_resource(
    ctx: Context, req: api.ListTagsForResourceRequest
) -> api.ListTagsForResourceResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTagsForResource.html"""
    arn = _need(ctx, req["resourceArn"])
    return {"tags": tags.show(ctx.tags.of(arn), "key", "value")}  # type: ignore[typeddict-item]


def _need(ctx: Context, arn: str) -> str:
    """The ARN of a resource that is there. Faults: those of what is missing."""
    for record in _KINDS:
        place = kind_of(record).parse(arn)
        if place is None or (place.account, place.region) != (ctx.account, ctx.region):
            continue
        found = ctx.table(record).need(*place.key.split("\x1f"))
        if getattr(found, "status", "") == "INACTIVE" and record is not TaskDefinition:
            raise ctx.table(record).missing(place.key)
        return arn
    raise Fault("InvalidParameterException", f"The resource ARN {arn} is not valid.")
