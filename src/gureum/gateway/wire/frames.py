"""The framing of `application/vnd.amazon.eventstream`: bytes to messages and back.

A message is a prelude (total length, headers' length, CRC), typed headers, a payload and a CRC. Source:
https://smithy.io/2.0/aws/amazon-eventstream.html.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple
from zlib import crc32

from gureum.gateway.wire.scalars import Malformed

MAX_MESSAGE = 24 * 1024 * 1024
MAX_HEADERS = 128 * 1024

Header = bool | int | bytes | str | float | uuid.UUID


class Message(NamedTuple):
    """One message. Timestamps among the headers are seconds since the epoch (`Moment`)."""

    headers: dict[str, Header]
    payload: bytes


class Moment(float):
    """A header that is a timestamp: seconds since the epoch."""


def encode(headers: dict[str, Header], payload: bytes) -> bytes:
    """One message as bytes."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 16 + len(head) + len(payload), len(head))
    text = b"".join((prelude, struct.pack("!I", crc32(prelude)), head, payload))
    return text + struct.pack("!I", crc32(text))


def _header(name: str, value: Header) -> bytes:
    spelled = name.encode()
    return struct.pack("!B", len(spelled)) + spelled + _value(value)


def _value(value: Header) -> bytes:
    if isinstance(value, bool):
        return b"\x00" if value else b"\x01"
    if isinstance(value, int):
        return struct.pack("!Bi", 4, value) if -(2**31) <= value < 2**31 else struct.pack("!Bq", 5, value)
    if isinstance(value, bytes):
        return struct.pack("!BH", 6, len(value)) + value
    if isinstance(value, Moment):
        return struct.pack("!Bq", 8, round(value * 1000))
    if isinstance(value, uuid.UUID):
        return b"\x09" + value.bytes
    text = str(value).encode()
    return struct.pack("!BH", 7, len(text)) + text


def decode(text: bytes) -> Iterator[Message]:
    """The messages in `text`. Raises Malformed where lengths or checksums are wrong or the end is missing."""
    at = 0
    while at < len(text):
        if len(text) - at < 16:
            raise Malformed("The event stream is cut short")
        total, length, check = struct.unpack_from("!III", text, at)
        if total > MAX_MESSAGE or length > MAX_HEADERS or total < 16 + length:
            raise Malformed("An event has an impossible length")
        if crc32(text[at : at + 8]) != check:
            raise Malformed("An event's prelude checksum is wrong")
        if len(text) - at < total:
            raise Malformed("The event stream is cut short")
        end = at + total - 4
        if crc32(text[at:end]) != struct.unpack_from("!I", text, end)[0]:
            raise Malformed("An event's checksum is wrong")
        try:
            headers = _headers(text[at + 12 : at + 12 + length])
        except (struct.error, ValueError, IndexError, KeyError) as error:
            raise Malformed("An event's headers are malformed") from error
        yield Message(headers, text[at + 12 + length : end])
        at += total


_FIXED = {2: "!b", 3: "!h", 4: "!i", 5: "!q", 8: "!q"}


def _headers(text: bytes) -> dict[str, Header]:
    found: dict[str, Header] = {}
    at = 0
    while at < len(text):
        end = at + 1 + text[at]
        name, kind = text[at + 1 : end].decode(), text[end]
        found[name], at = _read(text, end + 1, kind)
    return found


def _read(text: bytes, at: int, kind: int) -> tuple[Header, int]:
    if kind in (0, 1):
        return kind == 0, at
    if kind in (6, 7):
        (length,) = struct.unpack_from("!H", text, at)
        end = at + 2 + length
        if end > len(text):
            raise ValueError("cut short")
        raw = text[at + 2 : end]
        return (raw if kind == 6 else raw.decode()), end
    if kind == 9:
        return uuid.UUID(bytes=text[at : at + 16]), at + 16
    layout = _FIXED[kind]
    (value,) = struct.unpack_from(layout, text, at)
    number: Any = Moment(value / 1000) if kind == 8 else value
    return number, at + struct.calcsize(layout)
