"""The server's side of supervisors: the launcher, connections, and what they have written down."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from ..port import EngineFailed, NoSuchTask
from . import wire

_SOURCES = Path(__file__).parents[4]
_LAUNCH = "import sys; sys.path.insert(0, sys.argv[1]); from {} import main; main()".format(
    f"{__package__}.launcher"
)
_START_SECONDS = 20.0


class Launcher:
    """Starts supervisors. Its process is forked from, so it is started once and kept."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None

    def launch(self, folder: Path) -> socket.socket:
        """Start the supervisor of a task's folder; returns a connection to it. Raises `EngineFailed`."""
        mine, theirs = wire.pair()
        wire.widen(mine).settimeout(_START_SECONDS)
        with theirs, self._lock:
            if self._line is None or self._process is None or self._process.poll() is not None:
                self._start()
            assert self._line is not None
            wire.send(self._line, {"folder": str(folder)}, (theirs.fileno(),))
        try:
            message, _ = wire.receive(mine)
        except TimeoutError:
            message = None
        if message is None or "error" in message:
            mine.close()
            log = folder / "supervisor.log"
            last = log.read_text(errors="replace")[-500:].strip() if log.exists() else ""
            raise EngineFailed(message["error"] if message else f"the supervisor does not start: {last}")
        return mine

    def close(self) -> None:
        """End the launcher; supervisors go on."""
        with self._lock:
            if self._line is not None:
                self._line.close()
            if self._process is not None:
                self._process.wait(10)
            self._line = self._process = None

    def _start(self) -> None:
        mine, theirs = wire.pair()
        os.set_inheritable(theirs.fileno(), True)
        with theirs:
            code = f"import os; os.dup2({theirs.fileno()}, 3); " + _LAUNCH
            self._process = subprocess.Popen(  # noqa: S603
                [sys.executable, "-I", "-S", "-c", code, str(_SOURCES)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
                cwd="/",
                env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "PYTHONDONTWRITEBYTECODE": "1"},
            )
        self._line = mine


def connect(folder: Path) -> socket.socket:
    """A connection to the supervisor of this task. Raises `NoSuchTask` when none lives."""
    line = wire.widen(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
    try:
        place = wire.Place(folder)
        try:
            line.connect(place.address("control.sock"))
        finally:
            place.close()
    except OSError as error:
        line.close()
        raise NoSuchTask(f"the task has ended: {error.strerror}") from error
    line.settimeout(_START_SECONDS)
    return line


def ask(line: socket.socket, message: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
    """Send a request and wait for its answer. Raises `EngineFailed` with the supervisor's words."""
    try:
        wire.send(line, message)
        answer, fds = wire.receive(line)
    except OSError as error:
        raise EngineFailed(f"the supervisor does not answer: {error}") from error
    if answer is None:
        raise EngineFailed("the supervisor has ended")
    if answer.get("error"):
        raise EngineFailed(str(answer["error"]))
    return answer, fds


def alive(folder: Path) -> bool:
    """Whether a supervisor lives: it holds the lock on its folder for as long as it does."""
    try:
        fd = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def read_state(folder: Path) -> dict[str, Any] | None:
    """What the supervisor has written down last."""
    try:
        state: dict[str, Any] = msgspec.json.decode((folder / "state.json").read_bytes())
    except FileNotFoundError:
        return None
    return state


class Events:
    """Hears supervisors say that a task (by id) has changed; calls `changed` from a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._place = wire.Place(folder)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = self._place.address("events.sock")
        with contextlib.suppress(FileNotFoundError):
            Path(address).unlink()
        self._socket.bind(address)
        self._closed = False

    def follow(self, changed: Any) -> None:
        """Begin."""

        def run() -> None:
            while not self._closed:
                with contextlib.suppress(OSError):
                    if data := self._socket.recv(4096):
                        changed(data.decode())

        threading.Thread(target=run, name="sandbox-events", daemon=True).start()

    def close(self) -> None:
        """Stop."""
        self._closed = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._place.close()
