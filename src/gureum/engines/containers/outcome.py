"""What a driver reports: handles, states, lines and counters, as frozen records."""

from __future__ import annotations

from typing import Literal

import msgspec

ContainerState = Literal["pending", "running", "exited"]
"""`pending`: not started yet (or it could not be: see `ContainerStatus.error`)."""

Health = Literal["none", "starting", "healthy", "unhealthy"]
"""`none`: it has no health check."""

Stream = Literal["stdout", "stderr"]


class Handle(msgspec.Struct, frozen=True, kw_only=True):
    """How to find a task again, after a crash too. Store it as it is; read nothing from it but `name`."""

    driver: str
    name: str  # the task's
    id: str  # the driver's own
    version: int = 1


class ContainerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """One container as it is. Times are Unix seconds."""

    name: str
    state: ContainerState
    id: str = ""  # the engine's id of it
    image: str = ""  # as it was asked for
    image_id: str = ""  # sha256:…
    pid: int | None = None  # on the host, while it runs
    exit_code: int | None = None  # 128 + signal when a signal ended it
    oom_killed: bool = False
    error: str = ""  # why it could not be started, in the engine's words
    started: float | None = None
    finished: float | None = None
    health: Health = "none"


class TaskStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it is. `address` is its own, "" where the engine can give none."""

    name: str
    address: str
    containers: dict[str, ContainerStatus]
    ports: dict[str, int] = {}  # "8080/tcp" → port of the host
    gateway: str = ""
    mac: str = ""


class LogLine(msgspec.Struct, frozen=True):
    """One line, without its line feed. `position` is where to go on after it."""

    position: str
    time: float  # Unix seconds
    stream: Stream
    text: bytes


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of one running container since its start, and gauges of this moment."""

    cpu_seconds: float
    memory_bytes: int  # without reclaimable page cache, as `docker stats` shows it
    memory_limit_bytes: int | None
    read_bytes: int
    write_bytes: int
    pids: int


class NetworkUsage(msgspec.Struct, frozen=True, kw_only=True):
    """Counters of a task's network interface."""

    received_bytes: int
    sent_bytes: int
    received_packets: int
    sent_packets: int


class TaskUsage(msgspec.Struct, frozen=True, kw_only=True):
    """What a task uses. `network` is None where it has no address of its own."""

    time: float  # Unix seconds
    containers: dict[str, Usage]
    network: NetworkUsage | None


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """An image in the local store."""

    id: str  # sha256:… of its configuration
    reference: str
    digest: str  # of its manifest, "" where the store does not know it
    size_bytes: int
    architecture: str
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()  # NAME=value
    user: str = ""
    directory: str = ""
    stop_signal: str = ""
    exposed_ports: tuple[str, ...] = ()  # "80/tcp"
    labels: dict[str, str] = {}


class Fingerprint(msgspec.Struct, frozen=True, kw_only=True):
    """How an engine is, in words that a user can act on."""

    driver: str
    state: Literal["healthy", "degraded", "absent"]
    reason: str  # "" when healthy
    remedy: str  # the one command (or setting) that mends it, "" when healthy
    version: str = ""
