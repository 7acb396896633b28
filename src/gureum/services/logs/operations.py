"""CloudWatch Logs at the front door."""

from __future__ import annotations

from gureum.kernel.operations import Operations
from gureum.kernel.records import Place, kind_of
from gureum.services.logs.records import LogGroup

ops = Operations("logs", invalid="InvalidParameterException", hidden=frozenset({"logEvents", "message"}))


def by_identifier(value: str, account: str, region: str) -> Place:
    """The group that a name or an ARN (with or without its last `:*`) names."""
    kind = kind_of(LogGroup)
    found = kind.parse(value.removesuffix(":*")) if value.startswith("arn:") else None
    return found or Place(kind, account, region, value)
