"""What is to run: tasks and their containers, as frozen records that can be stored."""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

import msgspec

HOST_IMAGE = "host:"
"""The image of code that needs none: the host's own /usr, read-only. Only the sandbox driver has it."""

_CAPABILITY_NAMES = (
    "AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH"
    " FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN"
    " NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT"
    " SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM"
)
CAPABILITIES = frozenset(_CAPABILITY_NAMES.split())

_ULIMIT_NAMES = (
    "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack"
)
ULIMITS = frozenset(_ULIMIT_NAMES.split())

SMALLEST_MEMORY_BYTES = 6 * 1024 * 1024  # Docker's own floor

_CONTAINER_NAME = re.compile(
    r"[A-Za-z0-9_-]{1,255}"
)  # ECS: up to 255 letters, digits, underscores and hyphens
_HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
_SIGNAL = re.compile(r"SIG[A-Z0-9+]{2,10}")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,31})?")


class BadTask(Exception):
    """The specification cannot be run as it stands; the text names the member and why. Nothing was changed."""


class _Spec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Frozen, keyword-only: every part of a specification is one."""


class Limits(_Spec, frozen=True):
    """Ceilings of a container, or of all containers of a task together. None: none."""

    cpu: float | None = None  # vCPUs that it may use at most (0.25 is a quarter of a core)
    cpu_weight: int | None = (
        None  # share against neighbours when the CPU is short (ECS cpu units, 1024 a core)
    )
    memory_bytes: int | None = None  # above it the kernel kills
    memory_soft_bytes: int | None = None  # what the kernel presses it back to when memory is short
    pids: int = 4096  # processes and threads


class Mount(_Spec, frozen=True):
    """A folder of a container that is not of its image.

    `volume`: `source` is a volume's name; of scope "task" it is made for the task and destroyed with it, of
    scope "shared" it stays. `host`: `source` is an absolute path that must exist. `tmpfs`: memory.
    """

    target: str
    kind: Literal["volume", "host", "tmpfs"] = "volume"
    source: str = ""
    scope: Literal["task", "shared"] = "task"
    read_only: bool = False
    size_bytes: int | None = None  # tmpfs only
    mode: int = 0o1777  # tmpfs only


class File(_Spec, frozen=True):
    """A small read-only file that is put into the container: a secret, a configuration."""

    path: str
    data: bytes
    mode: int = 0o444


class HealthCheck(_Spec, frozen=True):
    """`command` is run as it is; AWS's CMD-SHELL is ("/bin/sh", "-c", ...). Healthy when it exits 0 in time."""

    command: tuple[str, ...]
    interval_seconds: float = 30
    timeout_seconds: float = 5
    retries: int = 3  # failures in a row that make it unhealthy
    start_period_seconds: float = 0  # failures within it do not count


class Ulimit(_Spec, frozen=True):
    """A resource limit, by its name in setrlimit without RLIMIT_, lower case; -1 is unlimited."""

    name: str
    soft: int
    hard: int


class Container(_Spec, frozen=True):
    """One container. None or empty where the image decides."""

    name: str
    image: str
    entrypoint: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    environment: dict[str, str] = {}
    directory: str = ""
    user: str = ""  # name or number, with :group
    limits: Limits = Limits()
    health: HealthCheck | None = None
    mounts: tuple[Mount, ...] = ()
    files: tuple[File, ...] = ()
    ulimits: tuple[Ulimit, ...] = ()
    read_only: bool = False  # its root file system
    capabilities_drop: tuple[str, ...] = ()  # "NET_RAW", or "ALL"
    capabilities_add: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    stop_signal: str = ""  # "SIGTERM"
    stop_timeout_seconds: float = 30
    init: bool = False  # a reaper as process 1
    tty: bool = False


class Port(_Spec, frozen=True):
    """A port of the host that leads to one of the task. Host port 0: a free one, told by `TaskStatus.ports`."""

    container_port: int
    host_port: int = 0
    protocol: Literal["tcp", "udp"] = "tcp"
    host_address: str = "127.0.0.1"


class Network(_Spec, frozen=True):
    """A bridge that tasks of the same network share; tasks of different ones do not reach each other.

    The host reaches every task's address. `cidr` counts when the network is first used ("" lets the driver
    choose); `address` is the task's own in it ("" lets the driver choose).
    """

    name: str = "default"
    cidr: str = ""
    address: str = ""
    egress: bool = True  # whether it may reach beyond the host


class Inlet(_Spec, frozen=True):
    """An address inside the task's network namespace that the server answers: see `Door`.

    Link-local and loopback addresses only, so that nothing outside is shadowed.
    """

    address: str
    port: int
    purpose: str


class Task(_Spec, frozen=True):
    """A group of containers in one network namespace. The name is the identity: any text, one task for ever."""

    name: str
    containers: tuple[Container, ...]
    network: Network = Network()
    inlets: tuple[Inlet, ...] = ()
    ports: tuple[Port, ...] = ()
    limits: Limits = Limits()
    hostname: str = ""
    hosts: dict[str, str] = {}  # name → address, into /etc/hosts
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    labels: dict[str, str] = {}


def check(task: Task) -> None:
    """Raise `BadTask` unless every driver could make sense of this specification. Pure."""
    _need(
        0 < len(task.name) <= 1024 and "\0" not in task.name, "the task's name must have 1 to 1024 characters"
    )
    _need(bool(task.containers), "a task needs at least one container")
    names = [container.name for container in task.containers]
    _need(len(set(names)) == len(names), "two containers of the task have the same name")
    _need(not task.hostname or bool(_HOSTNAME.fullmatch(task.hostname)), f"bad host name {task.hostname!r}")
    for name, address in task.hosts.items():
        _need(bool(_HOSTNAME.fullmatch(name)), f"bad host name {name!r}")
        _address(address)
    for address in task.dns:
        _address(address)
    for domain in task.dns_search:
        _need(bool(_HOSTNAME.fullmatch(domain)), f"bad search domain {domain!r}")
    _limits("the task", task.limits)
    _network(task)
    for container in task.containers:
        _container(container)


def _need(good: bool, text: str) -> None:
    if not good:
        raise BadTask(text)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise BadTask(f"{text!r} is not an IP address") from None


def _network(task: Task) -> None:
    network = task.network
    _need(0 < len(network.name) <= 1024 and "\0" not in network.name, "bad network name")
    try:
        block = ipaddress.ip_network(network.cidr) if network.cidr else None
    except ValueError:
        raise BadTask(f"{network.cidr!r} is not an address block") from None
    if network.address:
        inside = _address(network.address)
        _need(block is None or inside in block, f"{network.address} is not in {network.cidr}")
    for inlet in task.inlets:
        where = _address(inlet.address)
        near = where.version == 4 and (where.is_link_local or where.is_loopback)
        _need(near, f"{where}: an inlet must be a link-local or loopback IPv4 address")
        _port(inlet.port)
    for port in task.ports:
        _port(port.container_port)
        _need(0 <= port.host_port <= 65535, f"bad host port {port.host_port}")
        _address(port.host_address)
    published = [(port.host_address, port.host_port, port.protocol) for port in task.ports if port.host_port]
    _need(len(set(published)) == len(published), "a host port is mapped twice")


def _port(number: int) -> None:
    _need(0 < number <= 65535, f"bad port {number}")


def _limits(whose: str, limits: Limits) -> None:
    if limits.cpu is not None:
        _need(0.01 <= limits.cpu <= 4096, f"{whose}: cpu must be 0.01 to 4096")
    if limits.cpu_weight is not None:
        _need(2 <= limits.cpu_weight <= 262_144, f"{whose}: cpu weight must be 2 to 262144")
    if limits.memory_bytes is not None:
        floor = f"{whose}: memory must be at least {SMALLEST_MEMORY_BYTES} bytes"
        _need(limits.memory_bytes >= SMALLEST_MEMORY_BYTES, floor)
    if limits.memory_soft_bytes is not None:
        _need(limits.memory_soft_bytes > 0, f"{whose}: the soft memory limit must be positive")
        hard = limits.memory_bytes
        _need(
            hard is None or limits.memory_soft_bytes <= hard, f"{whose}: soft memory limit above the hard one"
        )
    _need(1 <= limits.pids <= 4_194_304, f"{whose}: bad pids limit")


def _container(container: Container) -> None:
    whose = f"container {container.name!r}"
    _need(bool(_CONTAINER_NAME.fullmatch(container.name)), f"bad container name {container.name!r}")
    _need(
        bool(container.image) and not set(container.image) & set(" \t\n\0"), f"{whose}: bad image reference"
    )
    _limits(whose, container.limits)
    for key, value in container.environment.items():
        _need(bool(key) and "=" not in key and "\0" not in key, f"{whose}: bad environment name {key!r}")
        _need("\0" not in value, f"{whose}: NUL in the environment variable {key}")
    for word in (*(container.command or ()), *(container.entrypoint or ())):
        _need("\0" not in word, f"{whose}: NUL in the command")
    _need(not container.directory or _plain(container.directory), f"{whose}: bad working directory")
    _need(
        not container.user or bool(_USER.fullmatch(container.user)), f"{whose}: bad user {container.user!r}"
    )
    stop = container.stop_signal
    _need(not stop or bool(_SIGNAL.fullmatch(stop)), f"{whose}: bad stop signal {stop!r}")
    _need(0 <= container.stop_timeout_seconds <= 86_400, f"{whose}: bad stop timeout")
    for name in (*container.capabilities_add, *container.capabilities_drop):
        _need(name == "ALL" or name in CAPABILITIES, f"{whose}: unknown capability {name!r}")
    for ulimit in container.ulimits:
        _need(ulimit.name in ULIMITS, f"{whose}: unknown ulimit {ulimit.name!r}")
        above = ulimit.hard != -1 and (ulimit.soft == -1 or ulimit.soft > ulimit.hard)
        _need(not above, f"{whose}: ulimit {ulimit.name} is softly above its hard limit")
    if container.health is not None:
        _need(bool(container.health.command), f"{whose}: the health check has no command")
        _need(
            container.health.interval_seconds > 0 < container.health.timeout_seconds,
            f"{whose}: bad check times",
        )
    _mounts(whose, container)


def _plain(path: str) -> bool:
    """Absolute, without NUL and without `..`."""
    return path.startswith("/") and "\0" not in path and ".." not in path.split("/")


def _mounts(whose: str, container: Container) -> None:
    targets = [mount.target for mount in container.mounts] + [file.path for file in container.files]
    for target in targets:
        _need(_plain(target) and target.strip("/") != "", f"{whose}: bad mount point {target!r}")
    _need(len(set(targets)) == len(targets), f"{whose}: two mounts at the same place")
    for mount in container.mounts:
        if mount.kind == "volume":
            _need(
                0 < len(mount.source) <= 255 and "\0" not in mount.source,
                f"{whose}: bad volume {mount.source!r}",
            )
        elif mount.kind == "host":
            _need(_plain(mount.source), f"{whose}: bad host path {mount.source!r}")
