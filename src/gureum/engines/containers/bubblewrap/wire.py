"""Messages between driver and supervisor: one JSON object a packet on a unix socket, with file descriptors.

Standard library only.
"""

from __future__ import annotations

import array
import json
import os
import socket
from pathlib import Path
from typing import Any

_LARGEST = 1 << 20
_MOST_FDS = 16


def pair() -> tuple[socket.socket, socket.socket]:
    """Two ends that keep packets apart."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(line: socket.socket, message: dict[str, Any], fds: tuple[int, ...] = ()) -> None:
    """Send one message, with copies of these descriptors. Raises OSError."""
    data = json.dumps(message).encode()
    if len(data) > _LARGEST - 1:
        raise OSError("the message is too large")
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    line.sendmsg([data], rights)


def receive(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its descriptors, which are the caller's to close; None when the other end is gone."""
    try:
        data, ancillary, _, _ = line.recvmsg(
            _LARGEST, socket.CMSG_SPACE(_MOST_FDS * 4), socket.MSG_CMSG_CLOEXEC
        )
    except ConnectionError:
        return None, []
    fds: list[int] = []
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            numbers = array.array("i")
            numbers.frombytes(content[: len(content) - len(content) % 4])
            fds.extend(numbers)
    if not data:
        return None, fds
    message: dict[str, Any] = json.loads(data)
    return message, fds


def widen(line: socket.socket) -> socket.socket:
    """Make room for the largest message."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        line.setsockopt(socket.SOL_SOCKET, option, 2 * _LARGEST)
    return line


class Place:
    """A folder with sockets in it: their paths may be longer than the 107 bytes that an address takes."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def address(self, name: str) -> str:
        """An address for bind and connect, as long as this object lives."""
        return f"/proc/self/fd/{self._fd}/{name}"

    def close(self) -> None:
        os.close(self._fd)
