"""Ending containers: the stop signal now, SIGKILL when its time is over."""

from __future__ import annotations

import contextlib
import signal
from typing import Any

from ..timers import Timers
from . import bodies, observe
from .engine import Engine
from .http import Refused


class Stopping:
    """The deadlines live in this process: whoever stops again after a restart sets them anew."""

    def __init__(self, engine: Engine, timers: Timers) -> None:
        self._engine, self._timers = engine, timers
        self._begun: set[str] = set()

    def begin(self, found: dict[str, Any]) -> None:
        """Stop this running container (as inspected), unless that has begun."""
        id: str = found["Id"]
        if id in self._begun:
            return
        word, timeout = bodies.stop_of(observe.labels_of(found))
        self._begun.add(id)
        self.kill(id, word or _signal_name(found["Config"].get("StopSignal")))
        self._timers.after(timeout, lambda: self._late(id))

    def kill(self, id: str, word: str = "SIGKILL") -> None:
        """Send a signal; silent when it has ended."""
        try:
            self._engine.api().call("POST", f"/containers/{id}/kill", {"signal": word})
        except Refused:
            if self._is_running(id):
                raise

    def _late(self, id: str) -> None:
        self._begun.discard(id)
        with contextlib.suppress(OSError):  # the engine is gone: a repeated stop will tell
            self.kill(id)

    def _is_running(self, id: str) -> bool:
        try:
            return bool(self._engine.api().call("GET", f"/containers/{id}/json")["State"]["Running"])
        except Refused:
            return False


def _signal_name(said: object) -> str:
    """Docker says "SIGTERM" or nothing, Podman a number."""
    if not said:
        return "SIGTERM"
    text = str(said)
    return signal.Signals(int(text)).name if text.isdigit() else text
