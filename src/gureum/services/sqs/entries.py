"""What the message log holds: sends, receives, deletes, each for one queue. The log is the truth after a crash."""

from __future__ import annotations

from typing import Any

import msgspec


class Sent(msgspec.Struct, array_like=True, tag=0, frozen=True):
    """A message as it entered a queue, or as it stands when its segment is compacted. Times are milliseconds.

    `body` is sealed where `key` names a data key: "q" the queue's own, else the encrypted KMS data key.
    """

    queue: str
    seq: int
    id: str
    body: bytes
    key: bytes
    md5: str
    attributes: dict[str, Any]
    attributes_md5: str
    sender: str
    sent: int
    visible: int
    group: str = ""
    dedup: str = ""
    trace: str = ""
    source: str = ""
    receives: int = 0
    first: int = 0
    nonce: int = 0
    sealed_as: int = 0  # the sequence number under which the body was sealed, where that is not `seq`


class Received(msgspec.Struct, array_like=True, tag=1, frozen=True):
    """Messages handed out: (seq, visible again, receives, first receive, nonce) each."""

    queue: str
    messages: list[tuple[int, int, int, int, int]]


class Deleted(msgspec.Struct, array_like=True, tag=2, frozen=True):
    """Messages that are done, moved away or expired."""

    queue: str
    seqs: list[int]


class Hidden(msgspec.Struct, array_like=True, tag=3, frozen=True):
    """Visibility time-outs changed: (seq, visible again) each."""

    queue: str
    messages: list[tuple[int, int]]


class Purged(msgspec.Struct, array_like=True, tag=4, frozen=True):
    """Every message of a queue up to a sequence number is gone."""

    queue: str
    through: int


Entry = Sent | Received | Deleted | Hidden | Purged

encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode
