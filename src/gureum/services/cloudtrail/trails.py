"""Trails: made, found, changed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.cloudtrail import destination
from gureum.services.cloudtrail.finding import all_of, home_of, need
from gureum.services.cloudtrail.operations import ops
from gureum.services.cloudtrail.records import Delivery, Digest, Trail
from gureum.services.cloudtrail.rules import wrong_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gureum.api import cloudtrail as api

_MOST_TRAILS = 5  # of one home region
# Delivery to these is not built: asking for it is refused rather than forgotten.
_NOT_BUILT = (
    "SnsTopicName",
    "CloudWatchLogsLogGroupArn",
    "CloudWatchLogsRoleArn",
    "KmsKeyId",
    "IsOrganizationTrail",
)


@ops.live
@ops.on(Trail, "Name")
def create_trail(ctx: Context, req: api.CreateTrailRequest) -> api.CreateTrailResponse:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_CreateTrail.html"""
    name = req["Name"]
    if problem := wrong_name(name):
        raise Fault("InvalidTrailNameException", problem)
    known = [(region, trail) for region, trail in all_of(ctx) if region == ctx.region or trail.multi_region]
    if any(trail.name == name for _, trail in known):
        raise Fault("TrailAlreadyExistsException", f"Trail {name} already exists for customer: {ctx.account}")
    if sum(region == ctx.region for region, _ in known) >= _MOST_TRAILS:
        raise Fault(
            "MaximumNumberOfTrailsExceededException",
            f"User: {ctx.account} already has {_MOST_TRAILS} trails in {ctx.region}.",
        )
    table = ctx.table(Trail)
    made = _changed(Trail(name=name, created=ctx.now, bucket=req["S3BucketName"]), req)
    arn = table.arn(made)
    destination.check(ctx, arn, made)
    table.put(made)
    ctx.tags.put(arn, tags.read(req.get("TagsList")), too_many="TagsLimitExceededException")
    return _settings(arn, made)  # type: ignore[return-value]


@ops.live
@ops.on(Trail, "Name")
def update_trail(ctx: Context, req: api.UpdateTrailRequest) -> api.UpdateTrailResponse:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_UpdateTrail.html"""
    table, trail = need(ctx, req["Name"])
    after, arn = _changed(trail, req), table.arn(trail)
    if (after.bucket, after.prefix) != (trail.bucket, trail.prefix):
        destination.check(ctx, arn, after)
    table.put(after)
    return _settings(arn, after)  # type: ignore[return-value]


@ops.on(Trail, "Name")
def get_trail(ctx: Context, req: api.GetTrailRequest) -> api.GetTrailResponse:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrail.html"""
    table, trail = need(ctx, req["Name"])
    return {"Trail": _show(ctx, table.region, trail)}


@ops.on()
def describe_trails(ctx: Context, req: api.DescribeTrailsRequest) -> api.DescribeTrailsResponse:
    """Trails of this region, and with `includeShadowTrails` (the default) multi-Region ones of others.

    Names that are not there are left out, as AWS does.
    """
    shadows = req.get("includeShadowTrails", True)
    found = [
        (region, trail)
        for region, trail in all_of(ctx)
        if region == ctx.region or (shadows and trail.multi_region)
    ]
    if asked := req.get("trailNameList"):
        wanted = {home_of(ctx, each) for each in asked}
        by_name = {each for each in asked if not each.startswith("arn:")}
        found = [(r, t) for r, t in found if (r, t.name) in wanted or t.name in by_name]
    return {"trailList": [_show(ctx, region, trail) for region, trail in found]}


@ops.on()
def list_trails(ctx: Context, req: api.ListTrailsRequest) -> api.ListTrailsResponse:
    """Every trail of the account, whatever its region."""

    def show(entry: tuple[str, Trail]) -> api.TrailInfo:
        region, trail = entry
        return {"TrailARN": _arn(ctx, region, trail), "Name": trail.name, "HomeRegion": region}

    return ctx.page(req).items(all_of(ctx), lambda e: f"{e[1].name}/{e[0]}", show)  # type: ignore[return-value]


@ops.on(Trail, "Name")
def delete_trail(ctx: Context, req: api.DeleteTrailRequest) -> api.DeleteTrailResponse:
    """The trail goes, with its position; the files in the bucket stay."""
    table, trail = need(ctx, req["Name"])
    table.drop(trail)
    deliveries = ctx.table(Delivery, region=table.region)
    if (delivery := deliveries.get(trail.name)) is not None:
        deliveries.drop(delivery)
    digests = ctx.table(Digest, region=table.region)
    for digest in list(digests.scan(prefix=f"{trail.name}\x1f")):
        digests.drop(digest)
    ctx.tags.forget(table.arn(trail))
    return {}


def _changed(trail: Trail, req: Mapping[str, Any]) -> Trail:
    for member in _NOT_BUILT:
        if req.get(member):
            raise Fault("UnsupportedOperationException", f"{member} is not supported here.")
    after = replace(
        trail,
        bucket=req.get("S3BucketName", trail.bucket),
        prefix=req.get("S3KeyPrefix", trail.prefix).strip("/"),
        multi_region=req.get("IsMultiRegionTrail", trail.multi_region),
        global_events=req.get("IncludeGlobalServiceEvents", trail.global_events),
        validated=req.get("EnableLogFileValidation", trail.validated),
        recursive=req.get("RecursiveLogging", trail.recursive),
    )
    if after.multi_region and not after.global_events:
        raise Fault(
            "InvalidParameterCombinationException", "Multi-Region trail must include global service events."
        )
    return after


def _arn(ctx: Context, region: str, trail: Trail) -> str:
    return kind_of(Trail).arn(ctx.account, region, trail)


def _settings(arn: str, trail: Trail) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Name": trail.name,
        "S3BucketName": trail.bucket,
        "IncludeGlobalServiceEvents": trail.global_events,
        "IsMultiRegionTrail": trail.multi_region,
        "TrailARN": arn,
        "LogFileValidationEnabled": trail.validated,
        "IsOrganizationTrail": False,
        "RecursiveLogging": trail.recursive,
    }
    if trail.prefix:
        shown["S3KeyPrefix"] = trail.prefix
    return shown


def _show(ctx: Context, region: str, trail: Trail) -> Any:
    return _settings(_arn(ctx, region, trail), trail) | {
        "HomeRegion": region,
        "HasCustomEventSelectors": bool(trail.selectors or trail.advanced),
        "HasInsightSelectors": False,
    }
