"""CloudWatch Logs: keeps what programs say, and finds it again."""

from gureum.services.logs import events, groups, queries, query, retain, streams, tails
from gureum.services.logs.operations import ops

__all__ = ["events", "groups", "ops", "queries", "query", "retain", "streams", "tails"]
