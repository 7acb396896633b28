"""Delivers the one log to its listeners: in order, at least once, from durable cursors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gureum.kernel.context import for_service
from gureum.kernel.events import LISTENERS, Called, Changed, Listener, Told
from gureum.kernel.home import Home
from gureum.kernel.store import Work

log = logging.getLogger("gureum.listen")

_BATCH = 500
_OFFSET_BITS = 36  # a position in a log as one integer: segment above, offset below

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Called).decode


class Calls:
    """Every call at the front door, in two logs: management events and data events."""

    def __init__(self, home: Home) -> None:
        self._logs = {True: home.log("calls/management"), False: home.log("calls/data")}
        self._home = home
        self.on_append: Callable[[], None] | None = None

    def append(self, called: Called) -> None:
        self._logs[called.management].append(_encode(called))
        if self.on_append is not None:
            self.on_append()

    def read(self, *, management: bool, after: int) -> Iterator[tuple[int, Called]]:
        """Calls after a position, oldest first, with the position that follows each."""
        segment, offset = after >> _OFFSET_BITS, after & ((1 << _OFFSET_BITS) - 1)
        for (number, start, length), entry in self._logs[management].entries(segment, offset):
            yield (number << _OFFSET_BITS) | (start + length), _decode(entry)

    def newest_first(self, *, management: bool) -> Iterator[Called]:
        """Calls, newest first: a segment is read whole, then turned around. For threads, not the event loop."""
        source = self._logs[management]
        self._home.on_loop(source.flush)
        for number in sorted(source.segments, reverse=True):
            yield from (_decode(entry) for entry in reversed(source.segment(number)))

    def end(self, *, management: bool) -> int:
        """The position after the newest call."""
        segment, offset = self._logs[management].end
        return (segment << _OFFSET_BITS) | offset

    def forget_before(self, at: float) -> None:
        """Drop whole segments that hold only calls older than a time."""
        for source in self._logs.values():
            for number in sorted(source.segments)[:-1]:
                entries = source.segment(number)
                if entries and _decode(entries[-1]).at >= at:
                    break
                source.forget_before(number + 1)

    def clear(self) -> None:
        """The logs are cleared by their home."""

    def close(self) -> None: ...


class Listening:
    """Runs each listener by itself: a slow one holds up no other."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._wakes: dict[str, asyncio.Event] = {}
        self.failing: dict[str, str] = {}
        home.store.on_commit(self._committed)

    async def run(self) -> None:
        """Work until cancelled. Listeners registered meanwhile are taken up within a second."""
        self._home.part(Calls).on_append = self._called
        tasks: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for name, found in LISTENERS.items():
                    if name not in tasks:
                        self._wakes[name] = asyncio.Event()
                        tasks[name] = asyncio.create_task(self._serve(found), name=f"listener {name}")
                self._trim()
                await asyncio.sleep(1.0)
        finally:
            for task in tasks.values():
                task.cancel()

    def _committed(self, work: Work) -> None:
        if work.writes or work.told:
            self._home.loop.call_soon_threadsafe(self._ring, "changed", "told")

    def _called(self) -> None:
        self._ring("called")

    def _ring(self, *topics: str) -> None:
        for name, wake in self._wakes.items():
            if LISTENERS[name].topic in topics:
                wake.set()

    async def _serve(self, listener: Listener) -> None:
        home, wake = self._home, self._wakes[listener.name]
        failures = 0
        while True:
            wake.clear()
            try:
                if listener.topic == "called":
                    more = await self._serve_calls(listener)
                else:
                    more = await home.loop.run_in_executor(home.pool, self._serve_events, listener)
                failures = 0
                self.failing.pop(listener.name, None)
            except Exception as error:
                failures += 1
                self.failing[listener.name] = repr(error)
                log.warning("listener %s failed: %s", listener.name, error, exc_info=True)
                await asyncio.sleep(min(0.2 * 2 ** min(failures, 12), 300.0))
                continue
            if not more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(wake.wait(), 1.0 if home.store.shared else None)
                if listener.topic == "called":
                    await asyncio.sleep(0.2)  # calls come by the thousand: take them in batches

    def _serve_events(self, listener: Listener) -> bool:
        """One batch of committed events; in a thread. Whether there may be more."""
        store = self._home.store
        after = store.cursor(listener.name)
        if after is None:
            # A listener hears what happens from its first day on.
            store.move_cursor(listener.name, store.last_event())
            return False
        batch = store.events(after, _BATCH)
        wanted = [event for _, event in batch if _wants(listener, event)]
        for (account, region), group in _by_place(wanted).items():
            self._deliver(listener, account, region, group)
        if batch:
            store.move_cursor(listener.name, batch[-1][0])
        return len(batch) == _BATCH

    async def _serve_calls(self, listener: Listener) -> bool:
        calls, store = self._home.part(Calls), self._home.store
        more = False
        passed_over = listener.wanted is not None and not listener.wanted(self._home)
        for management in (True, False):
            name = f"{listener.name}/{'management' if management else 'data'}"
            after = store.cursor(name)
            if after is None or passed_over:
                end = calls.end(management=management)
                if end != after:
                    store.move_cursor(name, end)
                continue
            batch: list[Called] = []
            for position, called in calls.read(management=management, after=after):
                after = position
                if not listener.kinds or called.service in listener.kinds:
                    batch.append(called)
                if len(batch) == _BATCH:
                    break
            for (account, region), group in _by_place(batch).items():
                await self._home.loop.run_in_executor(
                    self._home.pool, self._deliver, listener, account, region, group
                )
            store.move_cursor(name, after)
            more = more or len(batch) == _BATCH
        return more

    def _deliver(self, listener: Listener, account: str, region: str, events: list[Any]) -> None:
        service = listener.name.partition(".")[0]
        ctx = for_service(
            self._home, _service_of(service), account, region, cause=f"listener {listener.name}"
        )
        listener.call(ctx, events)
        self._home.store.commit(ctx.work)

    def _trim(self) -> None:
        """Drop events that every listener is past."""
        store = self._home.store
        cursors = [store.cursor(li.name) for li in LISTENERS.values() if li.topic != "called"]
        if cursors and None not in cursors:
            store.forget_events(min(c for c in cursors if c is not None) + 1)
        elif not cursors:
            store.forget_events(store.last_event() + 1)


def _wants(listener: Listener, event: Changed | Told) -> bool:
    if isinstance(event, Changed):
        return listener.topic == "changed" and (not listener.kinds or event.kind in listener.kinds)
    return listener.topic == "told" and (not listener.kinds or event.source in listener.kinds)


def _by_place(events: list[Any]) -> dict[tuple[str, str], list[Any]]:
    groups: dict[tuple[str, str], list[Any]] = {}
    for event in events:
        groups.setdefault((event.account, event.region), []).append(event)
    return groups


def _service_of(package: str) -> str:
    return package.rstrip("_").replace("_", "-")
