"""Doors: listening sockets of the server inside a task's network namespace. Standard library only.

A socket belongs for ever to the namespace it was made in. So the server answers inside a task without any relay,
and knows by the socket which task is asking.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

from .syscalls import CLONE_NEWNET, setns

_SIOCGIFADDR, _SIOCSIFADDR, _SIOCSIFNETMASK, _SIOCGIFFLAGS, _SIOCSIFFLAGS = (
    0x8915,
    0x8916,
    0x891C,
    0x8913,
    0x8914,
)
_IFF_UP = 1
_BACKLOG = 128


def listen(places: Sequence[tuple[str, int]]) -> list[socket.socket]:
    """Listen at these IPv4 addresses of this network namespace's loopback interface, adding those it lacks.

    Bound to that interface: a neighbour on the same bridge who routes 169.254.170.2 to us is not heard.
    Raises OSError.
    """
    sockets: list[socket.socket] = []
    try:
        for address, port in places:
            if not address.startswith("127."):
                _add_address(address)
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
            sockets.append(listener)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
            listener.bind((address, port))
            listener.listen(_BACKLOG)
            listener.setblocking(False)
    except OSError:
        for made in sockets:
            made.close()
        raise
    return sockets


def listen_within(namespace: Path, places: Sequence[tuple[str, int]]) -> list[socket.socket]:
    """`listen` in another network namespace (/proc/PID/ns/net). Needs CAP_SYS_ADMIN. Raises OSError.

    A thread of its own goes there and ends: only threads, never a process, can be lent to a namespace.
    """
    outcome: list[list[socket.socket] | OSError] = []

    def go() -> None:
        try:
            with namespace.open("rb") as handle:
                setns(handle.fileno(), CLONE_NEWNET)
            outcome.append(listen(places))
        except OSError as error:
            outcome.append(error)

    thread = threading.Thread(target=go, name="doors")
    thread.start()
    thread.join()
    result = outcome[0]
    if isinstance(result, OSError):
        raise result
    return result


def loopback_up() -> None:
    """Bring this network namespace's loopback interface up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sH22x", b"lo", 0)
        flags: int = struct.unpack_from("H", fcntl.ioctl(control, _SIOCGIFFLAGS, request), 16)[0]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP))


def _add_address(address: str) -> None:
    """Give the loopback interface one more address, unless it has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for number in range(1, 64):
            alias = f"lo:{number}".encode()
            try:
                held = fcntl.ioctl(control, _SIOCGIFADDR, struct.pack("16sH22x", alias, socket.AF_INET))
            except OSError:  # EADDRNOTAVAIL: no such alias yet
                wanted = struct.pack("16sHH4s16x", alias, socket.AF_INET, 0, socket.inet_aton(address))
                fcntl.ioctl(control, _SIOCSIFADDR, wanted)
                single = struct.pack("16sHH4s16x", alias, socket.AF_INET, 0, b"\xff" * 4)
                fcntl.ioctl(control, _SIOCSIFNETMASK, single)
                return
            if socket.inet_ntoa(held[20:24]) == address:
                return
