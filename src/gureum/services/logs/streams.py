"""Log streams: made, listed, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.logs.groups import group_of, streams_of
from gureum.services.logs.journal import Journal
from gureum.services.logs.operations import ops
from gureum.services.logs.records import LogGroup, LogStream

if TYPE_CHECKING:
    from gureum.api import logs as api


@ops.on(LogGroup, "logGroupName")
def create_log_stream(ctx: Context, req: api.CreateLogStreamInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html"""
    ctx.table(LogGroup).need(req["logGroupName"])
    ctx.table(LogStream).add(
        LogStream(
            group=req["logGroupName"],
            name=req["logStreamName"],
            id=ids.hexadecimal(16),
            created=int(ctx.now * 1000),
        )
    )


@ops.on(LogGroup, "logGroupName")
def delete_log_stream(ctx: Context, req: api.DeleteLogStreamInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogStream.html"""
    ctx.table(LogGroup).need(req["logGroupName"])
    stream = ctx.table(LogStream).need(req["logGroupName"], req["logStreamName"])
    ctx.home.on_loop(ctx.part(Journal).forget, [stream.id])
    ctx.table(LogStream).drop(stream)


@ops.on(LogGroup, "logGroupName")
def describe_log_streams(ctx: Context, req: api.DescribeLogStreamsInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html"""
    group = group_of(ctx, req)
    prefix = req.get("logStreamNamePrefix") or ""
    by_time = req.get("orderBy") == "LastEventTime"
    if by_time and prefix:
        raise Fault("InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
    streams = streams_of(ctx, group.name, prefix)
    journal = ctx.part(Journal)

    def place(stream: LogStream) -> str:
        last = journal.index(stream.id).last if by_time else 0
        return f"{last:020d}{stream.name}"

    # A page goes on behind a key; going downwards, keys are counted from the other end.
    ordered = sorted(streams, key=place, reverse=bool(req.get("descending")))
    ranked = [(f"{at:09d}", stream) for at, stream in enumerate(ordered)]
    return ctx.page(req, 50).items(ranked, lambda pair: pair[0], lambda pair: _show(ctx, group, pair[1]))


def _show(ctx: Context, group: LogGroup, stream: LogStream) -> dict[str, Any]:
    index = ctx.part(Journal).index(stream.id)
    found: dict[str, Any] = {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "arn": kind_of(LogStream).arn(ctx.account, ctx.region, stream),
        "storedBytes": 0,  # AWS counts bytes by group only since 2019
        "uploadSequenceToken": stream.id,
    }
    if index.places:
        found["firstEventTimestamp"] = index.first
        found["lastEventTimestamp"] = index.last
        found["lastIngestionTime"] = index.ingested
    return found
