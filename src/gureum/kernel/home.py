"""The running cloud as the kernel knows it: its folder, store, clock, logs, keys, engines and live parts."""

from __future__ import annotations

import asyncio
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gureum.kernel.clock import Clock
from gureum.kernel.durable import Syncer
from gureum.kernel.log import Log
from gureum.kernel.principal import Principal
from gureum.kernel.seal import Seal
from gureum.kernel.store import Store
from gureum.kernel.tick import Tick

P = TypeVar("P")
T = TypeVar("T")


class Part(Protocol):
    """State of a service that lives in memory, over a log or a folder from which it comes back.

    Made with the `Home` when first asked for. `clear` empties it, `close` lets go of what it holds.
    """

    def __init__(self, home: Home) -> None: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...


Caller = Callable[[str, str, dict[str, Any], Principal, str, str], Any]
"""(service, operation, params, principal, account, region) → the answer, or an awaitable of it."""


class Home:
    """Everything that a context can reach. One per running cloud; no module holds state instead."""

    def __init__(
        self,
        folder: Path,
        store: Store,
        syncer: Syncer,
        seal: Seal,
        loop: asyncio.AbstractEventLoop,
        clock: Clock | None = None,
        threads: int = 16,
    ) -> None:
        self.folder = folder
        self.store = store
        self.syncer = syncer
        self.seal = seal
        self.loop = loop
        self.clock = clock or Clock()
        self.tick = Tick(loop, syncer)
        self.pool = ThreadPoolExecutor(threads, thread_name_prefix="handler")
        # Calls that services make have threads of their own: those above wait for them.
        self.inner_pool = ThreadPoolExecutor(threads * 8, thread_name_prefix="inner")
        self.endpoint = ""  # where clients on this machine reach the cloud, set once it listens
        self.engines: dict[type, Any] = {}
        self.call: Caller = _no_door
        self.call_async: Caller = _no_door
        self.require: Callable[[Any, str, str, dict[str, str]], None] = _no_door
        self.may: Callable[[Any, Any, Any], bool] = _no_door
        self._parts: dict[type, Any] = {}
        self._making = threading.RLock()
        self._logs: dict[str, Log] = {}

    def part(self, kind: type[P]) -> P:
        """The one part of this class."""
        found = self._parts.get(kind)
        if found is None:
            with self._making:  # two who ask at once get the same one
                found = self._parts.get(kind)
                if found is None:
                    found = self._parts[kind] = kind(self)  # type: ignore[call-arg]
        part: P = found
        return part

    def log(self, name: str, segment_bytes: int = 64 * 1024 * 1024) -> Log:
        """The append-only log of a name (letters, digits, `-` and `/`). Event loop only."""
        found = self._logs.get(name)
        if found is None:
            found = self._logs[name] = Log(
                self.folder / "logs" / name, self.syncer, self.tick.dirty, segment_bytes
            )
        return found

    def engine(self, port: type[P]) -> P:
        """The driver that the operator chose for a port. KeyError where the composition names none."""
        driver: P = self.engines[port]
        return driver

    def on_loop(self, call: Callable[..., T], *args: Any) -> T:
        """Run a function on the event loop from a thread, and wait for what it gives."""

        async def run() -> T:
            return call(*args)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result()

    def files(self, name: str) -> Path:
        """A folder for a service's files."""
        folder = self.folder / "files" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def clear(self) -> None:
        """Empty everything: records, logs, parts, files."""
        self.store.clear()
        for part in self._parts.values():
            part.clear()
        for log in self._logs.values():
            log.clear()
        shutil.rmtree(self.folder / "files", ignore_errors=True)
        for log_folder in (self.folder / "logs").glob("*"):
            if not any(log.folder.is_relative_to(log_folder) for log in self._logs.values()):
                shutil.rmtree(log_folder, ignore_errors=True)

    def close(self) -> None:
        self.pool.shutdown(wait=True, cancel_futures=True)
        self.inner_pool.shutdown(wait=True, cancel_futures=True)
        for part in self._parts.values():
            part.close()
        for log in self._logs.values():
            log.close()
        self.syncer.stop()
        self.store.close()


def _no_door(*_: Any) -> Any:
    raise RuntimeError("the front door is not open yet")
