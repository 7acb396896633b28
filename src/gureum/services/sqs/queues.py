"""Queues: made, found, changed, emptied, deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gureum.kernel import ids, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.sqs import attributes
from gureum.services.sqs.live import LiveQueue
from gureum.services.sqs.mail import Mail
from gureum.services.sqs.operations import by_url, ops
from gureum.services.sqs.records import Queue
from gureum.services.sqs.rules import READABLE, is_name, wanted

if TYPE_CHECKING:
    from gureum.api import sqs as api

_PURGE_MS = 60_000
_PAGE = 1000


def url(ctx: Context, name: str, account: str = "") -> str:
    """A queue's URL, on the host by which the caller reached us."""
    return f"{ctx.endpoint}/{account or ctx.account}/{name}"


def live_of(ctx: Context, queue: Queue) -> LiveQueue:
    """A queue's messages."""
    return ctx.part(Mail).queue(queue.id, fifo=queue.fifo)


@ops.inline
@ops.on(Queue, "QueueName")
def create_queue(ctx: Context, req: api.CreateQueueRequest) -> api.CreateQueueResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
    name = req["QueueName"]
    given = dict(req.get("Attributes") or {})
    fifo = given.get("FifoQueue", "").lower() == "true"
    if given.get("FifoQueue", "").lower() == "false":
        # As AWS answers: the attribute is there for FIFO queues only.
        raise Fault("InvalidAttributeName", "Unknown Attribute FifoQueue.")
    if not is_name(name, fifo=fifo):
        if fifo and not name.endswith(".fifo"):
            raise Fault(
                "InvalidParameterValue",
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must "
                "end with .fifo suffix and be 1 to 80 in length.",
            )
        raise Fault(
            "InvalidParameterValue",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        )
    fields = attributes.changes(ctx, given, fifo=fifo, creating=True)
    table = ctx.table(Queue)
    if (existing := table.get(name)) is not None:
        if any(getattr(existing, field) != value for field, value in fields.items()):
            raise _differs(ctx, existing, given)
        return {"QueueUrl": url(ctx, name)}
    queue_id = ids.hexadecimal(16)
    queue = Queue(
        name=name,
        id=queue_id,
        created=ctx.now,
        modified=ctx.now,
        data_key=ctx.part(Mail).keys.make(queue_id),
        **fields,
    )
    _check_allowed(ctx, queue)
    table.add(queue)
    ctx.tags.put(table.arn(queue), tags.read(req.get("tags")), too_many="InvalidParameterValue")
    return {"QueueUrl": url(ctx, name)}


@ops.on(Queue, "QueueName")
def get_queue_url(ctx: Context, req: api.GetQueueUrlRequest) -> api.GetQueueUrlResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html"""
    account = req.get("QueueOwnerAWSAccountId") or ctx.account
    queue = ctx.table(Queue, account=account).need(req["QueueName"])
    return {"QueueUrl": url(ctx, queue.name, account)}


@ops.on()
def list_queues(ctx: Context, req: api.ListQueuesRequest) -> api.ListQueuesResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html"""
    found = ctx.page(req, _PAGE).table(
        ctx.table(Queue), lambda queue: url(ctx, queue.name), prefix=req.get("QueueNamePrefix") or ""
    )
    if "MaxResults" not in req:
        found.pop("NextToken", None)  # without a page size AWS gives the first thousand and no token
    return found  # type: ignore[return-value]


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url)
def get_queue_attributes(ctx: Context, req: api.GetQueueAttributesRequest) -> api.GetQueueAttributesResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html"""
    queue = ctx.need(Queue)
    names = req.get("AttributeNames") or []
    for name in names:
        if name not in READABLE:
            raise Fault("InvalidAttributeName", f"Unknown Attribute {name}.")
    live, mail = live_of(ctx, queue), ctx.part(Mail)
    mail.expire(live, queue.retention * 1000)
    live.wake(mail.now())
    shown = attributes.show(queue, live, ctx.arn(queue))
    chosen = wanted(names, shown)
    return {"Attributes": chosen} if chosen else {}


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url)
def set_queue_attributes(ctx: Context, req: api.SetQueueAttributesRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html"""
    queue = ctx.need(Queue)
    fields = attributes.changes(ctx, req["Attributes"], fifo=queue.fifo, creating=False)
    if fields.get("managed_sse"):
        fields.setdefault("kms_key", "")
    changed = replace(queue, modified=ctx.now, **fields)
    _check_allowed(ctx, changed)
    ctx.target_table(Queue).put(changed)


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url)
def delete_queue(ctx: Context, req: api.DeleteQueueRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html"""
    queue = ctx.need(Queue)
    ctx.part(Mail).drop(live_of(ctx, queue))
    ctx.tags.forget(ctx.arn(queue))
    ctx.target_table(Queue).drop(queue)


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url)
def purge_queue(ctx: Context, req: api.PurgeQueueRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html"""
    queue = ctx.need(Queue)
    live, mail = live_of(ctx, queue), ctx.part(Mail)
    now = mail.now()
    if live.purged_at and now - live.purged_at < _PURGE_MS:
        raise Fault(
            "PurgeQueueInProgress",
            f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.",
        )
    live.purged_at = now
    mail.purge(live)


@ops.on(Queue, "QueueUrl", by=by_url)
def list_dead_letter_source_queues(
    ctx: Context, req: api.ListDeadLetterSourceQueuesRequest
) -> api.ListDeadLetterSourceQueuesResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html"""
    arn = ctx.arn(ctx.need(Queue))
    found = ctx.page(req, _PAGE).table(
        ctx.table(Queue), lambda queue: url(ctx, queue.name), index=("dead_letter", arn)
    )
    return found  # type: ignore[return-value]


@ops.on(Queue, "QueueUrl", by=by_url)
def tag_queue(ctx: Context, req: api.TagQueueRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html"""
    ctx.tags.put(ctx.arn(ctx.need(Queue)), req["Tags"], too_many="InvalidParameterValue")


@ops.on(Queue, "QueueUrl", by=by_url)
def untag_queue(ctx: Context, req: api.UntagQueueRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_UntagQueue.html"""
    ctx.tags.remove(ctx.arn(ctx.need(Queue)), req["TagKeys"])


@ops.on(Queue, "QueueUrl", by=by_url)
def list_queue_tags(ctx: Context, req: api.ListQueueTagsRequest) -> api.ListQueueTagsResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html"""
    found = ctx.tags.of(ctx.arn(ctx.need(Queue)))
    return {"Tags": found} if found else {}


def _check_allowed(ctx: Context, queue: Queue) -> None:
    """A queue may send its dead letters only where it is let."""
    if not queue.dead_letter_arn:
        return
    place = kind_of(Queue).parse(queue.dead_letter_arn)
    assert place is not None
    target = ctx.table(Queue, account=place.account, region=place.region).get(place.key)
    if target is not None and not attributes.may_redrive(target, ctx.arn(queue)):
        raise Fault(
            "InvalidParameterValue",
            "The dead-letter queue's redrive allow policy does not allow this source queue.",
        )


def _differs(ctx: Context, existing: Queue, given: dict[str, str]) -> Fault:
    """The refusal to make a queue that is there with other attributes; it names the first that differs."""
    for name, text in given.items():
        fields = attributes.changes(ctx, {name: text}, fifo=existing.fifo, creating=True)
        if any(getattr(existing, field) != value for field, value in fields.items()):
            break
    return Fault(
        "QueueNameExists",
        f"A queue already exists with the same name and a different value for attribute {name}",
    )
