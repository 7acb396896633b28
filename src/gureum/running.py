"""The running server as others on this machine find it: its lock, its `server.json`, its root credentials.

The server claims its data directory and announces itself; commands and tests find it, ask it, and stop it.
Standard library alone, so that commands start fast.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from gureum.options import Options

STATE = "server.json"
LOCK = "server.lock"
CREDENTIALS = "root-credentials.json"
ROOT_KEY = "root.key"  # seals every secret that the store keeps
LOG = "server.log"


class NotStarted(Exception):
    """The server did not come up; the text says why, with the end of its log."""


class InUse(Exception):
    """Another server already has this data directory."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server that runs now. `started`: seconds since 1970. `birth` tells its process from any later one."""

    pid: int
    port: int
    host: str
    started: float
    birth: str

    @property
    def reachable_host(self) -> str:
        """An address to connect to: the wildcard addresses are for listening only."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104

    @property
    def endpoint(self) -> str:
        host = self.reachable_host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The root user's own key, as the server keeps it in `root-credentials.json` (mode 0600)."""

    account_id: str
    access_key_id: str
    secret_access_key: str


def process_birth(pid: int) -> str | None:
    """What only this process has: boot and start tick on Linux, start time elsewhere. None when gone."""
    stat = Path("/proc") / str(pid) / "stat"
    if Path("/proc/self/stat").exists():
        try:
            # The command may hold spaces and brackets: count from after its last one. Field 22 is the start.
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            return None
        if fields[0] in "ZX":
            return None
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{fields[19]}"
    told = subprocess.run(  # noqa: S603
        ["ps", "-o", "lstart=", "-p", str(pid)],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or None


@contextlib.contextmanager
def claim(data: Path) -> Iterator[None]:
    """Holds the data directory for this process: made if missing (mode 0700), locked until the end.

    The kernel drops the lock when the process dies, however it dies. Raises InUse.
    """
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / LOCK).open("w") as lock:
        if not _locked(lock):
            raise InUse(f"another server is using {data}: see `gureum status`, or choose --data")
        try:
            yield
        finally:
            (data / STATE).unlink(missing_ok=True)


def _locked(lock: IO[str]) -> bool:
    """Takes the lock; tries for a moment, as `is_claimed` of another process may be looking."""
    for _ in range(10):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


def is_claimed(data: Path) -> bool:
    """True while a server holds the directory, from before it listens until its process has ended."""
    try:
        with (data / LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def announce(data: Path, host: str, port: int) -> Server:
    """Writes `server.json` for this process, once it listens: whoever finds the file can connect."""
    birth = process_birth(os.getpid()) or ""
    server = Server(pid=os.getpid(), port=port, host=host, started=time.time(), birth=birth)
    draft = data / f"{STATE}.new"
    draft.write_text(json.dumps(asdict(server)) + "\n")
    draft.rename(data / STATE)
    return server


def find(data: Path) -> Server | None:
    """The server that runs on this data directory, or None. A file left by a dead process is not a server."""
    try:
        server = Server(**json.loads((data / STATE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return server if process_birth(server.pid) == server.birth else None


def credentials(data: Path) -> Credentials | None:
    """The root user's key, or None before the first start."""
    try:
        return Credentials(**json.loads((data / CREDENTIALS).read_text()))
    except FileNotFoundError:
        return None


def keep_credentials(data: Path, key: Credentials) -> None:
    """Writes the root user's key, mode 0600, whole or not at all."""
    draft = data / f"{CREDENTIALS}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(key), file)
    draft.rename(data / CREDENTIALS)


def ask(server: Server, path: str, timeout: float = 5.0) -> dict[str, Any]:
    """GETs one of the server's own pages as JSON. Raises OSError when it does not answer, or not with 200."""
    from http.client import HTTPConnection, HTTPException  # 20 ms that a start need not pay

    link = HTTPConnection(server.reachable_host, server.port, timeout=timeout)
    try:
        link.request("GET", path)
        answer = link.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError(f"{server.endpoint}{path} answered {answer.status}")
        told = json.loads(body)
    except (HTTPException, ValueError) as wrong:
        raise OSError(f"{server.endpoint}{path} did not answer as Gureum does: {wrong}") from wrong
    finally:
        link.close()
    if not isinstance(told, dict):
        raise OSError(f"{server.endpoint}{path} did not answer as Gureum does")
    return told


def arguments(options: Options) -> list[str]:
    """The command line that means these options."""
    line = ["--port", str(options.port), "--host", options.host, "--data", str(options.data)]
    line += ["--auth", options.auth, "--durability", options.durability]
    if options.services is not None:
        line += ["--services", ",".join(options.services)]
    if options.store is not None:
        line += ["--store", options.store]
    if options.i_know:
        line += ["--i-know"]
    return line


def spawn(options: Options) -> subprocess.Popen[bytes]:
    """Starts a server that outlives this command; its output goes to `log_file` or `server.log`."""
    options.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    command = [sys.executable, "-m", "gureum.cli", "up", *arguments(options)]
    with (options.log_file or options.data / LOG).open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def wait_until_ready(process: subprocess.Popen[bytes], options: Options, timeout: float = 60.0) -> Server:
    """Waits until the process answers `GET /_gureum/health`. Raises NotStarted (and leaves it running)."""
    log = options.log_file or options.data / LOG
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if process.poll() is not None:
            raise NotStarted(f"the server stopped with {process.returncode}:\n{tail(log)}")
        server = find(options.data)
        if server is not None and server.pid == process.pid:
            with contextlib.suppress(OSError):
                ask(server, "/_gureum/health")
                return server
        time.sleep(0.005)
    raise NotStarted(f"the server did not answer within {timeout:.0f} s:\n{tail(log)}")


def tail(log: Path, lines: int = 20) -> str:
    """The end of a log as text; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def stop(server: Server, number: signal.Signals = signal.SIGTERM, timeout: float = 30.0) -> bool:
    """Signals exactly this server and waits for its end; False when that takes over `timeout` seconds.

    A process that has taken over its number is not touched.
    """
    if hasattr(os, "pidfd_open"):
        return _stop_by_handle(server, number, timeout)
    if process_birth(server.pid) != server.birth:
        return True
    os.kill(server.pid, number)
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        if process_birth(server.pid) != server.birth:
            return True
        time.sleep(0.02)
    return False


def _stop_by_handle(server: Server, number: signal.Signals, timeout: float) -> bool:
    """On Linux a handle keeps the number from being taken over between the check and the signal."""
    try:
        handle = os.pidfd_open(server.pid)
    except ProcessLookupError:
        return True
    try:
        if process_birth(server.pid) != server.birth:
            return True
        signal.pidfd_send_signal(handle, number)
        return bool(select.select([handle], [], [], timeout)[0])
    finally:
        os.close(handle)
