"""Messages going out: received, hidden, shown again, deleted.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.sqs import rules
from gureum.services.sqs.keys import OWN
from gureum.services.sqs.live import LiveQueue, Message
from gureum.services.sqs.mail import Mail
from gureum.services.sqs.messages import check_batch, each, sequence
from gureum.services.sqs.operations import by_url, ops
from gureum.services.sqs.queues import live_of
from gureum.services.sqs.records import Queue

if TYPE_CHECKING:
    from gureum.api import sqs as api

_HANDLE = struct.Struct(">QQ8s")  # sequence number, nonce, start of the queue's id
_ATTEMPT_MS = rules.DEDUP_SECONDS * 1000


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url, data_event=True, read_only=False)
def receive_message(ctx: Context, req: api.ReceiveMessageRequest) -> Any:
    """Up to ten messages, at once or, with WaitTimeSeconds, as soon as there is one."""
    queue = ctx.need(Queue)
    most = _ranged(req, "MaxNumberOfMessages", 1, 1, 10)
    wait = _ranged(req, "WaitTimeSeconds", queue.wait, 0, 20)
    visibility = _ranged(req, "VisibilityTimeout", queue.visibility, 0, 43_200)
    messages = _take(ctx, queue, req, most, visibility)
    if not messages and wait:
        return _poll(ctx, queue, req, most, wait, visibility)
    if any(m.body is None for m in messages):
        return _show_all(ctx, queue, messages, req)
    return (
        {"Messages": [_show(ctx, queue, m, _body(ctx, queue, m), req) for m in messages]} if messages else {}
    )


async def _poll(
    ctx: Context, queue: Queue, req: Mapping[str, Any], most: int, wait: int, visibility: int
) -> dict[str, Any]:
    """Wait for messages: the bell rings when one comes in, and the next hidden one is waited for by time."""
    mail = ctx.part(Mail)
    until = mail.now() + wait * 1000
    while (now := mail.now()) < until:
        live = live_of(ctx, queue)
        soonest = live.next_visible()
        pause = min(until, soonest if soonest is not None else until) - now
        await live.bell.wait(max(pause, 1) / 1000)
        if ctx.home.store.read(kind_of(Queue), _key(ctx)) is None:
            raise Fault("QueueDoesNotExist", "The specified queue does not exist.")
        if messages := _take(ctx, queue, req, most, visibility):
            return await _show_all(ctx, queue, messages, req)
    return {}


def _key(ctx: Context) -> tuple[str, str, str, str]:
    target = ctx.targets[0]
    return (kind_of(Queue).name, target.account, target.region, target.key)


def _take(ctx: Context, queue: Queue, req: Mapping[str, Any], most: int, visibility: int) -> list[Message]:
    """Hand out what is ready; what was received too often goes to the dead-letter queue instead."""
    mail, live = ctx.part(Mail), live_of(ctx, queue)
    now = mail.now()
    mail.expire(live, queue.retention * 1000)
    attempt = req.get("ReceiveRequestAttemptId") if queue.fifo else None
    if attempt and (again := _same_attempt(live, attempt, now)):
        return again
    if live.out >= rules.MOST_IN_FLIGHT:
        raise Fault("OverLimit", f"Too many messages in flight: at most {rules.MOST_IN_FLIGHT}.", status=403)
    given: list[Message] = []
    while len(given) < most:
        taken = live.take(most - len(given), now)
        if not taken:
            break
        dead = [m for m in taken if queue.max_receives and m.receives >= queue.max_receives]
        for message in dead:
            if not _bury(ctx, queue, live, message):
                dead = []
                break
        given += [m for m in taken if m not in dead]
        if not dead:
            break
    if given:
        mail.hand_out(live, given, now + visibility * 1000)
        if attempt:
            live.attempts[attempt] = (now, [m.seq for m in given])
    return given


def _bury(ctx: Context, queue: Queue, live: LiveQueue, message: Message) -> bool:
    """Move a message to the dead-letter queue; False where there is none any more."""
    place = kind_of(Queue).parse(queue.dead_letter_arn)
    target = ctx.table(Queue, account=place.account, region=place.region).get(place.key) if place else None
    if target is None:
        return False
    mail = ctx.part(Mail)
    own = mail.keys.own(queue.id, queue.data_key)
    mail.move(live, message, own, mail.keys.at_rest(target), live_of(ctx, target), ctx.arn(queue))
    return True


def _same_attempt(live: LiveQueue, attempt: str, now: int) -> list[Message]:
    """What an earlier receive with the same attempt id was given, while all of it is still out."""
    while live.attempts and next(iter(live.attempts.values()))[0] < now - _ATTEMPT_MS:
        live.attempts.popitem(last=False)
    found = live.attempts.get(attempt)
    messages = [live.messages.get(seq) for seq in found[1]] if found is not None else []
    return [m for m in messages if m is not None and m.state == "out"]


def _body(ctx: Context, queue: Queue, message: Message) -> str:
    """A message's body, where no key of KMS guards it."""
    if message.body is not None:
        return message.body
    mail = ctx.part(Mail)
    return mail.open(mail.stored(message), mail.keys.own(queue.id, queue.data_key))


async def _show_all(
    ctx: Context, queue: Queue, messages: Sequence[Message], req: Mapping[str, Any]
) -> dict[str, Any]:
    mail = ctx.part(Mail)
    shown = []
    for message in messages:
        body = message.body
        if body is None:
            stored = mail.stored(message)
            key = mail.keys.own(queue.id, queue.data_key)
            if stored.key not in {b"", OWN}:
                key = await mail.keys.opening(ctx, queue, stored.key)
            body = mail.open(stored, key)
        shown.append(_show(ctx, queue, message, body, req))
    return {"Messages": shown} if shown else {}


def _show(ctx: Context, queue: Queue, message: Message, body: str, req: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": handle(queue, message),
        "MD5OfBody": message.md5,
        "Body": body,
    }
    names = req.get("MessageSystemAttributeNames") or req.get("AttributeNames")
    if names and (system := rules.wanted(names, _system(queue, message))):
        found["Attributes"] = system
    if message.attributes and (asked := req.get("MessageAttributeNames")):
        chosen = rules.wanted(asked, message.attributes)
        if chosen:
            found["MessageAttributes"] = chosen
            whole = len(chosen) == len(message.attributes)
            found["MD5OfMessageAttributes"] = (
                message.attributes_md5 if whole else rules.attributes_md5(chosen)
            )
    return found


def _system(queue: Queue, message: Message) -> dict[str, str]:
    found = {
        "SenderId": message.sender,
        "SentTimestamp": str(message.sent),
        "ApproximateReceiveCount": str(message.receives),
        "ApproximateFirstReceiveTimestamp": str(message.first),
    }
    if message.group:
        found["MessageGroupId"] = message.group
    if queue.fifo:
        found["SequenceNumber"] = sequence(message.seq)
        found["MessageDeduplicationId"] = message.dedup
    if message.trace:
        found["AWSTraceHeader"] = message.trace
    if message.source:
        found["DeadLetterQueueSourceArn"] = message.source
    return found


def handle(queue: Queue, message: Message) -> str:
    """The receipt of one receive of one message."""
    return base64.b64encode(_HANDLE.pack(message.seq, message.nonce, queue.id[:8].encode())).decode()


def _received(queue: Queue, live: LiveQueue, text: str) -> tuple[Message | None, bool]:
    """The message that a receipt is for (None once it is gone), and whether it is the latest receipt."""
    try:
        seq, nonce, owner = _HANDLE.unpack(base64.b64decode(text, validate=True))
    except (binascii.Error, struct.error, ValueError):
        raise Fault(
            "ReceiptHandleIsInvalid", f'The input receipt handle "{text}" is not a valid receipt handle.'
        ) from None
    if owner != queue.id[:8].encode():
        raise Fault("ReceiptHandleIsInvalid", f'The input receipt handle "{text}" is not for this queue.')
    message = live.messages.get(seq)
    return message, message is not None and message.nonce == nonce


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url, data_event=True)
def delete_message(ctx: Context, req: api.DeleteMessageRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html"""
    queue = ctx.need(Queue)
    _delete(ctx, queue, req["ReceiptHandle"])


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url, action="DeleteMessage", data_event=True)
def delete_message_batch(ctx: Context, req: api.DeleteMessageBatchRequest) -> api.DeleteMessageBatchResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html"""
    queue = ctx.need(Queue)
    check_batch(req["Entries"])
    return each(req["Entries"], lambda entry: _delete(ctx, queue, entry["ReceiptHandle"]))  # type: ignore[return-value]


def _delete(ctx: Context, queue: Queue, text: str) -> None:
    live = live_of(ctx, queue)
    message, latest = _received(queue, live, text)
    if message is None:
        return
    if queue.fifo and (not latest or message.state != "out"):
        raise Fault(
            "InvalidParameterValue",
            f"Value {text} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
        )
    ctx.part(Mail).delete(live, [message])


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url, data_event=True)
def change_message_visibility(ctx: Context, req: api.ChangeMessageVisibilityRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html"""
    queue = ctx.need(Queue)
    _change(ctx, queue, req["ReceiptHandle"], req["VisibilityTimeout"])


@ops.inline
@ops.on(Queue, "QueueUrl", by=by_url, action="ChangeMessageVisibility", data_event=True)
def change_message_visibility_batch(
    ctx: Context, req: api.ChangeMessageVisibilityBatchRequest
) -> api.ChangeMessageVisibilityBatchResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html"""
    queue = ctx.need(Queue)
    check_batch(req["Entries"])
    return each(  # type: ignore[return-value]
        req["Entries"],
        lambda entry: _change(
            ctx, queue, entry["ReceiptHandle"], entry.get("VisibilityTimeout", queue.visibility)
        ),
    )


def _change(ctx: Context, queue: Queue, text: str, seconds: int) -> None:
    if not 0 <= seconds <= 43_200:
        raise Fault(
            "InvalidParameterValue",
            f"Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an "
            "integer between 0 and 43200.",
        )
    mail, live = ctx.part(Mail), live_of(ctx, queue)
    message, latest = _received(queue, live, text)
    live.wake(mail.now())
    if message is None or message.state != "out" or (queue.fifo and not latest):
        raise Fault(
            "MessageNotInflight",
            f"Value {text} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not "
            "available for visibility timeout change.",
        )
    mail.hide(live, message, mail.now() + seconds * 1000)


def _ranged(req: Mapping[str, Any], name: str, default: int, low: int, high: int) -> int:
    value: int | None = req.get(name)
    if value is None:
        return default
    if not low <= value <= high:
        raise Fault(
            "InvalidParameterValue",
            f"Value {value} for parameter {name} is invalid. Reason: Must be between {low} and {high}, if provided.",
        )
    return value
