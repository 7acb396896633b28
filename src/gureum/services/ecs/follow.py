"""Carries what containers write to CloudWatch Logs, from where the last time ended.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from gureum.engines.containers.port import Containers, LogLine, NoSuchTask
from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.kernel.records import kind_of
from gureum.services.ecs.records import Journal, Task
from gureum.services.ecs.watch import execution

_LINES = 2000
_BATCH_BYTES, _EVENT_BYTES = (
    1_048_576,
    26,
)  # PutLogEvents: a batch's bytes, and what an event counts beside its text
_LONGEST_TEXT = 262_144 - _EVENT_BYTES
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.25, 5.0


@reconciler(Journal)
def follow(ctx: Context, journal: Journal) -> Again[Journal] | Journal | None:
    """Put the lines that are new. The pause grows with the silence, up to 5 s; a task that ends cuts it short."""
    task = ctx.table(Task).get(journal.cluster, journal.task)
    if task is None or task.status == "STOPPED":
        return None
    if task.handle is None or journal.drained:
        return journal
    engine = ctx.engine(Containers)
    seen = engine.inspect(task.handle)
    one = seen.containers.get(journal.container) if seen is not None else None
    over = seen is None or (one is not None and one.state == "exited")
    if not over and task.status == "DEPROVISIONING" and (one is None or one.state == "pending"):
        over = True
    try:
        lines = engine.logs(task.handle, journal.container, journal.position, _LINES)
    except NoSuchTask:
        lines = []
    if lines:
        arn = ctx.arn(task)
        aws = ctx.aws.as_(execution(ctx, arn, task.id, journal.role).principal, journal.region)
        for batch in batches(lines):
            aws.logs.put_log_events(logGroupName=journal.group, logStreamName=journal.stream, logEvents=batch)
        moved = replace(journal, position=lines[-1].position, last=ctx.home.clock.now())
        return Again(moved, after=0.0 if len(lines) == _LINES or over else _SHORTEST_PAUSE)
    if over:
        kind = kind_of(Task)
        place = (kind.name, ctx.account, ctx.region, kind.join(task.cluster, task.id))
        ctx.work.due[place] = (ctx.now, 0)
        return replace(journal, drained=True)
    silence = (ctx.now - (journal.last or task.created)) / 4
    return Again(journal, after=min(max(silence, _SHORTEST_PAUSE), _LONGEST_PAUSE))


def batches(lines: Sequence[LogLine]) -> Iterator[list[dict[str, Any]]]:
    """Events in order of time, in portions that PutLogEvents takes. Empty lines are no events."""
    batch: list[dict[str, Any]] = []
    size = 0
    for line in sorted(lines, key=lambda line: line.time):
        text = line.text.decode("utf-8", "replace")
        for piece in pieces(text):
            weight = len(piece.encode()) + _EVENT_BYTES
            if batch and size + weight > _BATCH_BYTES:
                yield batch
                batch, size = [], 0
            batch.append({"timestamp": int(line.time * 1000), "message": piece})
            size += weight
    if batch:
        yield batch


def pieces(text: str) -> Iterator[str]:
    """A long line in parts that are events of their own, as the log driver cuts it."""
    step = _LONGEST_TEXT // 4 if not text.isascii() else _LONGEST_TEXT
    for start in range(0, len(text), step):
        yield text[start : start + step]
