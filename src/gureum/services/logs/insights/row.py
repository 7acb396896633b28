"""A log event as a query sees it: its system fields, and those discovered in its message.

Source: "Supported logs and discovered fields" in the CloudWatch Logs user guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gureum.services.logs.insights.values import Value, plain, read_json, read_json_inside


@dataclass(frozen=True, slots=True)
class Event:
    """One stored event. `timestamp` and `ingestion` are milliseconds since 1970, `account` owns the group."""

    message: str
    timestamp: int
    ingestion: int
    stream: str
    group: str
    account: str
    pointer: str  # what GetLogRecord takes back


class Row:
    """One row on its way through a query: `values` are what commands made of it."""

    __slots__ = ("_document", "event", "values")

    def __init__(
        self, event: Event | None, values: dict[str, Value] | None = None, document: Any = False
    ) -> None:
        self.event = event
        self.values: dict[str, Value] = {} if values is None else values
        self._document = document  # False: not looked for yet

    def document(self) -> dict[str, Any]:
        """The message's discovered fields, as a JSON object."""
        if self._document is False:
            self._document = _discover(self.event) if self.event is not None else {}
        found: dict[str, Any] = self._document
        return found

    def with_value(self, name: str, value: Value) -> Row:
        """A copy with one value more."""
        return Row(self.event, {**self.values, name: value}, self._document)


_REPORT = {
    "@duration": (r"\tDuration: ([\d.]+) ms", 1),
    "@billedDuration": (r"\tBilled Duration: ([\d.]+) ms", 1),
    "@initDuration": (r"\tInit Duration: ([\d.]+) ms", 1),
    "@memorySize": (r"\tMemory Size: (\d+) MB", 1_000_000),
    "@maxMemoryUsed": (r"\tMax Memory Used: (\d+) MB", 1_000_000),
}
_REPORTED = {name: (re.compile(source), scale) for name, (source, scale) in _REPORT.items()}
_TRACE = re.compile(r"XRAY TraceId: (\S+)(?:\tSegmentId: (\S+))?")
_REQUEST = re.compile(r"(?:RequestId: |^\S+Z\t)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_FLOW = (
    "version", "accountId", "interfaceId", "srcAddr", "dstAddr", "srcPort", "dstPort", "protocol", "packets",
    "bytes", "start", "end", "action", "logStatus",
)  # fmt: skip
_FLOW_LINE = re.compile(r"2 \d{12} eni-\S+(?: \S+){11}\Z")


def _discover(event: Event) -> dict[str, Any]:
    message = event.message
    if message.startswith("{"):
        found = read_json(message)
        if isinstance(found, dict):
            return found
    if event.group.startswith("/aws/lambda/"):
        found = read_json_inside(message)
        return {**(found if isinstance(found, dict) else {}), **_lambda_fields(message)}
    if _FLOW_LINE.match(message):
        return dict(zip(_FLOW, message.split(" "), strict=True))
    found = read_json(message) if message.lstrip().startswith("{") else None
    return found if isinstance(found, dict) else {}


def _lambda_fields(message: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    kind = message.split(" ", 1)[0]
    if kind in ("START", "END", "REPORT"):
        fields["@type"] = kind
    request = _REQUEST.search(message)
    if request:
        fields["@requestId"] = request[1]
    if kind == "REPORT":
        for name, (pattern, scale) in _REPORTED.items():
            found = pattern.search(message)
            if found:
                fields[name] = float(found[1]) * scale
        trace = _TRACE.search(message)
        if trace:
            fields["@xrayTraceId"] = trace[1]
            if trace[2]:
                fields["@xraySegmentId"] = trace[2]
    return fields


def descend(value: Any, parts: tuple[str | int, ...]) -> Any:
    """What the steps lead to; a key of several steps joined by dots is found too. None when nothing."""
    if not parts:
        return value
    step = parts[0]
    if isinstance(value, dict):
        if str(step) in value:
            found = descend(value[str(step)], parts[1:])
            if found is not None:
                return found
        for size in range(2, len(parts) + 1):
            key = ".".join(map(str, parts[:size]))
            if key in value:
                return descend(value[key], parts[size:])
        return None
    if isinstance(value, list):
        index = step if isinstance(step, int) else int(step) if step.isdecimal() and len(step) < 9 else -1
        return descend(value[index], parts[1:]) if 0 <= index < len(value) else None
    return None


def discovered(row: Row, parts: tuple[str | int, ...]) -> Value:
    """A field of the message: its leaves are fields, its maps and lists are not."""
    document = row.document()
    found = document.get(str(parts[0])) if len(parts) == 1 else descend(document, parts)
    return None if isinstance(found, dict | list) else plain(found)
