"""Health checks. Podman runs them by systemd timers only, so the driver runs them itself for every engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import monotonic

from ..outcome import Health
from ..spec import HealthCheck
from ..timers import Timers

_WORKERS = 4


@dataclass
class _Watched:
    check: HealthCheck
    changed: Callable[[], None]
    began: float = field(default_factory=monotonic)
    health: Health = "starting"
    failures: int = 0


class HealthChecks:
    """`run(container id, command, timeout)` answers whether the command exited 0 in time."""

    def __init__(self, timers: Timers, run: Callable[[str, tuple[str, ...], float], bool]) -> None:
        self._timers, self._run = timers, run
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None

    def health(self, id: str) -> Health:
        """What the checks of this container say."""
        watched = self._watched.get(id)
        return watched.health if watched else "starting"

    def begin(self, id: str, check: HealthCheck, changed: Callable[[], None]) -> None:
        """Check this running container from now on. May be repeated."""
        with self._lock:
            if id in self._watched:
                return
            self._watched[id] = _Watched(check, changed)
            self._pool = self._pool or ThreadPoolExecutor(_WORKERS, thread_name_prefix="health")
        self._again(id, check)

    def end(self, id: str) -> None:
        """It does not run any more."""
        self._watched.pop(id, None)

    def close(self) -> None:
        """Stop checking."""
        self._watched.clear()
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _again(self, id: str, check: HealthCheck) -> None:
        self._timers.after(check.interval_seconds, lambda: self._submit(id))

    def _submit(self, id: str) -> None:
        if id in self._watched and self._pool is not None:
            self._pool.submit(self._check, id)

    def _check(self, id: str) -> None:
        if (watched := self._watched.get(id)) is None:
            return
        good = self._run(id, watched.check.command, watched.check.timeout_seconds)
        before = watched.health
        if good:
            watched.failures, watched.health = 0, "healthy"
        elif monotonic() - watched.began >= watched.check.start_period_seconds:
            watched.failures += 1
            if watched.failures >= watched.check.retries:
                watched.health = "unhealthy"
        if watched.health != before:
            watched.changed()
        self._again(id, watched.check)
