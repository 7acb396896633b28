"""Queue attributes: from AWS's strings to the record and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from gureum import policy
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.sqs.live import LiveQueue
from gureum.services.sqs.records import Queue
from gureum.services.sqs.rules import BOOLEANS, CHOICES, NUMBERS, SETTABLE

_MOST_SOURCES = 10


def changes(ctx: Context, attributes: Mapping[str, str], *, fifo: bool, creating: bool) -> dict[str, Any]:
    """The fields of a queue that these attributes set. Raises InvalidAttributeName, InvalidAttributeValue."""
    fields: dict[str, Any] = {}
    for name, text in attributes.items():
        if name not in SETTABLE or (name == "FifoQueue" and not creating):
            raise Fault("InvalidAttributeName", f"Unknown Attribute {name}.")
        if name in NUMBERS:
            limit = NUMBERS[name]
            fields[limit.field] = _number(name, text, limit.low, limit.high)
        elif name in BOOLEANS:
            if text.lower() not in {"true", "false"}:
                raise _invalid(name, text)
            fields[BOOLEANS[name]] = text.lower() == "true"
        elif name in CHOICES:
            field, choices = CHOICES[name]
            if text not in choices:
                raise _invalid(name, text)
            fields[field] = text
        elif name == "Policy":
            fields["policy"] = _policy(text)
        elif name == "RedrivePolicy":
            fields |= _redrive(ctx, text, fifo=fifo)
        elif name == "RedriveAllowPolicy":
            fields["allow_redrive"] = _allow(text)
        else:
            fields["kms_key"] = text
    only_fifo = [name for name in ("ContentBasedDeduplication", *CHOICES) if name in attributes]
    if only_fifo and not fifo:
        raise Fault("InvalidAttributeName", f"Unknown Attribute {only_fifo[0]}.")
    # One way of sealing excludes the other.
    if fields.get("kms_key"):
        if fields.get("managed_sse"):
            raise Fault(
                "InvalidAttributeValue", "You can use one type of server-side encryption (SSE) at one time."
            )
        fields["managed_sse"] = False
    return fields


def show(queue: Queue, live: LiveQueue, arn: str) -> dict[str, str]:
    """All attributes of a queue as AWS's strings."""
    found = {
        "QueueArn": arn,
        "ApproximateNumberOfMessages": str(live.ready),
        "ApproximateNumberOfMessagesNotVisible": str(live.out),
        "ApproximateNumberOfMessagesDelayed": str(live.delayed),
        "CreatedTimestamp": str(int(queue.created)),
        "LastModifiedTimestamp": str(int(queue.modified)),
        "VisibilityTimeout": str(queue.visibility),
        "MaximumMessageSize": str(queue.max_size),
        "MessageRetentionPeriod": str(queue.retention),
        "DelaySeconds": str(queue.delay),
        "ReceiveMessageWaitTimeSeconds": str(queue.wait),
        "SqsManagedSseEnabled": "true" if queue.managed_sse else "false",
    }
    if queue.policy:
        found["Policy"] = queue.policy
    if queue.dead_letter_arn:
        redrive = {"deadLetterTargetArn": queue.dead_letter_arn, "maxReceiveCount": queue.max_receives}
        found["RedrivePolicy"] = _text(redrive)
    if queue.allow_redrive:
        found["RedriveAllowPolicy"] = queue.allow_redrive
    if queue.kms_key:
        found["KmsMasterKeyId"] = queue.kms_key
        found["KmsDataKeyReusePeriodSeconds"] = str(queue.kms_reuse)
    if queue.fifo:
        found["FifoQueue"] = "true"
        found["ContentBasedDeduplication"] = "true" if queue.content_dedup else "false"
        found["DeduplicationScope"] = queue.dedup_scope
        found["FifoThroughputLimit"] = queue.throughput_limit
    return found


def _number(name: str, text: str, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise _invalid(name, text)
    return int(text)


def _invalid(name: str, text: str = "") -> Fault:
    return Fault("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def _policy(text: str) -> str:
    if text:
        try:
            policy.parse(text, "resource")
        except policy.Malformed as malformed:
            raise Fault(
                "InvalidAttributeValue",
                f"Invalid value for the parameter Policy. Reason: {malformed.message}",
            ) from None
    return text


def _document(name: str, text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise Fault(
            "InvalidParameterValue",
            f"Value {text} for parameter {name} is invalid. Reason: Redrive policy is not a valid JSON map.",
        ) from None


def _redrive(ctx: Context, text: str, *, fifo: bool) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html"""
    if not text:
        return {"dead_letter_arn": "", "max_receives": 0}
    found = _document("RedrivePolicy", text)
    for member in ("deadLetterTargetArn", "maxReceiveCount"):
        if member not in found:
            raise _bad_redrive(text, f"Redrive policy does not contain mandatory attribute: {member}.")
    if extra := found.keys() - {"deadLetterTargetArn", "maxReceiveCount"}:
        raise _bad_redrive(
            text,
            f"Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]. {sorted(extra)[0]}",
        )
    try:
        count = int(found["maxReceiveCount"])
    except (TypeError, ValueError):
        raise _bad_redrive(text, "Invalid value for maxReceiveCount: must be a number.") from None
    if not 1 <= count <= 1000:
        raise _bad_redrive(
            text,
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to 1000 both inclusive.",
        )
    arn = str(found["deadLetterTargetArn"])
    place = kind_of(Queue).parse(arn)
    if place is None:
        raise _bad_redrive(text, "Invalid value for deadLetterTargetArn.")
    target = ctx.table(Queue, account=place.account, region=place.region).get(place.key)
    if target is None:
        raise _bad_redrive(text, "Dead letter target does not exist.")
    if target.fifo is not fifo:
        raise _bad_redrive(text, "Dead-letter queue must be same type of queue as the source.")
    return {"dead_letter_arn": arn, "max_receives": count}


def _bad_redrive(text: str, reason: str) -> Fault:
    return Fault(
        "InvalidParameterValue", f"Value {text} for parameter RedrivePolicy is invalid. Reason: {reason}"
    )


def _allow(text: str) -> str:
    if not text:
        return ""
    found = _document("RedriveAllowPolicy", text)
    permission, sources = found.get("redrivePermission"), found.get("sourceQueueArns")
    bad = f"Value {text} for parameter RedriveAllowPolicy is invalid. Reason: "
    if permission not in {"allowAll", "denyAll", "byQueue"}:
        raise Fault(
            "InvalidParameterValue",
            bad + "Allowed values for redrivePermission are [allowAll, denyAll, byQueue].",
        )
    if (permission == "byQueue") is not bool(sources):
        raise Fault(
            "InvalidParameterValue", bad + "sourceQueueArns must be given with byQueue, and with it alone."
        )
    if sources and len(sources) > _MOST_SOURCES:
        raise Fault("InvalidParameterValue", bad + f"At most {_MOST_SOURCES} source queues may be named.")
    return text


def may_redrive(target: Queue, source_arn: str) -> bool:
    """Whether a dead-letter queue takes messages from a source (its RedriveAllowPolicy)."""
    if not target.allow_redrive:
        return True
    found = msgspec.json.decode(target.allow_redrive, type=dict[str, Any])
    if found["redrivePermission"] == "byQueue":
        return source_arn in found["sourceQueueArns"]
    return bool(found["redrivePermission"] == "allowAll")


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
