"""Log groups, streams, queries and their definitions. Events are not records: see `journal.py`."""

from __future__ import annotations

from typing import Literal

from gureum.kernel.records import Record, resource

Class = Literal["STANDARD", "INFREQUENT_ACCESS", "DELIVERY", "ESSENTIALS"]
QueryStatus = Literal["Scheduled", "Running", "Complete", "Failed", "Cancelled", "Timeout"]


@resource(
    "logs",
    arn="log-group:{name}",
    missing=("ResourceNotFoundException", "The specified log group does not exist."),
    exists=("ResourceAlreadyExistsException", "The specified log group already exists"),
)
class LogGroup(Record):
    """A group. `created` is milliseconds since the epoch, `retention_days` 0 for ever."""

    name: str
    created: int
    group_class: Class = "STANDARD"
    retention_days: int = 0
    protected: bool = False


@resource(
    "logs",
    arn="log-group:{group}:log-stream:{name}",
    missing=("ResourceNotFoundException", "The specified log stream does not exist."),
    exists=("ResourceAlreadyExistsException", "The specified log stream already exists"),
    tagged=False,
)
class LogStream(Record):
    """A stream. `id` tells its events from those of an earlier stream of the same name."""

    group: str
    name: str
    id: str
    created: int


@resource(
    "logs",
    arn="query:{id}",
    missing=("ResourceNotFoundException", "The specified query does not exist."),
    tagged=False,
)
class Query(Record):
    """An Insights query, and what it found. Times are milliseconds since the epoch."""

    id: str
    text: str
    groups: tuple[str, ...]
    start: int
    end: int
    limit: int
    created: int
    status: QueryStatus = "Scheduled"
    rows: tuple[tuple[dict[str, str], ...], ...] = ()
    matched: int = 0
    scanned: int = 0
    scanned_bytes: int = 0
    failure: str = ""
    took: int = 0


@resource(
    "logs",
    arn="query-definition:{id}",
    missing=("ResourceNotFoundException", "The specified query definition does not exist."),
    tagged=False,
)
class QueryDefinition(Record):
    """A saved query."""

    id: str
    name: str
    text: str
    groups: tuple[str, ...]
    modified: int
