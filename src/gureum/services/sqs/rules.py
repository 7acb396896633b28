"""SQS's arithmetic: names, attribute values, sizes and digests.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

MOST_ATTRIBUTES = 10
MOST_BYTES = 1_048_576
MOST_IN_FLIGHT = 120_000
DEDUP_SECONDS = 300

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"[A-Za-z0-9_-]{1,75}\.fifo")
_BATCH_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_GROUP = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_ATTRIBUTE_NAME = re.compile(
    r"(?!(?:AWS|Amazon)\.)(?!\.)(?!.*\.\.)[A-Za-z0-9_.-]{1,256}(?<!\.)", re.IGNORECASE
)
_ATTRIBUTE_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
# What XML 1.0 can carry; other characters are refused.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Limit(NamedTuple):
    """The range of a whole-number attribute."""

    field: str
    low: int
    high: int


NUMBERS = {
    "DelaySeconds": Limit("delay", 0, 900),
    "MaximumMessageSize": Limit("max_size", 1024, MOST_BYTES),
    "MessageRetentionPeriod": Limit("retention", 60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": Limit("wait", 0, 20),
    "VisibilityTimeout": Limit("visibility", 0, 43_200),
    "KmsDataKeyReusePeriodSeconds": Limit("kms_reuse", 60, 86_400),
}
BOOLEANS = {
    "FifoQueue": "fifo",
    "ContentBasedDeduplication": "content_dedup",
    "SqsManagedSseEnabled": "managed_sse",
}
CHOICES = {
    "DeduplicationScope": ("dedup_scope", ("queue", "messageGroup")),
    "FifoThroughputLimit": ("throughput_limit", ("perQueue", "perMessageGroupId")),
}
SETTABLE = frozenset(
    {*NUMBERS, *BOOLEANS, *CHOICES, "Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId"}
)
READABLE = SETTABLE | {
    "All",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesDelayed",
    "ApproximateNumberOfMessagesNotVisible",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
}


def is_name(name: str, *, fifo: bool) -> bool:
    """Whether a queue may have this name."""
    return (_FIFO_NAME if fifo else _NAME).fullmatch(name) is not None


def is_batch_id(text: str) -> bool:
    return _BATCH_ID.fullmatch(text) is not None


def is_group(text: str) -> bool:
    """Whether a message group or deduplication id is well-formed."""
    return _GROUP.fullmatch(text) is not None


def has_forbidden(text: str) -> bool:
    """Whether a message body has characters that SQS refuses."""
    return _FORBIDDEN.search(text) is not None


def attribute_problem(attributes: Mapping[str, Any]) -> str:
    """What is wrong with message attributes, in AWS's words; "" where nothing is."""
    if len(attributes) > MOST_ATTRIBUTES:
        return f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{MOST_ATTRIBUTES}]."
    for name, value in attributes.items():
        if not _ATTRIBUTE_NAME.fullmatch(name):
            return (
                f"Message (user) attribute name '{name}' can contain alphanumeric characters, underscore, hyphen "
                "and period, and may not start with a reserved word or with a period."
            )
        kind = value.get("DataType") or ""
        if not kind:
            return f"The message attribute '{name}' must contain a non-empty message attribute type."
        if not _ATTRIBUTE_TYPE.fullmatch(kind):
            return (
                f"The message attribute '{name}' has an invalid message attribute type, the set of supported type "
                "prefixes is Binary, Number, and String."
            )
        text = value.get("BinaryValue") if kind.startswith("Binary") else value.get("StringValue")
        if not text:
            field = "BinaryValue" if kind.startswith("Binary") else "StringValue"
            return (
                f"The message attribute '{name}' must contain a non-empty message attribute value for message "
                f"attribute type '{kind}' ({field})."
            )
        if kind.startswith("Number") and not _NUMBER.fullmatch(text):
            return f"Can't cast the value of message (user) attribute '{name}' to a number."
    return ""


def size_of(body: str, attributes: Mapping[str, Any]) -> int:
    """A message's size in bytes: its body and the names, types and values of its attributes."""
    size = len(body) if body.isascii() else len(body.encode())
    for name, value in attributes.items():
        size += len(name.encode()) + len(value["DataType"].encode())
        text = value.get("StringValue")
        size += len(text.encode()) if text is not None else len(value.get("BinaryValue") or b"")
    return size


def attributes_md5(attributes: Mapping[str, Any]) -> str:
    """The MD5 that SQS gives of message attributes: names in order, each part behind its length."""
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        for text in (name, value["DataType"]):
            raw = text.encode()
            digest.update(struct.pack("!I", len(raw)) + raw)
        if value["DataType"].startswith("Binary"):
            digest.update(b"\x02")
            raw = value["BinaryValue"]
        else:
            digest.update(b"\x01")
            raw = value["StringValue"].encode()
        digest.update(struct.pack("!I", len(raw)) + raw)
    return digest.hexdigest()


def wanted(names: Iterable[str], have: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that a caller asks for: by name, by prefix (`foo.*`), or all of them."""
    chosen: dict[str, Any] = {}
    for name in names:
        if name in {"All", ".*"}:
            return dict(have)
        if name.endswith(".*"):
            chosen |= {k: v for k, v in have.items() if k.startswith(name[:-2])}
        elif name in have:
            chosen[name] = have[name]
    return chosen
