"""Long work: a reconciler takes a record one step towards what it should be, again and again, across restarts.

A reconciler is `fn(ctx, record)`. It returns the record as it now is (nothing more to do until it changes),
`Again(record, after)` to be run again after so many seconds, or None to drop it. Committing a record of a
reconciled kind makes it due. A step's result and its next wake-up are stored together, so a crash repeats at most
one step: steps must be safe to repeat.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, NamedTuple

from gureum.kernel.context import for_service
from gureum.kernel.faults import Conflict
from gureum.kernel.home import Home
from gureum.kernel.records import KINDS, Key, R, Record, kind_of
from gureum.kernel.store import Due, Work

log = logging.getLogger("gureum.reconcile")

_LONGEST_BACKOFF_SECONDS = 300.0


class Again(Generic[R]):
    """Run this record's reconciler again, `after` seconds from now."""

    __slots__ = ("after", "record")

    def __init__(self, record: R, *, after: float) -> None:
        self.record, self.after = record, after


Step = Callable[[Any, Any], "Again[Any] | Record | None"]
RECONCILERS: dict[str, Step] = {}


def reconciler(record: type[R]) -> Callable[[Step], Step]:
    """Register the reconciler of a kind."""

    def register(fn: Step) -> Step:
        kind = kind_of(record)
        kind.reconciled = True
        RECONCILERS[kind.name] = fn
        return fn

    return register


class Failing(NamedTuple):
    """A record whose reconciler fails: how often in a row, and with what."""

    key: Key
    failures: int
    error: str


class Reconciliation:
    """Runs due records, each alone, many side by side."""

    def __init__(
        self, home: Home, most_at_once: int = 12, need_service: Callable[[str], bool] | None = None
    ) -> None:
        self._home = home
        self._most = most_at_once
        self._need_service = need_service or (lambda _service: True)
        self._running: set[Key] = set()
        self._wake = asyncio.Event()
        self.failing: dict[Key, Failing] = {}
        home.store.on_commit(self._committed)

    def _committed(self, work: Work) -> None:
        if work.due or any(kind.reconciled for kind, _ in work.writes.values()):
            self._home.loop.call_soon_threadsafe(self._wake.set)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            self._wake.clear()
            for due in self._take():
                self._running.add(due.key)
                future = self._home.loop.run_in_executor(self._home.pool, self._step, due)
                future.add_done_callback(partial(self._ended, due.key))
            pause = self._pause()
            try:
                await asyncio.wait_for(self._wake.wait(), pause)
            except TimeoutError:
                continue

    def _take(self) -> list[Due]:
        free = self._most - len(self._running)
        if free <= 0:
            return []
        due = self._home.store.due(self._home.clock.now(), self._most * 2)
        return [d for d in due if d.key not in self._running][:free]

    def _pause(self) -> float:
        if len(self._running) >= self._most:
            return 5.0
        soonest = self._home.store.next_due()
        if soonest is None:
            return 5.0
        # At most a second, so that a clock that jumps is seen.
        wait = soonest - self._home.clock.now()
        return min(max(wait, 0.0 if not self._running else 0.02), 1.0)

    def _ended(self, key: Key, _done: asyncio.Future[None]) -> None:
        self._running.discard(key)
        self._wake.set()

    def _step(self, due: Due) -> None:
        """One step of one record; in a thread."""
        home = self._home
        kind_name, account, region, _ = due.key
        if not self._need_service(kind_name.partition(":")[0]) or kind_name not in RECONCILERS:
            return self._later(due, "no service here reconciles this")
        kind = KINDS[kind_name]
        row = home.store.read(kind, due.key)
        if row is None:
            work = Work()
            work.undue.add(due.key)
            return home.store.commit(work)
        ctx = for_service(home, kind.service, account, region, cause=f"reconcile {kind_name}")
        work = ctx.work
        work.reads[due.key] = row.version
        try:
            result = RECONCILERS[kind_name](ctx, row.record)
            _take_result(work, due.key, row.record, result, home.clock.now())
            home.store.commit(work)
            self.failing.pop(due.key, None)
        except Conflict:
            pass  # it has changed meanwhile, and is due for that
        except Exception as error:
            log.warning("reconciling %s failed: %s", due.key, error, exc_info=True)
            self._later(due, repr(error))
        return None

    def _later(self, due: Due, error: str) -> None:
        failures = due.failures + 1
        self.failing[due.key] = Failing(due.key, failures, error)
        backoff = min(0.2 * 2 ** min(failures, 16), _LONGEST_BACKOFF_SECONDS)
        work = Work()
        work.due[due.key] = (self._home.clock.now() + backoff, failures)
        self._home.store.commit(work)


def _take_result(
    work: Work, key: Key, before: Record, result: Again[Any] | Record | None, now: float
) -> None:
    kind = KINDS[key[0]]
    if result is None:
        work.writes[key] = (kind, None)
        return
    record = result.record if isinstance(result, Again) else result
    if record != before:
        work.writes[key] = (kind, record)
    if isinstance(result, Again):
        work.due[key] = (now + result.after, 0)
    else:
        work.undue.add(key)
