"""Published ports: copies what arrives at a port of the host into the task. Standard library only.

A process of its own, which ends with the supervisor: a busy port does not keep logs and signals waiting.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading

from ..syscalls import default_signals, die_with_parent

_CHUNK = 65536


def listen(address: str, port: int) -> socket.socket:
    """A listening socket in the present network namespace. Raises OSError."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener


def start(listeners: list[tuple[socket.socket, int]], address: str) -> int:
    """Fork the relay to `address`, in the present network namespace; its process id."""
    pid = os.fork()
    if pid == 0:
        try:
            default_signals()
            die_with_parent()
            keep = {listener.fileno() for listener, _ in listeners}
            for fd in range(3, 1024):
                if fd not in keep:
                    with contextlib.suppress(OSError):
                        os.close(fd)
            threads = [
                threading.Thread(target=_accept, args=(one, (address, port))) for one, port in listeners
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            os._exit(0)
    return pid


def _accept(listener: socket.socket, target: tuple[str, int]) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(client, target), daemon=True).start()


def _serve(client: socket.socket, target: tuple[str, int]) -> None:
    with client:
        try:
            inside = socket.create_connection(target, timeout=10)
        except OSError:
            return
        inside.settimeout(None)
        with inside:
            back = threading.Thread(target=_copy, args=(inside, client), daemon=True)
            back.start()
            _copy(client, inside)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
