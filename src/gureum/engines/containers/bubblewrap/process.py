"""Commands that `exec` runs in a sandbox: pipes or a terminal that lead straight to them."""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import socket
import struct
import termios
import threading
from collections.abc import Iterator
from typing import Any

from ..outcome import Stream
from ..port import EngineFailed
from . import wire


class SandboxProcess:
    """See `port.Process`. `line` is a connection to the supervisor of its own."""

    def __init__(self, line: socket.socket, request: dict[str, Any], *, tty: bool) -> None:
        self._line, self._tty = line, tty
        self._code: int | None = None
        self._lock = threading.Lock()
        self._input = -1
        self._outputs: dict[int, Stream] = {}
        if tty:
            wire.send(line, request)
        else:
            self._send_with_pipes(request)
        self._begun()

    def _send_with_pipes(self, request: dict[str, Any]) -> None:
        stdin, self._input = os.pipe()
        ends = [stdin]
        for stream in ("stdout", "stderr"):
            reading, writing = os.pipe()
            self._outputs[reading] = "stdout" if stream == "stdout" else "stderr"
            ends.append(writing)
        try:
            wire.send(self._line, request, tuple(ends))
        finally:
            for fd in ends:
                os.close(fd)

    def _begun(self) -> None:
        """Wait until it runs, and with a terminal until we have that: the two are told in any order."""
        runs = False
        while not (runs and (self._outputs or not self._tty)) and self._code is None:
            message, fds = wire.receive(self._line)
            if message is None or "error" in message:
                self.close()
                raise EngineFailed(message["error"] if message else "the task has ended")
            if message.get("terminal"):
                self._input = fds[0]
                self._outputs[fds[0]] = "stdout"
            if "exit" in message:
                self._code = message["exit"]
            runs = runs or "pid" in message

    def output(self) -> Iterator[tuple[Stream, bytes]]:
        with selectors.DefaultSelector() as selector:
            for fd in self._outputs:
                selector.register(fd, selectors.EVENT_READ)
            while selector.get_map():
                for key, _ in selector.select():
                    try:
                        data = os.read(key.fd, 65536)
                    except OSError:  # EIO: nobody has the terminal any more; EBADF: closed by us
                        data = b""
                    if data:
                        yield self._outputs[key.fd], data
                    else:
                        selector.unregister(key.fd)

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._input, view) :]
        except OSError as error:
            raise EngineFailed(f"the command has ended: {error.strerror}") from error

    def close_input(self) -> None:
        if self._tty:
            with contextlib.suppress(EngineFailed):
                self.send(b"\x04")
        elif self._input >= 0:
            os.close(self._input)
            self._input = -1

    def resize(self, rows: int, columns: int) -> None:
        if self._tty and self._input >= 0:
            fcntl.ioctl(self._input, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        with self._lock:
            self._line.settimeout(timeout_seconds)
            while self._code is None:
                try:
                    message, _ = wire.receive(self._line)
                except TimeoutError:
                    return None
                if message is None:
                    self._code = 137  # the task was destroyed, and it with it
                elif "exit" in message:
                    self._code = message["exit"]
            return self._code

    def close(self) -> None:
        self._line.close()  # the supervisor ends what still runs
        for fd in {self._input, *self._outputs} - {-1}:
            with contextlib.suppress(OSError):
                os.close(fd)
        self._input = -1
        self._outputs.clear()
