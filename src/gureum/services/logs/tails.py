"""Live Tail: events as they come in.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.logs.events import matcher
from gureum.services.logs.groups import streams_of
from gureum.services.logs.journal import Journal, Line, Tail
from gureum.services.logs.operations import by_identifier, ops
from gureum.services.logs.records import LogGroup, LogStream

if TYPE_CHECKING:
    from gureum.api import logs as api

_MOST_SECONDS = 3 * 3600
_MOST_AT_ONCE = 500


@ops.on(LogGroup, "logGroupIdentifiers")
async def start_live_tail(ctx: Context, req: api.StartLiveTailInput) -> Any:
    """A stream of what comes in from now on to the streams there are, at most 500 events each time."""
    groups = [by_identifier(i, ctx.account, ctx.region).key for i in req["logGroupIdentifiers"]]
    streams: dict[str, tuple[str, LogStream]] = {}
    only, prefixes = set(req.get("logStreamNames") or ()), tuple(req.get("logStreamNamePrefixes") or ())
    if (only or prefixes) and len(groups) > 1:
        raise Fault("InvalidParameterException", "Streams can be named for a single log group only.")
    for name in groups:
        ctx.table(LogGroup).need(name)
        for stream in streams_of(ctx, name):
            if (not only or stream.name in only) and (not prefixes or stream.name.startswith(prefixes)):
                streams[stream.id] = (name, stream)
    matches = matcher(req.get("logEventFilterPattern") or "")
    started = {
        "requestId": ctx.request_id,
        "sessionId": ctx.new_id(),
        "logGroupIdentifiers": req["logGroupIdentifiers"],
        "logStreamNames": sorted(only),
        "logStreamNamePrefixes": list(prefixes),
        "logEventFilterPattern": req.get("logEventFilterPattern") or "",
    }
    return {"responseStream": _session(ctx, started, streams, matches)}


async def _session(
    ctx: Context,
    started: dict[str, Any],
    streams: dict[str, tuple[str, LogStream]],
    matches: Callable[[str], bool],
) -> AsyncIterator[dict[str, Any]]:
    journal = ctx.part(Journal)
    tail = journal.follow(frozenset(streams))
    try:
        yield {"sessionStart": started}
        until = ctx.now + _MOST_SECONDS
        while ctx.home.clock.now() < until:
            await tail.bell.wait(1.0)
            found, sampled = _gathered(tail, matches)
            yield {
                "sessionUpdate": {
                    "sessionMetadata": {"sampled": sampled},
                    "sessionResults": [_show(ctx, line, *streams[line.stream]) for line in found],
                }
            }
    finally:
        journal.leave(tail)


def _gathered(tail: Tail, matches: Callable[[str], bool]) -> tuple[list[Line], bool]:
    lines = [line for line in tail.lines if matches(line.message)]
    sampled = tail.dropped or len(lines) > _MOST_AT_ONCE
    tail.lines.clear()
    tail.dropped = False
    return lines[:_MOST_AT_ONCE], sampled


def _show(ctx: Context, line: Line, group: str, stream: LogStream) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "logGroupIdentifier": f"{ctx.account}:{group}",
        "message": line.message,
        "timestamp": line.timestamp,
        "ingestionTime": line.ingested,
    }
