"""Events: put, got back by stream, found by pattern.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel import pages
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.logs import patterns
from gureum.services.logs.groups import group_of, streams_of
from gureum.services.logs.journal import Journal, Line, read
from gureum.services.logs.operations import ops
from gureum.services.logs.records import LogGroup, LogStream

if TYPE_CHECKING:
    from gureum.api import logs as api

_MOST_EVENTS = 10_000
_MOST_BYTES = 1_048_576
_OVERHEAD = 26
_DAY_MS = 86_400_000
_FOR_EVER = 1 << 62


@ops.inline
@ops.on(LogGroup, "logGroupName", data_event=True)
def put_log_events(ctx: Context, req: api.PutLogEventsInput) -> Any:
    """Keep a batch of events. Those too old, too new or past the group's retention are left out, and told."""
    group = ctx.table(LogGroup).need(req["logGroupName"])
    stream = ctx.table(LogStream).need(req["logGroupName"], req["logStreamName"])
    given = req["logEvents"]
    if len(given) > _MOST_EVENTS:
        raise Fault(
            "InvalidParameterException",
            f"Log events in a single PutLogEvents request cannot exceed {_MOST_EVENTS}.",
        )
    events, size = [], 0
    for event in given:
        message = event["message"]
        size += (len(message) if message.isascii() else len(message.encode())) + _OVERHEAD
        events.append((event["timestamp"], message))
    if size > _MOST_BYTES:
        raise Fault(
            "InvalidParameterException", f"Upload too large: {size} bytes exceeds limit of {_MOST_BYTES}"
        )
    if any(events[i][0] > events[i + 1][0] for i in range(len(events) - 1)):
        raise Fault(
            "InvalidParameterException",
            "Log events in a single PutLogEvents request must be in chronological order.",
        )
    if events[-1][0] - events[0][0] > _DAY_MS:
        raise Fault(
            "InvalidParameterException",
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        )
    kept, rejected = _accepted(events, int(ctx.now * 1000), group.retention_days)
    if kept:
        if len(kept) != len(events):
            size = sum(len(message.encode()) + _OVERHEAD for _, message in kept)
        ctx.part(Journal).put(stream.id, kept, size)
    answer: dict[str, Any] = {"nextSequenceToken": stream.id}
    if rejected:
        answer["rejectedLogEventsInfo"] = rejected
    return answer


def _accepted(
    events: list[tuple[int, str]], now: int, retention_days: int
) -> tuple[list[tuple[int, str]], dict[str, int]]:
    """The events that may be kept, and where the others begin or end."""
    newest, oldest = now + 2 * 3_600_000, now - 14 * _DAY_MS
    expired = now - retention_days * _DAY_MS if retention_days else 0
    if events[0][0] >= max(oldest, expired) and events[-1][0] <= newest:
        return events, {}
    rejected: dict[str, int] = {}
    too_new = [i for i, event in enumerate(events) if event[0] > newest]
    too_old = [i for i, event in enumerate(events) if event[0] < oldest]
    past = [i for i, event in enumerate(events) if event[0] < expired]
    if too_new:
        rejected["tooNewLogEventStartIndex"] = too_new[0]
    if too_old:
        rejected["tooOldLogEventEndIndex"] = too_old[-1] + 1
    if past:
        rejected["expiredLogEventEndIndex"] = past[-1] + 1
    out = {*too_new, *too_old, *past}
    return [event for i, event in enumerate(events) if i not in out], rejected


@ops.on(LogGroup, "logGroupName")
def get_log_events(ctx: Context, req: api.GetLogEventsInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html"""
    group = group_of(ctx, req)
    stream = ctx.table(LogStream).need(group.name, req["logStreamName"])
    limit, token = req.get("limit", _MOST_EVENTS), req.get("nextToken") or ""
    lines = _within(ctx, group, [stream], req)
    if token:
        direction, _, at = token.partition("/")
        if direction not in {"f", "b"} or len(at) != 56 or not at.isdigit():
            raise Fault("InvalidParameterException", "The specified nextToken is invalid.")
        forward = direction == "f"
        lines = (line for line in lines if (line.key > at if forward else line.key < at))
    else:
        forward, at = bool(req.get("startFromHead")), ""
    found = (
        heapq.nsmallest(limit, lines, key=_key) if forward else heapq.nlargest(limit, lines, key=_key)[::-1]
    )
    # At either end AWS gives the token back that was sent.
    edge = at or ("0" * 56 if forward else "9" * 56)
    return {
        "events": [
            {"timestamp": line.timestamp, "message": line.message, "ingestionTime": line.ingested}
            for line in found
        ],
        "nextForwardToken": f"f/{found[-1].key if found else edge}",
        "nextBackwardToken": f"b/{found[0].key if found else edge}",
    }


@ops.on(LogGroup, "logGroupName")
def filter_log_events(ctx: Context, req: api.FilterLogEventsInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html"""
    group = group_of(ctx, req)
    names, prefix = req.get("logStreamNames") or [], req.get("logStreamNamePrefix") or ""
    if names and prefix:
        raise Fault(
            "InvalidParameterException", "logStreamNames and logStreamNamePrefix cannot be given together."
        )
    streams = [ctx.table(LogStream).need(group.name, name) for name in names] or streams_of(
        ctx, group.name, prefix
    )
    matches = matcher(req.get("filterPattern") or "")
    after = pages.read_token(req.get("nextToken"), ops.bad_token)
    limit = req.get("limit", _MOST_EVENTS)
    newest_first = req.get("startFromHead") is False
    lines = (line for line in _within(ctx, group, streams, req) if matches(line.message))
    if after:
        lines = (line for line in lines if (_place(line) < after if newest_first else _place(line) > after))
    pick = heapq.nlargest if newest_first else heapq.nsmallest
    found = pick(limit + 1, lines, key=_place)
    named = {stream.id: stream.name for stream in streams}
    answer: dict[str, Any] = {
        "events": [
            {
                "logStreamName": named[line.stream],
                "timestamp": line.timestamp,
                "message": line.message,
                "ingestionTime": line.ingested,
                "eventId": line.key,
            }
            for line in found[:limit]
        ],
        "searchedLogStreams": [],  # as AWS has answered since 2020
    }
    if len(found) > limit:
        answer["nextToken"] = pages.token(_place(found[limit - 1]))
    return answer


@ops.on()
def test_metric_filter(ctx: Context, req: api.TestMetricFilterInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html"""
    try:
        pattern = patterns.Pattern(req["filterPattern"])
    except patterns.Malformed as malformed:
        raise Fault("InvalidParameterException", malformed.message) from None
    found = []
    for number, message in enumerate(req["logEventMessages"], 1):
        if pattern.matches(message):
            extracted = pattern.extract(message) or {}
            found.append({"eventNumber": number, "eventMessage": message, "extractedValues": extracted})
    return {"matches": found}


def matcher(text: str) -> Callable[[str], bool]:
    """The predicate of a filter pattern. Fault: InvalidParameterException."""
    try:
        return patterns.compile(text)
    except patterns.Malformed as malformed:
        message = malformed.message if malformed.particular else "Invalid filter pattern"
        raise Fault("InvalidParameterException", message) from None


def kept_since(group: LogGroup, now: float) -> int:
    """The time before which a group's events are past their retention, in milliseconds."""
    return int(now * 1000) - group.retention_days * _DAY_MS if group.retention_days else 0


def _within(
    ctx: Context, group: LogGroup, streams: Sequence[LogStream], req: Mapping[str, Any]
) -> Iterator[Line]:
    if req.get("unmask"):
        raise Fault("InvalidParameterException", "Nothing is masked here: data protection is not built.")
    start = max(req.get("startTime", 0), kept_since(group, ctx.now))
    return read(ctx.home, [stream.id for stream in streams], start, req.get("endTime", _FOR_EVER))


def _key(line: Line) -> str:
    return line.key


def _place(line: Line) -> str:
    return f"{line.key}{line.stream}"
