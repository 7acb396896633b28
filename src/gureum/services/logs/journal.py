"""The events of all streams: one append-only log of batches, and an index of batches in memory.

An entry is one PutLogEvents call on one stream. The index keeps a batch's place, times and size, never its
events, so that memory grows with calls, not with lines. Threads read segments from the disk by themselves.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from gureum.kernel.home import Home
from gureum.kernel.log import Position
from gureum.kernel.records import kind_of
from gureum.kernel.store import rows_everywhere
from gureum.kernel.waiting import Bell
from gureum.services.logs.records import LogStream

_WORTH_COMPACTING = 0.5
_MOST_WAITING = 10_000


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """Events as they came in: (timestamp, message) each, in the order of their timestamps. Milliseconds."""

    stream: str
    number: int
    ingested: int
    events: list[tuple[int, str]]


class Place(NamedTuple):
    """Where a batch lies, and what must be known of it without reading it."""

    position: Position
    number: int
    first: int
    last: int
    size: int  # bytes as AWS counts them: 26 more for each event


class Line(NamedTuple):
    """One event. `key` orders events and stays true for ever: 56 digits, as AWS's event ids."""

    key: str
    timestamp: int
    message: str
    ingested: int
    stream: str


class StreamIndex:
    """What is known of one stream's events."""

    __slots__ = ("first", "ingested", "last", "places", "size")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.first = self.last = self.ingested = self.size = 0

    def add(self, place: Place, ingested: int) -> None:
        self.first = place.first if not self.places else min(self.first, place.first)
        self.last = max(self.last, place.last)
        self.ingested = max(self.ingested, ingested)
        self.size += place.size
        self.places.append(place)


class Tail:
    """One who follows events as they come in."""

    __slots__ = ("bell", "dropped", "lines", "streams")

    def __init__(self, streams: frozenset[str]) -> None:
        self.streams = streams
        self.lines: deque[Line] = deque(maxlen=_MOST_WAITING)
        self.dropped = False
        self.bell = Bell()


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Batch).decode


class Journal:
    """The events of every stream. Event loop only, but for `read`."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._log = home.log("logs/events")
        self._log.on_loss = self._reload
        self._streams: dict[str, StreamIndex] = {}
        self._living: dict[int, int] = {}
        self._number = 0
        self._tails: set[Tail] = set()
        self._recover()

    def put(self, stream: str, events: list[tuple[int, str]], size: int) -> None:
        """Keep events, already in order; `size` as AWS counts."""
        self._number += 1
        now = int(self._home.clock.now() * 1000)
        position = self._log.append(_encode(Batch(stream, self._number, now, events)))
        self._add(stream, Place(position, self._number, events[0][0], events[-1][0], size), now)
        for tail in self._tails:
            if stream in tail.streams:
                tail.dropped = tail.dropped or len(tail.lines) + len(events) > _MOST_WAITING
                tail.lines.extend(_lines(Batch(stream, self._number, now, events)))
                tail.bell.ring()

    def index(self, stream: str) -> StreamIndex:
        """What is known of a stream; empty for one without events."""
        return self._streams.get(stream) or StreamIndex()

    def places(self, streams: Sequence[str], start: int, end: int) -> list[Place]:
        """The batches that may hold events of a time (end excluded), written down so that threads can read them."""
        self._log.flush()
        found = [
            place
            for stream in streams
            for place in self.index(stream).places
            if place.last >= start and place.first < end
        ]
        return sorted(found, key=lambda place: place.position)

    def forget(self, streams: Iterable[str]) -> None:
        """Streams are gone, and their events."""
        for stream in streams:
            index = self._streams.pop(stream, None)
            for place in index.places if index is not None else ():
                self._leave(place)
        self._compact()

    def expire(self, streams: Iterable[str], before: int) -> None:
        """Drop batches whose events are all older than a time."""
        for stream in streams:
            index = self._streams.get(stream)
            old = [place for place in index.places if place.last < before] if index is not None else []
            if index is None or not old:
                continue
            kept = [place for place in index.places if place.last >= before]
            for place in old:
                self._leave(place)
                index.size -= place.size
            index.places = kept
            index.first = min((place.first for place in kept), default=0)
        self._compact()

    def follow(self, streams: frozenset[str]) -> Tail:
        """Begin to be told of events as they come in; `leave` ends it."""
        tail = Tail(streams)
        self._tails.add(tail)
        return tail

    def leave(self, tail: Tail) -> None:
        self._tails.discard(tail)

    def clear(self) -> None:
        self._streams.clear()
        self._living.clear()

    def close(self) -> None: ...

    def _add(self, stream: str, place: Place, ingested: int) -> None:
        index = self._streams.get(stream)
        if index is None:
            index = self._streams[stream] = StreamIndex()
        index.add(place, ingested)
        segment, _, length = place.position
        self._living[segment] = self._living.get(segment, 0) + length

    def _leave(self, place: Place) -> None:
        segment, _, length = place.position
        self._living[segment] = self._living.get(segment, 0) - length

    def _recover(self) -> None:
        known = {row.record.id for row in rows_everywhere(self._home.store, kind_of(LogStream))}  # type: ignore[attr-defined]
        seen: set[int] = set()
        for position, raw in self._log.entries():
            batch = _decode(raw)
            if batch.number in seen:
                continue  # moved by a compaction that a crash cut short: it stands in both segments
            seen.add(batch.number)
            self._number = max(self._number, batch.number)
            if batch.stream in known and batch.events:
                size = sum(26 + len(message.encode()) for _, message in batch.events)
                place = Place(position, batch.number, batch.events[0][0], batch.events[-1][0], size)
                self._add(batch.stream, place, batch.ingested)

    def _reload(self) -> None:
        self.clear()
        self._recover()

    def _compact(self) -> None:
        """Where most of the oldest segment is dead, append what lives anew and drop the segment."""
        segments = self._log.segments
        while len(segments) > 1:
            oldest = min(segments)
            if self._living.get(oldest, 0) > segments[oldest] * _WORTH_COMPACTING:
                return
            for index in self._streams.values():
                index.places = [
                    self._move(place) if place.position[0] == oldest else place for place in index.places
                ]
            self._log.forget_before(oldest + 1)
            self._living.pop(oldest, None)

    def _move(self, place: Place) -> Place:
        position = self._log.append(self._log.read(place.position))
        segment, _, length = position
        self._living[segment] = self._living.get(segment, 0) + length
        return place._replace(position=position)

    @property
    def folder(self) -> Path:
        return self._log.folder


def read(home: Home, streams: Sequence[str], start: int, end: int) -> Iterator[Line]:
    """The events of streams in a time (milliseconds, end excluded), in no order; from a thread.

    A segment that is compacted meanwhile is looked up anew: a batch is read once, by its number.
    """
    journal = home.part(Journal)
    done: set[int] = set()
    for _ in range(10):
        places = home.on_loop(journal.places, streams, start, end)
        try:
            for batch in _batches(journal.folder, [p for p in places if p.number not in done]):
                done.add(batch.number)
                for line in _lines(batch):
                    if start <= line.timestamp < end:
                        yield line
            return
        except FileNotFoundError:
            continue


def _batches(folder: Path, places: Sequence[Place]) -> Iterator[Batch]:
    fd, number = -1, -1
    try:
        for place in places:
            segment, offset, length = place.position
            if segment != number:
                if fd >= 0:
                    os.close(fd)
                fd, number = -1, segment
                fd = os.open(folder / f"{segment:012d}.log", os.O_RDONLY)
            yield _decode(os.pread(fd, length, offset))
    finally:
        if fd >= 0:
            os.close(fd)


def _lines(batch: Batch) -> Iterator[Line]:
    for at, (timestamp, message) in enumerate(batch.events):
        key = f"{timestamp:020d}{batch.number:020d}{at:016d}"
        yield Line(key, timestamp, message, batch.ingested, batch.stream)
