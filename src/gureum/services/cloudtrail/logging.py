"""Turning a trail on and off, and how it stands.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetTrailStatus.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.listening import Calls
from gureum.services.cloudtrail.event import iso
from gureum.services.cloudtrail.finding import delivery_of, need
from gureum.services.cloudtrail.operations import ops
from gureum.services.cloudtrail.records import Delivery, Digest, Trail

if TYPE_CHECKING:
    from gureum.api import cloudtrail as api


@ops.on(Trail, "Name")
def start_logging(ctx: Context, req: api.StartLoggingRequest) -> api.StartLoggingResponse:
    """From this call on, which is the trail's first. What is left from before goes on being delivered."""
    table, trail = need(ctx, req["Name"])
    delivery = delivery_of(ctx, table.region, trail.name)
    if delivery.logging:
        return {}
    if delivery.drained:
        calls = ctx.part(Calls)
        delivery = replace(
            delivery,
            management=ctx.home.on_loop(lambda: calls.end(management=True)),
            data=ctx.home.on_loop(lambda: calls.end(management=False)),
        )
    ctx.table(Delivery, region=table.region).put(
        replace(delivery, logging=True, drained=False, started=ctx.now)
    )
    return {}


@ops.on(Trail, "Name")
def stop_logging(ctx: Context, req: api.StopLoggingRequest) -> api.StopLoggingResponse:
    """Up to this call, which is the trail's last: a trail is not turned off without that being seen."""
    table, trail = need(ctx, req["Name"])
    delivery = delivery_of(ctx, table.region, trail.name)
    if delivery.logging:
        ctx.table(Delivery, region=table.region).put(replace(delivery, logging=False, stopped=ctx.now))
    return {}


@ops.on(Trail, "Name")
def get_trail_status(ctx: Context, req: api.GetTrailStatusRequest) -> api.GetTrailStatusResponse:
    """Times are those of the last file; an error is S3's code for the last attempt, if it failed."""
    table, trail = need(ctx, req["Name"])
    delivery = delivery_of(ctx, table.region, trail.name)
    shown: api.GetTrailStatusResponse = {"IsLogging": delivery.logging}
    if delivery.started:
        shown["StartLoggingTime"] = delivery.started
        shown["TimeLoggingStarted"] = iso(delivery.started)
    if delivery.stopped:
        shown["StopLoggingTime"] = delivery.stopped
        shown["TimeLoggingStopped"] = iso(delivery.stopped)
    if delivery.delivered:
        shown["LatestDeliveryTime"] = delivery.delivered
    if delivery.attempted:
        shown["LatestDeliveryAttemptTime"] = iso(delivery.attempted)
        shown["LatestDeliveryAttemptSucceeded"] = iso(delivery.delivered) if delivery.delivered else ""
    digests = list(ctx.table(Digest, region=table.region).scan(prefix=f"{trail.name}\x1f"))
    if any(digest.delivered for digest in digests):
        shown["LatestDigestDeliveryTime"] = max(digest.delivered for digest in digests)
    if failed := [digest.error for digest in digests if digest.error]:
        shown["LatestDigestDeliveryError"] = failed[0]
    if delivery.error:
        shown["LatestDeliveryError"] = delivery.error
    return shown
