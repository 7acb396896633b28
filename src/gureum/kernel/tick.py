"""One turn of the event loop: what was appended is written once, then those who wait are answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gureum.kernel.durable import Syncer
from gureum.kernel.log import Log

Answer = Callable[[OSError | None], None]


class Tick:
    """Flushes dirty logs at the end of each turn of the loop, then calls those who wait. Loop thread only."""

    def __init__(self, loop: asyncio.AbstractEventLoop, syncer: Syncer) -> None:
        self._loop = loop
        self._syncer = syncer
        self._logs: list[Log] = []
        self._now: list[Answer] = []
        self._kept: list[Answer] = []
        self._scheduled = False

    def dirty(self, log: Log) -> None:
        """A log has something to write."""
        self._logs.append(log)
        self._schedule()

    def after(self, answer: Answer, *, kept: bool) -> None:
        """Call once this turn is written; where `kept`, not before the operator's durability is reached."""
        (self._kept if kept and self._syncer.waits else self._now).append(answer)
        self._schedule()

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            self._loop.call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        logs, self._logs = self._logs, []
        now, self._now = self._now, []
        kept, self._kept = self._kept, []
        failed: OSError | None = None
        for log in logs:
            try:
                log.flush()
            except OSError as error:
                failed = error
        for answer in now:
            answer(failed)
        if not kept:
            return
        if failed is not None:
            _tell(kept, failed)
            return
        self._syncer.when_kept(lambda error: self._release(kept, error))

    def _release(self, answers: list[Answer], error: OSError | None) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_tell, answers, error)


def _tell(answers: list[Answer], error: OSError | None) -> None:
    for answer in answers:
        answer(error)
