"""Commands that `exec` runs, over the engine's two-way stream."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from ..outcome import Stream
from ..port import EngineFailed
from .http import Api, Refused

_HEADER = struct.Struct(">BxxxL")


def frames(data: Iterator[bytes]) -> Iterator[tuple[Stream, bytes]]:
    """Docker's multiplexed stream: 8 bytes of header (stream, length), then so many bytes."""
    buffer = b""
    for chunk in data:
        buffer += chunk
        while len(buffer) >= _HEADER.size:
            kind, size = _HEADER.unpack_from(buffer)
            if len(buffer) < _HEADER.size + size:
                break
            yield "stderr" if kind == 2 else "stdout", buffer[_HEADER.size : _HEADER.size + size]
            buffer = buffer[_HEADER.size + size :]


class ExecProcess:
    """One exec of an engine's; see `port.Process`."""

    def __init__(self, api: Api, id: str, *, tty: bool) -> None:
        self._api, self._id, self._tty = api, id, tty
        self._line, self._rest = api.hijack(f"/exec/{id}/start", {"Detach": False, "Tty": tty})
        self._code: int | None = None

    def _chunks(self) -> Iterator[bytes]:
        if self._rest:
            yield self._rest
            self._rest = b""
        with contextlib.suppress(OSError):  # closed by us, from another thread
            while chunk := self._line.recv(65536):
                yield chunk

    def output(self) -> Iterator[tuple[Stream, bytes]]:
        if self._tty:
            for chunk in self._chunks():
                yield "stdout", chunk
        else:
            yield from frames(self._chunks())

    def send(self, data: bytes) -> None:
        try:
            self._line.sendall(data)
        except OSError as error:
            raise EngineFailed(f"the command has ended: {error.strerror}") from error

    def close_input(self) -> None:
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        if self._tty:
            with contextlib.suppress(Refused):  # it has ended
                self._api.call("POST", f"/exec/{self._id}/resize", {"h": str(rows), "w": str(columns)})

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        pause = 0.005
        while self._code is None:
            state = self._state()
            if not state.get("Running"):
                self._code = int(state.get("ExitCode") or 0)
                break
            if deadline is not None and time.monotonic() >= deadline:
                return None
            time.sleep(pause)
            pause = min(pause * 1.5, 0.25)
        return self._code

    def close(self) -> None:
        if self._code is None:
            with contextlib.suppress(OSError, Refused):
                state = self._state()
                # No engine has a call that ends an exec: only who may signal its process can.
                if state.get("Running") and (pid := state.get("Pid")):
                    os.kill(int(pid), signal.SIGKILL)
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()

    def _state(self) -> dict[str, Any]:
        try:
            state: dict[str, Any] = self._api.call("GET", f"/exec/{self._id}/json")
        except Refused as refused:
            if refused.status == 404:  # its container is gone, and so is it
                return {"Running": False, "ExitCode": 137}
            raise
        return state


def begin(
    api: Api,
    id: str,
    command: tuple[str, ...],
    tty: bool,
    environment: dict[str, str],
    directory: str,
    user: str,
) -> ExecProcess:
    """Run a command in a container. Raises `Refused`, `Unreachable`."""
    body: dict[str, Any] = {
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Tty": tty,
        "Cmd": list(command),
        "Env": [f"{key}={value}" for key, value in environment.items()],
    }
    body |= {key: text for key, text in (("WorkingDir", directory), ("User", user)) if text}
    made = api.call("POST", f"/containers/{id}/exec", body=body)
    return ExecProcess(api, made["Id"], tty=tty)


def exits_well(api: Api, id: str, command: tuple[str, ...], timeout_seconds: float) -> bool:
    """Whether a command in a container exits 0 in time; it is ended when it does not."""
    try:
        process = begin(api, id, command, False, {}, "", "")
    except (OSError, Refused):
        return False
    process.close_input()
    try:
        return process.wait(timeout_seconds) == 0
    except (OSError, Refused):
        return False
    finally:
        process.close()
