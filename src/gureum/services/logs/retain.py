"""Deletes events that are past their group's retention."""

from __future__ import annotations

from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.services.logs.events import kept_since
from gureum.services.logs.groups import streams_of
from gureum.services.logs.journal import Journal
from gureum.services.logs.records import LogGroup

_EVERY_SECONDS = 3600.0


@reconciler(LogGroup)
def retain(ctx: Context, group: LogGroup) -> Again[LogGroup] | LogGroup:
    """Once an hour for a group that does not keep its events for ever. Readers never see expired ones."""
    if not group.retention_days:
        return group
    streams = [stream.id for stream in streams_of(ctx, group.name)]
    ctx.home.on_loop(ctx.part(Journal).expire, streams, kept_since(group, ctx.now))
    return Again(group, after=_EVERY_SECONDS)
