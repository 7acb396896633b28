"""Waiting on the event loop for something to happen, with a limit: long polls and streams."""

from __future__ import annotations

import asyncio
from collections import deque


class Bell:
    """Those who wait for a thing. Used on the event loop only."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[bool]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    async def wait(self, seconds: float) -> bool:
        """Wait until the bell rings (True) or the time is over (False)."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(future)
        timer = loop.call_later(seconds, _over, future)
        try:
            return await future
        finally:
            timer.cancel()
            self._discard(future)

    def ring(self, count: int = 1) -> None:
        """Wake the first `count` who wait."""
        while count and self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(True)
                count -= 1

    def ring_all(self) -> None:
        self.ring(len(self._waiting))

    def _discard(self, future: asyncio.Future[bool]) -> None:
        if future in self._waiting:
            self._waiting.remove(future)


def _over(future: asyncio.Future[bool]) -> None:
    if not future.done():
        future.set_result(False)
