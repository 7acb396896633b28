"""Containers: what services see of the engine that runs them.

A `Task` is a group of containers that share one network namespace (the same localhost, one address), as an ECS
task in awsvpc mode or a Kubernetes pod does; each container keeps its own processes, files and limits. The ten
verbs of `Containers` follow Nomad's task drivers. Specifications are in `spec.py`, what a driver reports in
`outcome.py`; services import both from here.

Everything is level-triggered: `start` may be called again at any time and completes what is missing, `stop` and
`destroy` may be repeated, `inspect` costs microseconds when nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Protocol

from .outcome import (
    ContainerState,
    ContainerStatus,
    Fingerprint,
    Handle,
    Health,
    Image,
    LogLine,
    NetworkUsage,
    Stream,
    TaskStatus,
    TaskUsage,
    Usage,
)
from .spec import (
    HOST_IMAGE,
    BadTask,
    Container,
    File,
    HealthCheck,
    Inlet,
    Limits,
    Mount,
    Network,
    Port,
    Task,
    Ulimit,
    check,
)

__all__ = [
    "HOST_IMAGE",
    "BadTask",
    "Container",
    "ContainerError",
    "ContainerState",
    "ContainerStatus",
    "Containers",
    "Door",
    "Doors",
    "EngineAbsent",
    "EngineFailed",
    "File",
    "Fingerprint",
    "Handle",
    "Health",
    "HealthCheck",
    "Image",
    "ImageMissing",
    "Images",
    "Inlet",
    "Limits",
    "LogLine",
    "Mount",
    "Network",
    "NetworkUsage",
    "NoSuchTask",
    "Port",
    "Process",
    "Stream",
    "Task",
    "TaskStatus",
    "TaskUsage",
    "Ulimit",
    "Usage",
    "check",
]


class ContainerError(Exception):
    """Whatever the engine refuses or cannot do; the text is meant for the user."""


class EngineAbsent(ContainerError):
    """No engine is there to ask. The text says why, and the one command that mends it."""


class EngineFailed(ContainerError):
    """The engine is there and refused or broke; the text is the engine's own."""


class ImageMissing(ContainerError):
    """The image is not in the engine's store (or, for `Images.pull`, not in the registry)."""

    def __init__(self, reference: str, detail: str = "") -> None:
        super().__init__(f"image not found: {reference}" + (f" ({detail})" if detail else ""))
        self.reference = reference


class NoSuchTask(ContainerError):
    """The handle, or the container of it, that a verb was asked about does not exist (any more)."""


@dataclass(frozen=True)
class Door:
    """A listening socket inside a task's network namespace: whatever arrives there comes from that task.

    The composition root serves HTTP on it; the request's origin is `task`, so no token is needed to tell one
    task's metadata and credentials from another's.
    """

    task: str
    inlet: Inlet
    socket: socket


Doors = Callable[[Door], Callable[[], None]]
"""Begins to serve a door; what it returns stops it. Given to a driver when it is made; called from any thread."""


class Process(Protocol):
    """A command that `exec` started. Close it when done with it; closing ends a command that still runs."""

    def output(self) -> Iterator[tuple[Stream, bytes]]:
        """Yield what it writes, blocking, until it has ended. With a tty everything is `stdout`."""

    def send(self, data: bytes) -> None:
        """Write to its standard input. Raises `EngineFailed` once it has ended."""

    def close_input(self) -> None:
        """End its standard input."""

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of its terminal; nothing without a tty."""

    def wait(self, timeout_seconds: float | None = None) -> int | None:
        """Its exit code (128 + signal when a signal ended it), or None when the time has passed first."""

    def close(self) -> None:
        """Let go of it, ending it if it still runs. May be repeated."""


class Images(Protocol):
    """The engine's image store. References are as Docker writes them: `name`, `name:tag`, `host/name@digest`."""

    def find(self, reference: str) -> Image | None:
        """The image of that reference or id in the local store; asks no registry."""

    def load(self, path: Path, reference: str) -> Image:
        """Bring in a docker or OCI archive (tar, may be compressed) or an OCI layout folder under `reference`.

        Raises `EngineFailed` where it is no image; the store is then as it was.
        """

    def pull(self, reference: str, *, user: str = "", password: str = "", insecure: bool = False) -> Image:
        """Fetch from the registry that the reference names. `insecure` allows plain HTTP (loopback registries).

        Raises `ImageMissing` with the registry's words: it has no such image, lets us not, or cannot be reached.
        """

    def remove(self, reference: str) -> None:
        """Forget that reference, and the image when none is left. Silent when it is not there."""


class Containers(Protocol):
    """The port. Safe to call from several threads; every call may block for as long as its docstring says."""

    @property
    def images(self) -> Images: ...

    def fingerprint(self) -> Fingerprint:
        """How the engine is: healthy, degraded or absent, why, and the command that mends it. Under 1 s."""

    def start(self, task: Task, only: Collection[str] | None = None) -> Handle:
        """Make the task's network and start its containers; returns when their processes run (about 1 s).

        `only` names the containers to start now: call again with more names for `dependsOn` order. A container
        that was started before, running or ended, is left alone, so repeating after a crash is safe; one name
        is one task for ever, whatever the later specification says.

        Raises `BadTask` (nothing was changed), `ImageMissing`, `EngineAbsent`, `EngineFailed`. After the last
        three what was begun stays findable by name: call again, or `destroy`.
        """

    def recover(self) -> tuple[Handle, ...]:
        """After a restart of the server: every task of this installation, living or dead, its doors reopened.

        Call once when starting up. A task that is in no record is an orphan: `destroy` it.
        """

    def inspect(self, handle: Handle) -> TaskStatus | None:
        """What is known of it now, or None when it does not exist. Microseconds when nothing has changed."""

    def stop(self, handle: Handle, only: Collection[str] | None = None) -> None:
        """Begin to stop: the stop signal now, SIGKILL after each container's stop timeout. Returns at once.

        Repeating it while it stops changes nothing; repeating it after a restart of the server makes sure that
        the kill will happen. Silent when it does not exist.
        """

    def destroy(self, handle: Handle) -> None:
        """Kill what runs and remove it all: processes, network, files, task volumes, logs (about 1 s).

        Silent when it does not exist. Volumes of scope "shared" stay.
        """

    def logs(self, handle: Handle, container: str, position: str = "", limit: int = 10_000) -> list[LogLine]:
        """Lines after `position` ("" from the start), oldest first, at most `limit`; empty when there are none yet.

        Each line carries its own position: store the last one, go on from it after a restart. Lines stay until
        `destroy`, so the last of an ended container can still be read. Raises `NoSuchTask`.
        """

    def exec(
        self,
        handle: Handle,
        container: str,
        command: tuple[str, ...],
        *,
        tty: bool = False,
        environment: dict[str, str] | None = None,
        directory: str = "",
        user: str = "",
    ) -> Process:
        """Run a command in a running container (about 0.2 s). Empty `user`, `directory`: the container's own.

        A command that cannot be run exits 126 or 127, as a shell says it. Raises `NoSuchTask`.
        """

    def stats(self, handle: Handle) -> TaskUsage:
        """What its running containers have used, in counters since their start. Raises `NoSuchTask`."""

    def watch(self, changed: Callable[[str], None]) -> None:
        """From now on call `changed(task name)` from a thread of the driver's when that task's status may differ.

        At least once for each change, coalesced; costs nothing while nothing happens. Reconcilers use it to be
        woken; they must still poll rarely, for an engine may lose an event.
        """

    def close(self) -> None:
        """Let go of the engine; tasks run on."""
