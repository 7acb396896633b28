"""The engine's event feed: who has changed, so that nobody else need be asked about."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from .bodies import INSTALLATION, NAME, TASK
from .http import Api, Refused

_ACTIONS = "create start die died stop kill oom remove destroy pause unpause restart cleanup"
_TELLING = frozenset(_ACTIONS.split())


class Feed:
    """Follows /events in a thread of its own and calls `changed(task id, task name)`; "" "" means anyone may have."""

    def __init__(self, api: Api, installation: str, changed: Callable[[str, str], None]) -> None:
        self._api, self._installation, self._changed = api, installation, changed
        self._line: socket.socket | None = None
        self._closed = threading.Event()
        self.alive = False
        threading.Thread(target=self._follow, name="container-events", daemon=True).start()

    def close(self) -> None:
        """Stop following."""
        self._closed.set()
        if (line := self._line) is not None:
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def _follow(self) -> None:
        pause = 0.1
        while not self._closed.is_set():
            began = time.monotonic()
            with contextlib.suppress(OSError, Refused, ValueError):
                filters = {"type": ["container"], "label": [f"{INSTALLATION}={self._installation}"]}
                self._line, events = self._api.lines("/events", {"filters": filters})
                self.alive = True
                self._changed("", "")  # what happened before we listened
                for event in events:
                    self._tell(event)
            self.alive = False
            pause = 0.1 if time.monotonic() - began > 10 else min(pause * 2, 5.0)
            self._closed.wait(pause)

    def _tell(self, event: dict[str, Any]) -> None:
        attributes = event.get("Actor", {}).get("Attributes") or {}
        if event.get("Action", event.get("status", "")).partition(":")[0] in _TELLING and TASK in attributes:
            self._changed(attributes[TASK], attributes.get(NAME, ""))
