"""Running one more command in a sandbox that runs. Standard library only; runs in a forked child."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import sys
import termios
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..cgroups import Hierarchy
from ..syscalls import (
    CLONE_NEWIPC,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    default_signals,
    die_with_parent,
    keep_capabilities,
    no_new_privileges,
    setns,
)
from . import seccomp, wire

# The user namespace first: it gives the right to enter the others, which it owns.
_NAMESPACES = (
    ("user", CLONE_NEWUSER),
    ("mnt", CLONE_NEWNS),
    ("pid", CLONE_NEWPID),
    ("ipc", CLONE_NEWIPC),
    ("uts", CLONE_NEWUTS),
)
_NOT_FOUND, _NOT_RUNNABLE = 127, 126


def plan_of(
    container: dict[str, Any],
    command: Sequence[str],
    environment: dict[str, str],
    directory: str,
    identity: dict[str, Any] | None,
) -> dict[str, Any]:
    """The plan of one more command in a container; what is not given is the container's own."""
    own = {
        key: container[key] for key in ("uid", "gid", "groups", "group", "capabilities", "capability_numbers")
    }
    return {
        **own,
        **(identity or {}),
        "argv": list(command),
        "environment": list({**dict(container["environment"]), **environment}.items()),
        "directory": directory or container["directory"],
    }


def enter(plan: dict[str, Any], pid: int, stdio: tuple[int, ...], told: socket.socket, *, tty: bool) -> None:
    """Run `plan` among the namespaces of `pid`; never returns.

    `told` gets {"pid": …} with the command's process id on the host, and the terminal's descriptor when there is
    one. This process waits for the command and exits as it did.
    """
    code = _NOT_RUNNABLE
    try:
        default_signals()
        die_with_parent()
        _close_all_but({*stdio, told.fileno()})
        code = _enter(plan, pid, stdio, told, tty)
    except OSError as error:
        with contextlib.suppress(OSError):
            wire.send(told, {"error": str(error)})
    finally:
        os._exit(code)


def _close_all_but(kept: set[int]) -> None:
    """The supervisor's own descriptors are not ours: its lock and its connections among them."""
    for place in tuple(Path("/proc/self/fd").iterdir()):
        if (fd := int(place.name)) > 2 and fd not in kept:
            with contextlib.suppress(OSError):
                os.close(fd)


def _enter(plan: dict[str, Any], pid: int, stdio: tuple[int, ...], told: socket.socket, tty: bool) -> int:
    if plan["group"]:
        Hierarchy().join(plan["group"])
    opened = [(os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY), kind) for name, kind in _NAMESPACES]
    mine = Path("/proc/self/ns/user").stat().st_ino
    for fd, kind in opened:
        if kind != CLONE_NEWUSER or os.fstat(fd).st_ino != mine:
            setns(fd, kind)
    child = os.fork()
    if child == 0:
        try:
            _run(plan, stdio, told, tty)
        finally:
            os._exit(_NOT_RUNNABLE)
    wire.send(told, {"pid": child})
    told.close()
    for fd in set(stdio):
        os.close(fd)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _run(plan: dict[str, Any], stdio: tuple[int, ...], told: socket.socket, tty: bool) -> None:
    os.setsid()
    if tty:
        # A terminal of the sandbox's own /dev/pts, so that it has a name in there.
        master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        wire.send(told, {"terminal": True}, (master,))
        os.close(master)
        stdio = (slave, slave, slave)
    told.close()
    for number, fd in enumerate(stdio):
        os.dup2(fd, number)
    os.closerange(3, 65536)
    keep_capabilities(frozenset(plan["capability_numbers"]))
    no_new_privileges()
    with contextlib.suppress(PermissionError):  # without the host's root there is one user, and no groups
        os.setgroups(plan["groups"])
        os.setresgid(plan["gid"], plan["gid"], plan["gid"])
    os.setresuid(plan["uid"], plan["uid"], plan["uid"])
    seccomp.apply(seccomp.program(mounting="CAP_SYS_ADMIN" in plan["capabilities"]))
    argv, environment = plan["argv"], dict(plan["environment"])
    try:
        os.chdir(plan["directory"])
        os.execvpe(argv[0], argv, environment)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(_NOT_FOUND if isinstance(error, (FileNotFoundError, NotADirectoryError)) else _NOT_RUNNABLE)
