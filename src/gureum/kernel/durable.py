"""When written means kept.

`write`: a change is kept once the operating system has it; it survives a killed process. `fsync`: once the disk
has it; it survives power loss. Files that were written are marked dirty, and one thread syncs them in groups:
while one sync runs the next group gathers.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Literal

Durability = Literal["write", "fsync"]


class Syncer:
    """Syncs dirty files for those who wait. In `write` mode nothing waits."""

    def __init__(self, durability: Durability) -> None:
        self.durability = durability
        self.waits = durability == "fsync"
        self._dirty: set[int] = set()
        self._waiting: list[Callable[[OSError | None], None]] = []
        self._wake = threading.Condition()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def dirty(self, fd: int) -> None:
        """Say that a file has been written."""
        if self.waits:
            self._dirty.add(fd)

    def forget(self, fd: int) -> None:
        """Say that a file is about to be closed; its owner has synced it."""
        self._dirty.discard(fd)

    def when_kept(self, call: Callable[[OSError | None], None]) -> None:
        """Call, from the sync thread, once all that is dirty now is on the disk; with the error if it is not."""
        with self._wake:
            self._waiting.append(call)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sync", daemon=True)
                self._thread.start()
            self._wake.notify()

    def stop(self) -> None:
        with self._wake:
            self._stopped = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._stopped:
                    self._wake.wait()
                if not self._waiting:
                    return
                waiting, self._waiting = self._waiting, []
                dirty, self._dirty = self._dirty, set()
            failed: OSError | None = None
            for fd in dirty:
                try:
                    os.fdatasync(fd)
                except OSError as error:  # the disk is gone or full: nobody is told that it was kept
                    failed = error
            for call in waiting:
                call(failed)
