"""SQS at the front door."""

from __future__ import annotations

from gureum.kernel.operations import Operations
from gureum.kernel.records import Place, kind_of
from gureum.services.sqs.records import Queue

# The service checks attribute and message limits itself, in its own words.
ops = Operations(
    "sqs",
    invalid="InvalidParameterValue",
    checks=frozenset({"required"}),
    hidden=frozenset({"MessageBody", "MessageAttributes", "MessageSystemAttributes"}),
)


def by_url(value: str, account: str, region: str) -> Place:
    """The queue that a URL names: its last two parts are the account and the name."""
    parts = value.rstrip("/").rsplit("/", 2)
    if len(parts) == 3 and len(parts[1]) == 12 and parts[1].isdigit():
        account = parts[1]
    return Place(kind_of(Queue), account, region, parts[-1])
