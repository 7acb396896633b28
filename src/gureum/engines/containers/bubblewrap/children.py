"""Who was forked, and what to do when each ends. Standard library only."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
from collections.abc import Callable


class Children:
    """Wakes the selector when a child has ended, and calls what was left for it with its exit code."""

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._ends: dict[int, Callable[[int], None]] = {}
        self._reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        selector.register(self._reading, selectors.EVENT_READ, self._woken)

    def await_end(self, pid: int, ended: Callable[[int], None]) -> None:
        """Call `ended` with the exit code of this child (128 + signal) once it has ended."""
        self._ends[pid] = ended

    def reap(self) -> None:
        """See who has ended."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if ended := self._ends.pop(pid, None):
                code = os.waitstatus_to_exitcode(status)
                ended(code if code >= 0 else 128 - code)

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._reading, 4096)
        self.reap()
