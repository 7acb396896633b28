"""Moves a task's messages, batch by batch, until the dead-letter queue is empty, the task cancelled or stuck."""

from __future__ import annotations

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.reconcile import Again, reconciler
from gureum.kernel.records import kind_of
from gureum.services.sqs.mail import Mail
from gureum.services.sqs.queues import live_of
from gureum.services.sqs.records import MoveTask, Queue

_BATCH = 100


@reconciler(MoveTask)
def advance(ctx: Context, task: MoveTask) -> Again[MoveTask] | MoveTask:
    """One batch; with a rate, a tenth of a second's worth."""
    if task.status == "CANCELLING":
        return replace(task, status="CANCELLED")
    if task.status != "RUNNING":
        return task
    most = max(task.rate // 10, 1) if task.rate else _BATCH
    try:
        moved = ctx.home.on_loop(_move, ctx, task, most)
    except Fault as fault:
        return replace(task, status="FAILED", failure=fault.message)
    after = replace(task, moved=task.moved + moved)
    if moved < most:
        return replace(after, status="COMPLETED")
    return Again(after, after=most / task.rate if task.rate else 0.0)


def _move(ctx: Context, task: MoveTask, most: int) -> int:
    """Move up to so many messages; how many there were. Event loop."""
    source = _find(ctx, task.source_arn)
    mail, live = ctx.part(Mail), live_of(ctx, source)
    messages = live.take(most, mail.now())
    for message in messages:
        try:
            target = _find(ctx, task.destination_arn or message.source)
        except Fault:
            # What was taken and cannot go goes back to where it lay.
            for left in messages[messages.index(message) :]:
                mail.hand_out(live, [left], 0)
            raise
        own = mail.keys.own(source.id, source.data_key)
        mail.move(live, message, own, mail.keys.at_rest(target), live_of(ctx, target), "")
    return len(messages)


def _find(ctx: Context, arn: str) -> Queue:
    place = kind_of(Queue).parse(arn) if arn else None
    found = ctx.table(Queue, account=place.account, region=place.region).get(place.key) if place else None
    if found is None:
        raise Fault("ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue")
    return found
