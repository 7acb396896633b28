"""Messages going in, one by one and in batches.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.sqs import rules
from gureum.services.sqs.keys import DataKey
from gureum.services.sqs.mail import Mail, dedup_key
from gureum.services.sqs.operations import by_url, ops
from gureum.services.sqs.queues import live_of
from gureum.services.sqs.records import Queue

if TYPE_CHECKING:
    from gureum.api import sqs as api

_MOST_IN_BATCH = 10


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url, data_event=True)
def send_message(ctx: Context, req: api.SendMessageRequest) -> Any:
    """Put a message into a queue. Faults: InvalidMessageContents, InvalidParameterValue, and the key's."""
    queue = ctx.need(Queue)
    key = ctx.part(Mail).keys.sealing(ctx, queue)
    if key is None or isinstance(key, DataKey):
        return _send(ctx, queue, req, key)
    return _send_later(ctx, queue, req, key)


async def _send_later(
    ctx: Context, queue: Queue, req: Mapping[str, Any], key: Awaitable[DataKey]
) -> dict[str, Any]:
    return _send(ctx, queue, req, await key)


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url, action="SendMessage", data_event=True)
def send_message_batch(ctx: Context, req: api.SendMessageBatchRequest) -> Any:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html"""
    queue = ctx.need(Queue)
    entries = req["Entries"]
    check_batch(entries)
    total = sum(rules.size_of(e["MessageBody"], e.get("MessageAttributes") or {}) for e in entries)
    if total > rules.MOST_BYTES:
        raise Fault(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {rules.MOST_BYTES} bytes. You have sent {total} bytes.",
        )
    key = ctx.part(Mail).keys.sealing(ctx, queue)
    if key is None or isinstance(key, DataKey):
        return each(entries, lambda entry: _send(ctx, queue, entry, key))
    return _send_batch_later(ctx, queue, entries, key)


async def _send_batch_later(
    ctx: Context, queue: Queue, entries: Sequence[Mapping[str, Any]], waiting: Awaitable[DataKey]
) -> dict[str, Any]:
    key = await waiting
    return each(entries, lambda entry: _send(ctx, queue, entry, key))


def check_batch(entries: Sequence[Mapping[str, Any]]) -> None:
    """What holds for every batch: one to ten entries, distinct and well-formed ids."""
    if not entries:
        raise Fault("EmptyBatchRequest", "There should be at least one entry in the request.")
    if len(entries) > _MOST_IN_BATCH:
        raise Fault(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {_MOST_IN_BATCH}. You have sent {len(entries)}.",
        )
    seen: set[str] = set()
    for entry in entries:
        name = entry["Id"]
        if not rules.is_batch_id(name):
            raise Fault(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at "
                "most 80 letters long.",
            )
        if name in seen:
            raise Fault("BatchEntryIdsNotDistinct", f"Id {name} repeated.")
        seen.add(name)


def each(
    entries: Sequence[Mapping[str, Any]], act: Callable[[Mapping[str, Any]], Mapping[str, Any] | None]
) -> dict[str, Any]:
    """Do something with each entry of a batch: those that went well, and those that did not, with the reason."""
    done: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in entries:
        try:
            done.append({**(act(entry) or {}), "Id": entry["Id"]})
        except Fault as fault:
            failed.append(
                {"Id": entry["Id"], "SenderFault": True, "Code": fault.code, "Message": fault.message}
            )
    return {"Successful": done, "Failed": failed}


def _send(ctx: Context, queue: Queue, req: Mapping[str, Any], key: DataKey | None) -> dict[str, Any]:
    body: str = req["MessageBody"]
    attributes: dict[str, Any] = req.get("MessageAttributes") or {}
    _check(queue, body, attributes)
    mail, live = ctx.part(Mail), live_of(ctx, queue)
    group, dedup = _ordering(queue, req, body)
    md5 = hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()
    answer = {"MD5OfMessageBody": md5}
    md5_of_attributes = ""
    if attributes:
        md5_of_attributes = answer["MD5OfMessageAttributes"] = rules.attributes_md5(attributes)
    trace = ""
    if system := req.get("MessageSystemAttributes"):
        trace = _trace(system)
        answer["MD5OfMessageSystemAttributes"] = rules.attributes_md5(system)
    if queue.fifo:
        key_of_duplicate = dedup_key(dedup, group, by_group=queue.dedup_scope == "messageGroup")
        if (known := mail.duplicate(live, key_of_duplicate)) is not None:
            return {**answer, "MessageId": known[0], "SequenceNumber": sequence(known[1])}
    message = mail.send(
        live,
        body,
        key,
        md5=md5,
        attributes=attributes,
        attributes_md5=md5_of_attributes,
        sender=ctx.principal.user_id,
        delay=_delay(queue, req),
        group=group,
        dedup=dedup,
        trace=trace,
    )
    answer["MessageId"] = message.id
    if queue.fifo:
        answer["SequenceNumber"] = sequence(message.seq)
    return answer


def sequence(seq: int) -> str:
    """A FIFO sequence number: 20 digits that grow."""
    return str(18_800_000_000_000_000_000 + seq)


def _check(queue: Queue, body: str, attributes: Mapping[str, Any]) -> None:
    if not body:
        raise Fault("MissingParameter", "The request must contain the parameter MessageBody.")
    if rules.has_forbidden(body):
        raise Fault(
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to "
            "#xFFFD | #x10000 to #x10FFFF",
        )
    if attributes and (problem := rules.attribute_problem(attributes)):
        raise Fault("InvalidParameterValue", problem)
    if rules.size_of(body, attributes) > queue.max_size:
        raise Fault(
            "InvalidParameterValue",
            f"One or more parameters are invalid. Reason: Message must be shorter than {queue.max_size} bytes.",
        )


def _ordering(queue: Queue, req: Mapping[str, Any], body: str) -> tuple[str, str]:
    """The message group and deduplication id. A group on a standard queue is for fairness only."""
    group: str = req.get("MessageGroupId") or ""
    dedup: str = req.get("MessageDeduplicationId") or ""
    for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", dedup)):
        if value and not rules.is_group(value):
            raise Fault(
                "InvalidParameterValue",
                f"Value {value} for parameter {name} is invalid. Reason: {name} can only include alphanumeric and "
                "punctuation characters. 1 to 128 in length.",
            )
    if not queue.fifo:
        if dedup:
            raise Fault(
                "InvalidParameterValue",
                f"Value {dedup} for parameter MessageDeduplicationId is invalid. Reason: The request include "
                "parameter that is not valid for this queue type",
            )
        return group, ""
    if not group:
        raise Fault("MissingParameter", "The request must contain the parameter MessageGroupId.")
    if not dedup:
        if not queue.content_dedup:
            raise Fault(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided "
                "explicitly",
            )
        dedup = hashlib.sha256(body.encode()).hexdigest()
    return group, dedup


def _delay(queue: Queue, req: Mapping[str, Any]) -> int:
    """Milliseconds until the message may be seen."""
    seconds: int | None = req.get("DelaySeconds")
    if seconds is None:
        return queue.delay * 1000
    if queue.fifo and seconds:
        raise Fault(
            "InvalidParameterValue",
            f"Value {seconds} for parameter DelaySeconds is invalid. Reason: The request include parameter that is "
            "not valid for this queue type.",
        )
    if not 0 <= seconds <= 900:
        raise Fault(
            "InvalidParameterValue",
            f"Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
        )
    return (seconds if not queue.fifo else queue.delay) * 1000


def _trace(system: Mapping[str, Any]) -> str:
    for name, value in system.items():
        if name != "AWSTraceHeader" or value.get("DataType") != "String" or not value.get("StringValue"):
            raise Fault(
                "InvalidParameterValue", "Message system attribute AWSTraceHeader must be a non-empty string."
            )
    return str(system["AWSTraceHeader"]["StringValue"])
