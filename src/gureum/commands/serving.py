"""Starting the cloud, stopping it, and finding out how it is."""

from __future__ import annotations

import argparse
import contextlib
import errno
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

from gureum import __version__, running
from gureum.commands import Refused
from gureum.options import BadOption, Options

LAST_BYTES = 1_000_000  # as far back as `logs` looks for its lines


def options_from(chosen: argparse.Namespace) -> Options:
    """Raises BadOption."""
    return Options(
        port=chosen.port,
        host=chosen.host,
        data=chosen.data,
        auth=chosen.auth,
        durability=chosen.durability,
        services=tuple(chosen.services.split(",")) if chosen.services is not None else None,
        i_know=chosen.i_know,
        store=chosen.store,
        log_file=chosen.log_file,
    )


def up(chosen: argparse.Namespace) -> int:
    """Serves until SIGTERM or Ctrl-C; with `--detach` returns once another process serves."""
    options = options_from(chosen)
    if (server := running.find(options.data)) is not None:
        return _already(server, options)
    return _detached(options) if chosen.detach else _foreground(options)


def _already(server: running.Server, options: Options) -> int:
    print(f"Already running at {server.endpoint} (process {server.pid}, data {options.data}).")
    return 0


def _foreground(options: Options) -> int:
    from gureum.app import SERVICES, serve
    from gureum.kernel.seal import RootKeyRefused

    if unknown := set(options.services or ()) - {service.name for service in SERVICES}:
        raise BadOption(f"--services: no service is called {', '.join(sorted(unknown))}")
    print(f"Gureum {__version__}: starting on {options.host}:{options.port}, data {options.data}", flush=True)
    try:
        with running.claim(options.data):
            serve(options)
    except (running.InUse, RootKeyRefused) as wrong:
        raise Refused(str(wrong)) from None
    except OSError as wrong:
        raise _explained(wrong, options) from wrong
    return 0


def _explained(wrong: OSError, options: Options) -> Exception:
    """The operator's words for the ways a start commonly fails; any other error as it is."""
    match wrong.errno:
        case errno.EADDRINUSE:
            return Refused(
                f"port {options.port} on {options.host} is taken: stop what uses it, or choose --port"
            )
        case errno.EADDRNOTAVAIL:
            return Refused(f"{options.host} is not an address of this machine: choose another --host")
        case errno.EACCES | errno.EPERM:
            return Refused(f"not allowed: {wrong}. Choose a --port above 1023 and a --data you may write to")
    return wrong


def _detached(options: Options) -> int:
    began = time.monotonic()
    process = running.spawn(options)
    try:
        server = running.wait_until_ready(process, options)
    except running.NotStarted as wrong:
        if process.poll() is None:
            process.terminate()
        elif (other := _started_by_another(options.data)) is not None:
            return _already(other, options)
        raise Refused(f"it did not start. {wrong}") from None
    print(f"Running at {server.endpoint} after {time.monotonic() - began:.2f} s (process {server.pid}).")
    print(f"Log: {_log(options.data, options.log_file)}")
    print('Reach it: eval "$(gureum env)"    Stop it: gureum down')
    return 0


def _started_by_another(data: Path) -> running.Server | None:
    """The server of whoever said `up` at the same moment and came first, once it listens."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if (server := running.find(data)) is not None:
            return server
        if not running.is_claimed(data):
            return None
        time.sleep(0.02)
    return None


def down(chosen: argparse.Namespace) -> int:
    """Ends the server of this data directory and waits until it has ended."""
    server = running.find(chosen.data)
    if server is None:
        print(f"Not running (data {chosen.data}).")
        return 0
    number = signal.SIGKILL if chosen.kill else signal.SIGTERM
    print(f"Stopping process {server.pid} at {server.endpoint} …", flush=True)
    try:
        ended = running.stop(server, number, chosen.timeout)
    except PermissionError:
        raise Refused(f"process {server.pid} is another user's: stop it as that user") from None
    if not ended:
        raise Refused(
            f"process {server.pid} has not ended after {chosen.timeout:.0f} s; see `gureum logs`.\n"
            "`gureum down --kill` ends it at once; nothing acknowledged is lost."
        )
    print("Stopped.")
    return 0


def found(data: Path) -> running.Server:
    """The running server. Raises Refused."""
    if (server := running.find(data)) is None:
        raise Refused(f"not running (data {data}): start it with `gureum up --detach`")
    return server


def health(server: running.Server) -> dict[str, Any]:
    """What the server says of itself. Raises Refused when it does not answer."""
    try:
        return running.ask(server, "/_gureum/health")
    except OSError as wrong:
        raise Refused(f"process {server.pid} runs but does not answer: {wrong}. See `gureum logs`") from None


def status(chosen: argparse.Namespace) -> int:
    """Exit code 0 when it runs and answers, 1 otherwise."""
    server = found(chosen.data)
    told = health(server)
    if chosen.json:
        print(json.dumps(told, indent=2))
        return 0
    engines = told.get("engines", [])
    well = sum(engine.get("state") == "healthy" for engine in engines)
    print(f"Running at {server.endpoint}")
    print(f"  process   {server.pid}, for {_span(time.time() - server.started)}")
    print(f"  version   {told.get('version', 'unknown')}")
    print(f"  data      {chosen.data}")
    print(f"  services  {len(told.get('services', []))}")
    print(
        f"  engines   {well} of {len(engines)} healthy"
        + ("" if well == len(engines) else ": `gureum doctor`")
    )
    return 0


def _span(seconds: float) -> str:
    minutes = int(seconds) // 60
    if not minutes:
        return f"{seconds:.0f} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours // 24} d {hours % 24} h {minutes} min" if hours else f"{minutes} min"


def _log(data: Path, chosen: Path | None = None) -> Path:
    return chosen or data / running.LOG


def logs(chosen: argparse.Namespace) -> int:
    """Prints the end of the log; with `-f` goes on until Ctrl-C."""
    path = _log(chosen.data)
    if not path.exists():
        raise Refused(f"no log at {path}: only a server started with --detach writes one")
    with contextlib.ExitStack() as opened:
        # One handle for what is there and what comes: nothing written in between is lost or told twice.
        file = opened.enter_context(path.open("rb"))
        file.seek(max(0, path.stat().st_size - LAST_BYTES))
        _write(b"".join(file.read().splitlines(keepends=True)[-chosen.lines :]))
        if chosen.follow:
            _follow(path, file, opened)
    return 0


def _write(text: bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.flush()


def _follow(path: Path, file: BinaryIO, opened: contextlib.ExitStack) -> None:
    """Prints what is added, also after the file was emptied or replaced."""
    while True:
        if added := file.read():
            _write(added)
            continue
        time.sleep(0.2)
        try:
            now = path.stat()
        except FileNotFoundError:
            continue
        if now.st_size < file.tell() or now.st_ino != os.fstat(file.fileno()).st_ino:
            opened.close()
            file = opened.enter_context(path.open("rb"))
