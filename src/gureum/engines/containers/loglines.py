"""Reading what containers wrote: engines' log files and streams, as lines that can be resumed.

A position is "BASE:SKIP": go back to BASE (a file offset or a second), and skip that many whole lines. BASE moves
on only when no line is half written, so that a line which comes in pieces between others is neither lost nor
told twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from .outcome import LogLine, Stream

_LONGEST_LINE = (
    1024 * 1024
)  # a longer one is cut here, so that a program that never ends its line fills no memory
_CHUNK = 4 * 1024 * 1024
_NANOSECONDS = re.compile(r"(\.\d{1,6})\d*")


class Piece(NamedTuple):
    """One record of an engine's log: a line, or part of one when `whole` is false."""

    base: int
    time: float
    stream: Stream
    text: bytes
    whole: bool


class _JsonRecord(msgspec.Struct):
    log: str
    stream: Stream
    time: str


_decode_json = msgspec.json.Decoder(_JsonRecord).decode


def seconds(text: str) -> float:
    """An engine's RFC 3339 time, with up to nanoseconds, as Unix seconds."""
    moment = datetime.fromisoformat(_NANOSECONDS.sub(r"\1", text.replace("Z", "+00:00", 1)))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def start_of(position: str) -> tuple[int, int]:
    """The base and the number of lines to skip. ("", the beginning, is 0 and 0.)"""
    base, _, skip = position.partition(":")
    return int(base or 0), int(skip or 0)


def assemble(pieces: Iterable[Piece], skip: int, limit: int, ended: bool) -> list[LogLine]:
    """Join pieces to lines. `ended`: nothing will follow, so a half line at the end is a line."""
    lines: list[LogLine] = []
    parts: dict[Stream, list[Piece]] = {}
    base, count = -1, 0

    def finish(stream: Stream) -> None:
        nonlocal count
        run = parts.pop(stream)
        count += 1
        if count > skip or base != first_base:
            text = b"".join(piece.text for piece in run)
            lines.append(LogLine(f"{base}:{count}", run[0].time, stream, text))

    first_base = last = -1
    for piece in pieces:
        # Not to a base that an earlier piece has as well: who goes back to it must not meet the end of another line.
        if not parts and piece.base != last:
            base, count = piece.base, 0
            first_base = base if first_base == -1 else first_base
        last = piece.base
        run = parts.setdefault(piece.stream, [])
        run.append(piece)
        if piece.whole or sum(len(part.text) for part in run) >= _LONGEST_LINE:
            finish(piece.stream)
            if len(lines) >= limit:
                return lines
    if ended:
        for stream in tuple(parts):
            finish(stream)
    return lines


def read_file(
    path: Path, parse: Callable[[int, bytes], Piece], position: str, limit: int, ended: bool
) -> list[LogLine]:
    """The lines of an engine's log file after `position`. Reads a bounded piece, so a long file takes several calls."""
    base, skip = start_of(position)
    try:
        with path.open("rb") as file:
            file.seek(base)
            data = file.read(_CHUNK)
    except FileNotFoundError:
        return []
    last = data.rfind(b"\n") + 1
    return assemble(_records(data[:last], base, parse), skip, limit, ended and len(data) < _CHUNK)


def _records(data: bytes, base: int, parse: Callable[[int, bytes], Piece]) -> Iterator[Piece]:
    start = 0
    while (end := data.find(b"\n", start)) >= 0:
        if end > start:
            yield parse(base + start, data[start:end])
        start = end + 1


def parse_k8s(base: int, record: bytes) -> Piece:
    """`TIME STREAM F|P text`, as conmon and our own supervisor write it."""
    time, stream, flag, text = record.split(b" ", 3)
    return Piece(
        base, seconds(time.decode()), "stderr" if stream == b"stderr" else "stdout", text, flag == b"F"
    )


def parse_json(base: int, record: bytes) -> Piece:
    """Docker's json-file: one object a record, the text with its line feed when it is the end of a line."""
    entry = _decode_json(record)
    whole = entry.log.endswith("\n")
    text = entry.log.encode("utf-8", "surrogateescape")
    return Piece(base, seconds(entry.time), entry.stream, text[:-1] if whole else text, whole)


def parse_frames(frames: Iterable[tuple[Stream, bytes]]) -> Iterator[Piece]:
    """The log stream of Docker's API with timestamps: `TIME text` in each frame."""
    for stream, data in frames:
        for record in data.splitlines(keepends=True):
            time, _, text = record.partition(b" ")
            when = seconds(time.decode())
            whole = text.endswith(b"\n")
            yield Piece(int(when), when, stream, text[:-1] if whole else text, whole)
