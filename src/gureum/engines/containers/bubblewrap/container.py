"""One container as its supervisor sees it: the state that is written down, and its log. Standard library only."""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LONGEST_PIECE = 16 * 1024


class Log:
    """Writes what arrives in pieces as `TIME STREAM F|P text` lines (see `loglines.parse_k8s`)."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._rest: dict[str, bytes] = {}

    def write(self, stream: str, data: bytes) -> None:
        """Log what was read; a line that has not ended yet waits, unless it is long."""
        *lines, rest = (self._rest.get(stream, b"") + data).split(b"\n")
        records = [(b"F", line) for line in lines]
        while len(rest) > _LONGEST_PIECE:
            records.append((b"P", rest[:_LONGEST_PIECE]))
            rest = rest[_LONGEST_PIECE:]
        self._rest[stream] = rest
        self._put(stream, records)

    def end(self, stream: str) -> None:
        """Nothing more will come on this stream."""
        if rest := self._rest.pop(stream, b""):
            self._put(stream, [(b"F", rest)])

    def close(self) -> None:
        os.close(self._fd)

    def _put(self, stream: str, records: list[tuple[bytes, bytes]]) -> None:
        if not records:
            return
        now = time.time_ns()
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now // 1_000_000_000))
        head = f"{moment}.{now % 1_000_000_000:09d}Z {stream} ".encode()
        data = b"".join(head + flag + b" " + text + b"\n" for flag, text in records)
        # A full disk loses lines here, but must not take the task down.
        with contextlib.suppress(OSError):
            while data:
                data = data[os.write(self._fd, data) :]


@dataclass
class Live:
    """A container that was started. `shown` is what inspect gets to see."""

    plan: dict[str, Any]
    log: Log
    shown: dict[str, Any]
    monitor: int = 0  # bubblewrap's own process
    streams: dict[int, str] = field(default_factory=dict)  # descriptors still open → their stream
    said: list[bytes] = field(default_factory=list)  # the first words, to tell bubblewrap's own complaint
    exit_status: int | None = None
    stopping: bool = False
    kill_at: float | None = None
    check_at: float | None = None
    check_failures: int = 0
    check: tuple[int, float] | None = None  # the running health check: its process, and when its time is over

    @property
    def running(self) -> bool:
        return bool(self.shown["state"] == "running")
