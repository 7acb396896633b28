"""Runs queries that were started, one step each: Scheduled, Running, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.services.logs import insights
from gureum.services.logs.events import kept_since
from gureum.services.logs.groups import streams_of
from gureum.services.logs.insights.compile import Clock
from gureum.services.logs.journal import read
from gureum.services.logs.queries import pointer
from gureum.services.logs.records import LogGroup, Query

_KEPT_SECONDS = 7 * 86_400


@reconciler(Query)
def answer(ctx: Context, query: Query) -> Again[Query] | Query | None:
    """A query that a crash interrupted is run again from its start; an old one is dropped."""
    if query.status == "Scheduled":
        return Again(replace(query, status="Running"), after=0.0)
    if query.status != "Running":
        left = query.created / 1000 + _KEPT_SECONDS - ctx.now
        return Again(query, after=left) if left > 0 else None
    statistics = insights.Statistics()
    began = ctx.now
    try:
        outcome = insights.run(
            insights.parse(query.text),
            _events(ctx, query),
            Clock(query.created, query.start, query.end),
            query.limit,
            statistics,
        )
    except insights.Malformed as malformed:
        return Again(replace(query, status="Failed", failure=malformed.message), after=_KEPT_SECONDS)
    ended = replace(
        query,
        status="Complete",
        rows=tuple(tuple(dict(cell) for cell in row) for row in outcome.rows),
        matched=statistics.matched,
        scanned=statistics.scanned,
        scanned_bytes=statistics.scanned_bytes,
        took=int((ctx.home.clock.now() - began) * 1000),
    )
    return Again(ended, after=_KEPT_SECONDS)


def _events(ctx: Context, query: Query) -> Iterator[insights.Event]:
    for name in query.groups:
        group = ctx.table(LogGroup).get(name)
        if group is None:
            continue
        named = {stream.id: stream.name for stream in streams_of(ctx, name)}
        start = max(query.start, kept_since(group, ctx.now))
        for line in read(ctx.home, list(named), start, query.end + 1):
            stream = named[line.stream]
            yield insights.Event(
                line.message,
                line.timestamp,
                line.ingested,
                stream,
                name,
                ctx.account,
                pointer(name, stream, line.key),
            )
