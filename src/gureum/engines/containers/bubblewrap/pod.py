"""The containers of one task: starting them, reading what they write, noting how they end. Standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
import socket
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..cgroups import Bounds, Hierarchy
from ..syscalls import default_signals
from . import enter, sandbox, wire
from .children import Children
from .container import Live, Log

_EXEC_SECONDS = 1.0  # how long bubblewrap may take to become the program before we report it running anyway


class Pod:
    """`changed` is called when what `shown` tells is new."""

    def __init__(
        self,
        folder: Path,
        task: dict[str, Any],
        userns: int | None,
        selector: selectors.BaseSelector,
        children: Children,
        changed: Callable[[], None],
    ) -> None:
        self.live: dict[str, Live] = {}
        self._folder, self._task, self._userns = folder, task, userns
        self._selector, self._children, self._changed = selector, children, changed
        self._cgroups = Hierarchy()

    def shown(self) -> dict[str, Any]:
        """What is to be written down of each."""
        return {name: live.shown for name, live in self.live.items()}

    def stop(self, only: list[str] | None) -> None:
        """Send the stop signal, and note when to kill."""
        for name, live in self.live.items():
            if live.running and not live.stopping and (only is None or name in only):
                live.stopping = True
                live.kill_at = time.monotonic() + live.plan["stop_timeout"]
                self._signal(live, live.plan["stop_signal"])

    def kill(self) -> None:
        """Kill all, and wait until they are gone."""
        for live in self.live.values():
            if live.running:
                self._signal(live, signal.SIGKILL)
        deadline = time.monotonic() + 5
        while any(live.exit_status is None for live in self.live.values()) and time.monotonic() < deadline:
            self._children.reap()
            time.sleep(0.005)

    def start(self, plan: dict[str, Any]) -> str:
        """Start a container; returns why it did not, or ""."""
        if plan["group"]:
            self._cgroups.make(plan["group"], Bounds(*plan["bounds"]))
        live = Live(
            plan, Log(self._folder / plan["log"]), dict(plan["shown"], state="pending", started=time.time())
        )
        self.live[plan["name"]] = live
        info_read, info_write = os.pipe()
        pipes = self._stdio(live, plan["tty"])
        live.monitor = os.fork()
        if live.monitor == 0:
            self._child(plan, pipes, info_write)
        for fd in {info_write, *pipes.values()}:
            os.close(fd)
        self._children.await_end(live.monitor, lambda code: self._exited(live, code))
        told = b""
        while chunk := os.read(info_read, 4096):
            told += chunk
        os.close(info_read)
        pid = int(json.loads(told)["child-pid"]) if told.strip() else 0
        if pid and self._became(pid):
            live.shown |= {"state": "running", "pid": pid}
            if health := plan["health"]:
                live.check_at = time.monotonic() + health["interval_seconds"]
        else:
            self._wait_for(live)
        self._changed()
        return str(live.shown["error"])

    def _child(self, plan: dict[str, Any], pipes: dict[int, int], info: int) -> None:
        try:
            default_signals()
            if plan["tty"]:
                os.setsid()
                fcntl.ioctl(pipes[1], termios.TIOCSCTTY, 0)
            for number, fd in pipes.items():
                os.dup2(fd, number)
            sandbox.become(self._task, plan, self._userns, info)
        except BaseException as error:
            os.write(2, f"bwrap: {error}\n".encode())
        os._exit(1)

    def _stdio(self, live: Live, tty: bool) -> dict[int, int]:
        """Where the program's standard streams lead: its ends. Ours are watched."""
        if tty:
            master, slave = os.openpty()
            self._read_from(live, master, "stdout")
            return {0: slave, 1: slave, 2: slave}
        ends = {0: os.open(os.devnull, os.O_RDONLY)}
        for number, stream in ((1, "stdout"), (2, "stderr")):
            reading, ends[number] = os.pipe()
            self._read_from(live, reading, stream)
        return ends

    def _read_from(self, live: Live, fd: int, stream: str) -> None:
        live.streams[fd] = stream
        self._selector.register(fd, selectors.EVENT_READ, lambda: self._read(live, fd))

    def _read(self, live: Live, fd: int) -> None:
        try:
            data = os.read(fd, 65536)
        except OSError:  # EIO: the terminal's other end is closed
            data = b""
        stream = live.streams[fd]
        if data:
            if len(live.said) < 4:
                live.said.append(data)
            live.log.write(stream, data)
            return
        live.log.end(stream)
        self._selector.unregister(fd)
        os.close(fd)
        del live.streams[fd]

    def _became(self, pid: int) -> bool:
        """Wait until the sandbox's first process is no more bubblewrap; False when it ended before that."""
        deadline = time.monotonic() + _EXEC_SECONDS
        while time.monotonic() < deadline:
            try:
                if _program_of(pid) != "bwrap":
                    return True
                if self._program(pid) != pid:
                    return True
            except OSError:
                return False
            time.sleep(0.001)
        return True

    def _program(self, pid: int) -> int:
        """The program's process id: that of process 1, or of its child where bubblewrap stays as the reaper."""
        with contextlib.suppress(OSError, IndexError):
            if _program_of(pid) == "bwrap":
                return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return pid

    def _wait_for(self, live: Live) -> None:
        while live.exit_status is None:
            self._children.reap()
            time.sleep(0.001)

    def _exited(self, live: Live, code: int) -> None:
        """Bubblewrap has ended, and with it the whole container: note how."""
        live.exit_status = code
        for fd in tuple(live.streams):
            os.set_blocking(fd, False)
            while fd in live.streams:
                try:
                    self._read(live, fd)
                except BlockingIOError:  # a process that fled still holds it: none can, but do not hang on it
                    break
        live.kill_at = live.check_at = None
        words = b"".join(live.said)
        group = live.plan["group"]
        shown = {"exit_code": code, "finished": time.time(), "pid": None, "state": "exited"}
        shown["oom_killed"] = bool(group) and self._cgroups.oom_kills(group) > 0
        # A program that writes just this and exits 1 only fools itself.
        if code == 1 and words.startswith(b"bwrap: ") and words.count(b"\n") == 1:
            error = words.decode("utf-8", "replace").strip().removeprefix("bwrap: ").removeprefix("execvp ")
            shown |= {
                "state": "pending",
                "error": error,
                "exit_code": None,
                "started": None,
                "finished": None,
            }
        live.shown |= shown
        if group:
            with contextlib.suppress(OSError):
                self._cgroups.remove(group, 0.5)
        self._changed()

    def _signal(self, live: Live, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            pid = live.shown["pid"]
            os.kill(pid if number == signal.SIGKILL else self._program(pid), number)

    # --- time: stop timeouts and health checks

    def until_next(self) -> float | None:
        times = [at for live in self.live.values() for at in (live.kill_at, live.check_at) if at is not None]
        times += [live.check[1] for live in self.live.values() if live.check is not None]
        return max(0.0, min(times) - time.monotonic()) if times else None

    def keep_times(self) -> None:
        now = time.monotonic()
        for live in self.live.values():
            if live.kill_at is not None and live.kill_at <= now:
                live.kill_at = None
                self._signal(live, signal.SIGKILL)
            if live.check is not None and live.check[1] <= now:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(live.check[0], signal.SIGKILL)
                live.check = (live.check[0], now + 1)
            if live.check_at is not None and live.check_at <= now:
                live.check_at = None
                self._check(live)

    def _check(self, live: Live) -> None:
        """Run the health check once."""
        health = live.plan["health"]
        null = os.open(os.devnull, os.O_RDWR)
        told, child = wire.pair()

        def ended(code: int) -> None:
            live.check = None
            if live.running:
                live.check_at = time.monotonic() + health["interval_seconds"]
                self._judge(live, code == 0)

        self.enter(live, health["plan"], (null, null, null), child, False, ended)
        child.close()
        os.close(null)
        told.settimeout(2)
        try:
            said = wire.receive(told)[0] or {}
        except OSError:
            said = {}
        told.close()
        if "pid" in said and live.check_at is None:
            live.check = (said["pid"], time.monotonic() + health["timeout_seconds"])

    def _judge(self, live: Live, good: bool) -> None:
        health, before = live.plan["health"], live.shown["health"]
        if good:
            live.check_failures = 0
            live.shown["health"] = "healthy"
        elif time.time() - live.shown["started"] >= health["start_period_seconds"]:
            live.check_failures += 1
            if live.check_failures >= health["retries"]:
                live.shown["health"] = "unhealthy"
        if live.shown["health"] != before:
            self._changed()

    def enter(
        self,
        live: Live,
        plan: dict[str, Any],
        stdio: tuple[int, ...],
        told: socket.socket,
        tty: bool,
        ended: Callable[[int], None],
    ) -> None:
        pid = os.fork()
        if pid == 0:
            enter.enter(plan, live.shown["pid"], stdio, told, tty=tty)
        self._children.await_end(pid, ended)


def _program_of(pid: int) -> str:
    """The file name of what a process runs. Raises OSError when it has ended."""
    return Path(f"/proc/{pid}/exe").readlink().name
