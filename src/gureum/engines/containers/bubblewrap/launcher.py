"""The process from which supervisors are forked: they share its memory, so that each costs little.

Standard library only. It ends with the server; supervisors do not.
"""

from __future__ import annotations

import gc
import os
import socket
import sys

from . import wire
from .supervisor import supervise


def main() -> None:
    """Fork a supervisor for every packet {"folder": …} on descriptor 3, which carries its first connection."""
    requests = socket.socket(fileno=3)
    gc.freeze()
    while True:
        message, fds = wire.receive(requests)
        if message is None:
            return
        if os.fork() == 0:
            requests.close()
            if os.fork() == 0:
                _detach(message["folder"])
                supervise(message["folder"], socket.socket(fileno=fds[0]))
            os._exit(0)
        os.wait()
        for fd in fds:
            os.close(fd)


def _detach(folder: str) -> None:
    os.setsid()
    os.chdir("/")
    os.umask(0o022)
    null = os.open(os.devnull, os.O_RDWR)
    log = os.open(f"{folder}/supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    sys.stdout = sys.stderr
    os.close(null)
    os.close(log)
