"""The drivers behind the ports, each made when it is first asked for: engines cost a start nothing."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import Any

_FINGERPRINT_SECONDS = 10.0


class Drivers(dict[type, Any]):
    """Port → driver. `makers` make a driver by its port's full name, in a thread of the caller's."""

    def __init__(self, makers: Mapping[str, Callable[[], Any]]) -> None:
        super().__init__()
        self._makers = makers
        self._lock = threading.Lock()
        self._told: list[dict[str, Any]] = []
        self._told_at = 0.0
        self._asking = False
        self._broken: dict[str, str] = {}

    def __missing__(self, port: type) -> Any:
        """KeyError where no driver is named for the port."""
        make = self._makers[f"{port.__module__}.{port.__qualname__}"]
        with self._lock:
            if port not in self:
                made = make()
                self._told = [*self._told, _shown(port, made.fingerprint())]
                self[port] = made
            return self[port]

    def health(self, pool: Executor) -> list[dict[str, Any]]:
        """What each driver in use last said of itself. Returns at once; asks again in the pool when that is old."""
        if self and not self._asking and time.monotonic() - self._told_at > _FINGERPRINT_SECONDS:
            self._asking = True
            pool.submit(self._ask)
        return self._told

    def look(self) -> list[dict[str, Any]]:
        """What every driver says of itself now, those not yet in use too: they are made for it. For threads."""
        for name in self._makers:
            module, _, port = name.rpartition(".")
            try:
                self[getattr(importlib.import_module(module), port)]
            except Exception as error:
                self._broken[name] = repr(error)
            else:
                self._broken.pop(name, None)
        self._ask()
        return [*self._told, *(_unmade(name, why) for name, why in self._broken.items())]

    def close(self) -> None:
        """Let go of the engines; what runs in them runs on."""
        for driver in self.values():
            driver.close()

    def _ask(self) -> None:
        try:
            self._told = [_shown(port, driver.fingerprint()) for port, driver in list(self.items())]
        finally:
            self._told_at, self._asking = time.monotonic(), False


def _shown(port: type, told: Any) -> dict[str, Any]:
    return {
        "port": port.__name__.lower(),
        "driver": told.driver,
        "state": told.state,
        "why": told.reason,
        "mend": told.remedy,
        "version": told.version,
    }


def _unmade(name: str, why: str) -> dict[str, Any]:
    port = name.rpartition(".")[2].lower()
    return {"port": port, "driver": "", "state": "absent", "why": why, "mend": "", "version": ""}
