"""Append-only logs for streams of data: queue messages, log events, samples, the trail.

A log is a folder of segments. An entry is a length, a checksum and its bytes. What is appended is buffered until
`flush`, which the front door calls for all dirty logs once per turn of the event loop, before anybody is answered.
After a crash the torn end of the last segment, which nobody was told of, is cut off.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from gureum.kernel.durable import Syncer

_HEAD = struct.Struct("<II")  # length, crc32
_SEGMENT_BYTES = 64 * 1024 * 1024
_pack = _HEAD.pack
_crc = zlib.crc32

Position = tuple[int, int, int]
"""Where an entry lies: segment number, offset of its bytes, their length."""


class Log:
    """One append-only log in a folder. Positions stay true until `forget_before` drops their segment."""

    def __init__(
        self,
        folder: Path,
        syncer: Syncer,
        on_dirty: Callable[[Log], None],
        segment_bytes: int = _SEGMENT_BYTES,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._syncer = syncer
        self._on_dirty = on_dirty
        self._limit = segment_bytes
        self.on_loss: Callable[[], None] | None = None  # what was appended could not be written
        self._buffer: list[bytes] = []
        self._readers: dict[int, int] = {}
        self.segments: dict[int, int] = {}  # number → bytes
        for path in sorted(folder.glob("*.log")):
            self.segments[int(path.stem)] = path.stat().st_size
        self._number = max(self.segments, default=0)
        if self.segments:
            self._cut_torn_end()
        self._fd = self._open_segment()
        self._size = self.segments[self._number]  # with what is buffered

    def append(self, entry: bytes) -> Position:
        """Add an entry; it is written at the next `flush`."""
        if not self._buffer:
            self._on_dirty(self)
        length = len(entry)
        self._buffer.append(_pack(length, _crc(entry)))
        self._buffer.append(entry)
        offset = self._size + 8
        self._size = offset + length
        return (self._number, offset, length)

    def flush(self) -> None:
        """Write what was appended. Raises OSError, with nothing of it kept, where it cannot be written."""
        if not self._buffer:
            return
        data = b"".join(self._buffer)
        self._buffer.clear()
        start = self._size - len(data)
        try:
            written = os.write(self._fd, data)
            while written < len(data):  # pragma: no cover  (a signal or a nearly full disc)
                written += os.write(self._fd, data[written:])
        except OSError:
            os.ftruncate(self._fd, start)
            self._size = start
            if self.on_loss is not None:
                self.on_loss()
            raise
        self.segments[self._number] = self._size
        self._syncer.dirty(self._fd)
        if self._size >= self._limit:
            self._roll()

    def read(self, position: Position) -> bytes:
        """The entry at a position."""
        number, offset, length = position
        if self._buffer:
            self.flush()
        return os.pread(self._reader(number), length, offset)

    def entries(self, from_segment: int = 0, from_offset: int = 0) -> Iterator[tuple[Position, bytes]]:
        """Every entry in order, from a segment and the offset of an entry's head in it."""
        self.flush()
        for number in sorted(self.segments):
            if number < from_segment:
                continue
            start = from_offset if number == from_segment else 0
            for offset, entry in _entries(self._path(number), start):
                yield (number, offset, len(entry)), entry

    def segment(self, number: int) -> list[bytes]:
        """The entries of one segment."""
        return [entry for _, entry in _entries(self._path(number), 0)]

    @property
    def end(self) -> tuple[int, int]:
        """The segment and offset at which the next entry's head will lie."""
        return self._number, self._size

    def forget_before(self, number: int) -> None:
        """Drop the segments below a number. What was appended in their place is kept before they go."""
        if self._buffer:
            self.flush()
        if self._syncer.waits:
            os.fdatasync(self._fd)
        for old in [n for n in self.segments if n < min(number, self._number)]:
            if (fd := self._readers.pop(old, None)) is not None:
                os.close(fd)
            self._path(old).unlink(missing_ok=True)
            del self.segments[old]

    def roll(self) -> int:
        """Start a new segment; its number."""
        self.flush()
        if self._size:
            self._roll()
        return self._number

    def clear(self) -> None:
        """Drop every entry."""
        self._buffer.clear()
        self._size = self.segments[self._number]
        if self._size:
            self._roll()
        self.forget_before(self._number)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.flush()
        self._close_segment()
        for fd in self._readers.values():
            os.close(fd)
        self._readers.clear()

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:012d}.log"

    def _reader(self, number: int) -> int:
        fd = self._readers.get(number)
        if fd is None:
            fd = self._readers[number] = os.open(self._path(number), os.O_RDONLY)
        return fd

    def _open_segment(self) -> int:
        self.segments.setdefault(self._number, 0)
        return os.open(self._path(self._number), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _close_segment(self) -> None:
        if self._syncer.waits:
            os.fdatasync(self._fd)
        self._syncer.forget(self._fd)
        os.close(self._fd)

    def _roll(self) -> None:
        self._close_segment()
        self._number += 1
        self._size = 0
        self._fd = self._open_segment()

    def _cut_torn_end(self) -> None:
        path = self._path(self._number)
        end = 0
        for offset, entry in _entries(path, 0):
            end = offset + len(entry)
        if end < path.stat().st_size:
            os.truncate(path, end)
        self.segments[self._number] = end


def _entries(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """(offset of the bytes, bytes) of each whole entry of a segment."""
    with path.open("rb", buffering=1 << 20) as file:
        file.seek(start)
        offset = start
        while len(head := file.read(8)) == 8:
            length, crc = _HEAD.unpack(head)
            entry = file.read(length)
            if len(entry) < length or _crc(entry) != crc:
                return
            yield offset + 8, entry
            offset += 8 + length
