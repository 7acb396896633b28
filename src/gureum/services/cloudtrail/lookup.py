"""LookupEvents: the account's own management events, newest first.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel import pages
from gureum.kernel.context import Context
from gureum.kernel.events import Called
from gureum.kernel.faults import Fault
from gureum.kernel.listening import Calls
from gureum.services.cloudtrail.event import event_id, event_of, region_of, source_of
from gureum.services.cloudtrail.operations import ops
from gureum.services.cloudtrail.rules import resource_name, resource_type

if TYPE_CHECKING:
    from gureum.api import cloudtrail as api

_MOST = 50
_KEPT_SECONDS = 90 * 86_400

Match = Callable[[Called], bool]


@ops.on()
def lookup_events(ctx: Context, req: api.LookupEventsRequest) -> api.LookupEventsResponse:
    """One page; the token names the last event shown, so that newer ones do not move the pages.

    Faults: InvalidTimeRangeException, InvalidMaxResultsException, InvalidLookupAttributesException,
    InvalidNextTokenException.
    """
    most = req.get("MaxResults", _MOST)
    if not 1 <= most <= _MOST:
        raise Fault("InvalidMaxResultsException", f"Specified max results must be between 1 and {_MOST}.")
    start, end = req.get("StartTime"), req.get("EndTime")
    if start is not None and end is not None and start > end:
        raise Fault("InvalidTimeRangeException", "End time cannot be before start time.")
    if req.get("EventCategory"):
        return {"Events": []}  # Insights events, which nothing here makes
    matches = [_match(ctx, each) for each in req.get("LookupAttributes") or ()]
    if len(matches) > 1:
        raise Fault("InvalidLookupAttributesException", "You can specify only one lookup attribute.")
    earliest = max(start or 0.0, ctx.now - _KEPT_SECONDS)
    found = [
        called
        for _, called in zip(
            range(most + 1),
            _after(ctx, req.get("NextToken"), _between(ctx, earliest, end, matches)),
            strict=False,
        )
    ]
    answer: api.LookupEventsResponse = {"Events": [_show(ctx, called) for called in found[:most]]}
    if len(found) > most:
        answer["NextToken"] = pages.token(found[most - 1].id)
    return answer


def _between(ctx: Context, earliest: float, latest: float | None, matches: list[Match]) -> Iterator[Called]:
    for called in ctx.part(Calls).newest_first(management=True):
        if called.at < earliest:
            return
        if latest is not None and called.at >= latest + 1:  # times are given in whole seconds
            continue
        if ctx.account not in (called.account, called.owner) or region_of(called) != ctx.region:
            continue
        if all(match(called) for match in matches):
            yield called


def _after(ctx: Context, token: str | None, calls: Iterator[Called]) -> Iterator[Called]:
    if not token:
        yield from calls
        return
    last = pages.read_token(token, "InvalidNextTokenException")
    for called in calls:
        if called.id == last:
            yield from calls
            return
    raise Fault("InvalidNextTokenException", "Invalid token.")


def _match(ctx: Context, attribute: api.LookupAttribute) -> Match:
    key, value = attribute["AttributeKey"], attribute["AttributeValue"]
    if not 1 <= len(value) <= 2000:
        raise Fault("InvalidLookupAttributesException", "The lookup attribute value has a wrong length.")
    account = ctx.account
    matches: dict[str, Match] = {
        "EventId": lambda c: event_id(c, account) == value,
        "EventName": lambda c: c.operation == value,
        "ReadOnly": lambda c: ("true" if c.read_only else "false") == value.lower(),
        "Username": lambda c: _username(c.identity) == value,
        "ResourceType": lambda c: any(resource_type(arn) == value for arn in c.resources),
        "ResourceName": lambda c: any(value in (arn, resource_name(arn)) for arn in c.resources),
        "EventSource": lambda c: source_of(c.service) == value,
        "AccessKeyId": lambda c: c.identity.get("accessKeyId") == value,
    }
    return matches[key]


def _username(identity: dict[str, Any]) -> str:
    """A user's name, a session's, `root`, or the service that called."""
    kind = identity.get("type")
    if kind == "Root":
        return "root"
    if kind == "IAMUser":
        return str(identity.get("userName", ""))
    if kind == "AWSService":
        return str(identity.get("invokedBy", "")).removesuffix(".amazonaws.com")
    return str(identity.get("arn", "")).rpartition("/")[2]


def _show(ctx: Context, called: Called) -> api.Event:
    event = event_of(called, ctx.account)
    shown: api.Event = {
        "EventId": event["eventID"],
        "EventName": called.operation,
        "ReadOnly": "true" if called.read_only else "false",
        "EventTime": float(int(called.at)),
        "EventSource": event["eventSource"],
        "Resources": [_resource(arn) for arn in called.resources],
        "CloudTrailEvent": msgspec.json.encode(event).decode(),
    }
    if name := _username(called.identity):
        shown["Username"] = name
    if key := called.identity.get("accessKeyId"):
        shown["AccessKeyId"] = key
    return shown


def _resource(arn: str) -> api.Resource:
    shown: api.Resource = {"ResourceName": resource_name(arn)}
    if kind := resource_type(arn):
        shown["ResourceType"] = kind
    return shown
