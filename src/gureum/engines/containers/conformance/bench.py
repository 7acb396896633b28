"""What the checks stand on: one driver with short ways to say what is tried, and a server behind its doors."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ..names import short
from ..port import (
    Container,
    Containers,
    ContainerStatus,
    Door,
    Handle,
    Inlet,
    LogLine,
    Process,
    Task,
    TaskStatus,
)

MB = 1024 * 1024
METADATA = Inlet(address="169.254.170.2", port=80, purpose="task-metadata")
API = Inlet(address="127.0.0.1", port=4566, purpose="api")
_numbers = itertools.count()

GET = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=3).read().decode())
except OSError as error:
    print("failed:", error)
"""


def credentials(task: str) -> dict[str, str]:
    """What a task's credentials endpoint answers here; no secret, but each task's own."""
    return {
        "AccessKeyId": "ASIA" + short(task).upper(),
        "SecretAccessKey": "not-a-secret",
        "Token": "not-a-token",
        "Expiration": "2099-01-01T00:00:00Z",
    }


class Server:
    """Stands in for the composition root: answers on every door with the door's task and purpose."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._stops: list[Callable[[], None]] = []

    def serve(self, door: Door) -> Callable[[], None]:
        """As `port.Doors`."""

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            path = (await reader.readline()).split(b" ")[1]
            text = f"{door.inlet.purpose} of {door.task}".encode()
            if path.startswith(b"/v2/credentials/"):
                text = msgspec.json.encode(credentials(door.task))
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))
            await writer.drain()
            writer.close()

        async def begin() -> asyncio.Server:
            return await asyncio.start_server(answer, sock=door.socket)

        server = asyncio.run_coroutine_threadsafe(begin(), self._loop).result(10)

        def stop() -> None:
            async def end() -> None:
                server.close()

            asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)

        self._stops.append(stop)
        return stop

    def drop(self) -> None:
        """Close every door, as the kernel does when a server is killed."""
        for stop in self._stops:
            stop()
        self._stops.clear()

    def close(self) -> None:
        """Stop answering."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)


@dataclass
class Bench:
    """One driver, ready to be tried, and what a test needs around it. `make` makes the driver (again)."""

    make: Callable[[], Containers]
    image: str
    leftovers: Callable[[], Collection[str]]  # whatever the driver has on this machine now, as words
    server: Server
    source: str  # Python that makes `engine`, as `make` does, in a process of its own
    limited: bool = True  # whether it can bound memory and CPU truly
    engine: Containers = field(init=False)
    handles: list[Handle] = field(default_factory=list)
    made: list[Containers] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._make()

    def _make(self) -> None:
        self.engine = self.make()
        self.made.append(self.engine)

    def restart(self) -> None:
        """As if the server had been killed: its sockets close, nothing else is told, a new one takes over."""
        self.server.drop()
        self._make()

    def task(self, *containers: Container, name: str = "", **rest: Any) -> Task:
        return Task(name=name or f"check/{os.getpid()}/{next(_numbers)}", containers=containers, **rest)

    def shell(self, script: str, name: str = "main", **rest: Any) -> Container:
        return Container(name=name, image=self.image, command=("/bin/sh", "-c", script), **rest)

    def start(self, task: Task, only: Collection[str] | None = None) -> Handle:
        handle = self.engine.start(task, only)
        self.handles.append(handle)
        return handle

    def run(self, script: str, **rest: Any) -> Handle:
        """A task of one container that runs this script."""
        return self.start(self.task(self.shell(script, **rest)))

    def status(self, handle: Handle) -> TaskStatus:
        status = self.engine.inspect(handle)
        assert status is not None
        return status

    def ended(self, handle: Handle, container: str = "main", seconds: float = 15) -> ContainerStatus:
        """Its status once it has ended."""
        return self.until(handle, lambda one: one.state == "exited", container, seconds)

    def until(
        self,
        handle: Handle,
        met: Callable[[ContainerStatus], bool],
        container: str = "main",
        seconds: float = 15,
    ) -> ContainerStatus:
        deadline = time.monotonic() + seconds
        while True:
            one = self.status(handle).containers[container]
            if met(one):
                return one
            assert time.monotonic() < deadline, f"still {one}; it said {self.text(handle, container)!r}"
            time.sleep(0.02)

    def lines(self, handle: Handle, container: str = "main") -> list[LogLine]:
        return self.engine.logs(handle, container)

    def text(self, handle: Handle, container: str = "main") -> str:
        return "\n".join(line.text.decode("utf-8", "replace") for line in self.lines(handle, container))

    def said(self, handle: Handle, word: str, container: str = "main", seconds: float = 15) -> str:
        """All it has said, once it has said `word`."""
        deadline = time.monotonic() + seconds
        while word not in (text := self.text(handle, container)):
            assert time.monotonic() < deadline, f"it said only {text!r}"
            time.sleep(0.02)
        return text

    def inside(self, handle: Handle, *command: str, container: str = "main", **rest: Any) -> str:
        """What a command in the container prints."""
        return finish(self.engine.exec(handle, container, command, **rest))[1]

    def close(self) -> None:
        """Destroy whatever the driver has, that of which a start failed too."""
        for handle in {*self.handles, *self.engine.recover()}:
            self.engine.destroy(handle)
        for engine in self.made:
            engine.close()


def finish(process: Process) -> tuple[int | None, str]:
    """A command's exit code and all that it prints."""
    try:
        text = b"".join(data for _, data in process.output()).decode("utf-8", "replace")
        return process.wait(10), text
    finally:
        process.close()


SLEEP = "trap 'exit 0' TERM; sleep 1000 & wait"
