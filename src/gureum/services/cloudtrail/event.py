"""A call as CloudTrail writes it down.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from gureum.kernel.events import Called
from gureum.kernel.models import Model, Shape, load
from gureum.services.cloudtrail.rules import GLOBAL_REGION, GLOBAL_SERVICES, resource_type

_VERSION = "1.11"
_SOURCES = {"email": "ses"}

Show = Callable[[Any], Any]


def region_of(called: Called) -> str:
    """The region whose trail shows a call."""
    return GLOBAL_REGION if called.service in GLOBAL_SERVICES else called.region


@cache
def source_of(service: str) -> str:
    """The `eventSource` of a service: its endpoint's name, or its signing name where that is no one word."""
    metadata = load(service).metadata
    name = metadata.endpoint_prefix
    if "." in name:
        name = metadata.signing_name
    return f"{_SOURCES.get(name, name)}.amazonaws.com"


def event_of(called: Called, account: str) -> dict[str, Any]:
    """The event as `account` sees it: the caller's, or that of the resource's owner."""
    resources = [_resource(arn, called.owner or called.account) for arn in called.resources]
    found: dict[str, Any] = {
        "eventVersion": _VERSION,
        "userIdentity": called.identity,
        "eventTime": iso(called.at),
        "eventSource": source_of(called.service),
        "eventName": called.operation,
        "awsRegion": region_of(called),
        "sourceIPAddress": called.source_ip,
        "userAgent": called.user_agent,
    }
    if called.error is not None:
        found["errorCode"], found["errorMessage"] = called.error
    found["requestParameters"] = _members(called, called.request, output=False)
    found["responseElements"] = None if called.read_only else _members(called, called.response, output=True)
    found |= {
        "requestID": called.request_id,
        "eventID": event_id(called, account),
        "readOnly": called.read_only,
    }
    if resources:
        found["resources"] = resources
    found |= {
        "eventType": "AwsApiCall",
        "managementEvent": called.management,
        "recipientAccountId": account,
        "eventCategory": "Management" if called.management else "Data",
    }
    if called.owner:
        found["sharedEventID"] = called.id
    return found


def event_id(called: Called, account: str) -> str:
    """The event's id. Of a call across accounts each account has an event of its own."""
    if account == called.account:
        return called.id
    return str(uuid.uuid5(uuid.UUID(called.id), account))


def iso(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _resource(arn: str, account: str) -> dict[str, str]:
    kind = resource_type(arn)
    found = {"accountId": account, "ARN": arn}
    if kind:
        found["type"] = kind
    return found


def _members(called: Called, value: Mapping[str, Any] | None, *, output: bool) -> dict[str, Any] | None:
    if not value:
        return None
    shown: dict[str, Any] = _shower(called.service, called.operation, output=output)(value)
    if called.service == "s3" and not output and "bucket" in shown:
        shown["bucketName"] = shown.pop("bucket")
    return shown or None


@cache
def _shower(service: str, operation: str, *, output: bool) -> Show:
    model = load(service)
    found = model.operations.get(operation)
    shape = None if found is None else model.output(found) if output else model.input(found)
    return _same if shape is None else _Showing(model).of(shape)


class _Showing:
    """Compiles the copying of a shape's values, with members' first letters lowered and times written out."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._made: dict[str, Show] = {}

    def of(self, shape: Shape) -> Show:
        if shape.document:
            return _same
        if shape.type == "structure":
            return self._structure(shape)
        if shape.type == "list" and shape.member is not None:
            each = self.of(self._model.resolve(shape.member))
            return lambda value: [each(item) for item in value] if isinstance(value, list) else value
        if shape.type == "map" and shape.value is not None:
            inner = self.of(self._model.resolve(shape.value))
            return lambda value: {k: inner(v) for k, v in value.items()} if isinstance(value, dict) else value
        return _time if shape.type == "timestamp" else _same

    def _structure(self, shape: Shape) -> Show:
        if (known := self._made.get(shape.name)) is not None:
            return known
        rules: dict[str, tuple[str, Show]] = {}

        def show(value: Any) -> Any:
            if not isinstance(value, Mapping):
                return value  # hidden from the trail
            return {rules[name][0]: rules[name][1](v) for name, v in value.items() if name in rules}

        self._made[shape.name] = show  # before its members, which may lead back to it
        for name, inner in self._model.members_of(shape).items():
            rules[name] = (name[:1].lower() + name[1:], self.of(inner))
        return show


def _same(value: Any) -> Any:
    return value


def _time(value: Any) -> Any:
    """`Nov 24, 2026 9:05:01 AM`, as events write times."""
    if not isinstance(value, (int, float)):
        return value
    return time.strftime("%b %-d, %Y %-I:%M:%S %p", time.gmtime(value))
