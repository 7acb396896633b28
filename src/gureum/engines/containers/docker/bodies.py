"""From a specification to the bodies of Docker's API. Pure but for the folder of files it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ..names import plain, short
from ..spec import Container, HealthCheck, Mount, Task
from . import pause
from .podman import default_ulimits

LABEL = "gureum."
INSTALLATION, TASK, NAME, CONTAINER = (LABEL + word for word in ("installation", "task", "name", "container"))
CONTAINERS, HEALTH, STOP, IMAGE = (LABEL + word for word in ("containers", "health", "stop", "image"))
PAUSE = ""  # the container name of the one that holds the network
_NANO = 1_000_000_000


class Ids(msgspec.Struct, frozen=True):
    """Names of one task on the engine's side."""

    installation: str
    task: str

    def container(self, name: str) -> str:
        return f"gureum-{self.installation}-{self.task}" + (f"-{short(name, 12)}" if name else "")

    def volume(self, mount: Mount) -> str:
        if mount.scope == "shared":
            return f"gureum-{self.installation}-shared-{plain(mount.source)}"
        return f"gureum-{self.installation}-{self.task}-{short(mount.source)}"

    def labels(self, container: str, task: Task) -> dict[str, str]:
        return {INSTALLATION: self.installation, TASK: self.task, NAME: task.name, CONTAINER: container}


def pause_body(task: Task, ids: Ids, network: str, group: str, podman: bool) -> dict[str, Any]:
    """The container that holds the task's network namespace, name service and ports."""
    host: dict[str, Any] = {
        "NetworkMode": network,
        "CapDrop": ["ALL"],
        "ReadonlyRootfs": True,
        "PidsLimit": 64,  # the runtime's own threads come first
        "Sysctls": {"net.ipv4.ip_unprivileged_port_start": "0"},  # port 80 without root, as in Fargate
        "LogConfig": _log_config(podman),
        "Dns": list(task.dns),
        "DnsSearch": list(task.dns_search),
        "ExtraHosts": [f"{name}:{address}" for name, address in task.hosts.items()],
        "PortBindings": {},
    }
    if group:
        host["CgroupParent"] = group
    for port in task.ports:
        binding = {"HostIp": port.host_address, "HostPort": str(port.host_port or "")}
        host["PortBindings"].setdefault(f"{port.container_port}/{port.protocol}", []).append(binding)
    endpoint: dict[str, Any] = {}
    if task.network.address:
        endpoint["IPAMConfig"] = {"IPv4Address": task.network.address}
    return {
        "Image": pause.REFERENCE,
        "User": "65534:65534",
        "Hostname": task.hostname or ids.task[:63].strip("-"),
        "Labels": {
            **task.labels,
            **ids.labels(PAUSE, task),
            CONTAINERS: msgspec.json.encode([[c.name, c.image] for c in task.containers]).decode(),
        },
        "ExposedPorts": {key: {} for key in host["PortBindings"]},
        "HostConfig": host,
        "NetworkingConfig": {"EndpointsConfig": {network: endpoint}},
    }


def body(task: Task, container: Container, ids: Ids, group: str, files: Path, podman: bool) -> dict[str, Any]:
    """One container of the task. `files` holds what `Container.files` wants to be mounted."""
    answer: dict[str, Any] = {
        "Image": container.image,
        "Env": [f"{key}={value}" for key, value in container.environment.items()],
        "Tty": container.tty,
        "OpenStdin": container.tty,
        "StopTimeout": int(container.stop_timeout_seconds),
        "Labels": {
            **container.labels,
            **ids.labels(container.name, task),
            STOP: f"{container.stop_signal}:{container.stop_timeout_seconds}",
            IMAGE: container.image,
        },
        "HostConfig": _host_config(task, container, ids, group, files, podman),
    }
    if container.health is not None:
        answer["Labels"][HEALTH] = msgspec.json.encode(container.health).decode()
    answer["Healthcheck"] = {"Test": ["NONE"]}  # the image's own is not asked for; ours is run by `health.py`
    for key, words in (("Entrypoint", container.entrypoint), ("Cmd", container.command)):
        if words is not None:
            answer[key] = list(words)
    for key, text in (("WorkingDir", container.directory), ("User", container.user)):
        if text:
            answer[key] = text
    if container.stop_signal:
        answer["StopSignal"] = container.stop_signal
    return answer


def health_of(labels: dict[str, str]) -> HealthCheck | None:
    """The health check that `body` has written into a container's labels."""
    return msgspec.json.decode(labels[HEALTH], type=HealthCheck) if HEALTH in labels else None


def stop_of(labels: dict[str, str]) -> tuple[str, float]:
    """The stop signal ("" for the image's) and timeout in seconds, from a container's labels."""
    name, _, seconds = labels.get(STOP, ":30").partition(":")
    return name, float(seconds)


def _log_config(podman: bool) -> dict[str, Any]:
    return {"Type": "k8s-file" if podman else "json-file"}


def _host_config(
    task: Task, container: Container, ids: Ids, group: str, files: Path, podman: bool
) -> dict[str, Any]:
    limits = container.limits
    memory, cpu, pids = limits.memory_bytes, limits.cpu, limits.pids
    if group:
        parent: dict[str, Any] = {"CgroupParent": group}
    else:  # nothing bounds the sum, so each gets the task's ceiling at most
        parent = {}
        memory = min((size for size in (memory, task.limits.memory_bytes) if size is not None), default=None)
        cpu = min((share for share in (cpu, task.limits.cpu) if share is not None), default=None)
        pids = min(pids, task.limits.pids)
    host: dict[str, Any] = {
        "NetworkMode": f"container:{ids.container(PAUSE)}",
        "LogConfig": _log_config(podman),
        "PidsLimit": pids,
        "ReadonlyRootfs": container.read_only,
        "Init": container.init,
        "CapAdd": list(container.capabilities_add),
        "CapDrop": list(container.capabilities_drop),
        "Ulimits": _ulimits(container, podman),
        "Mounts": [_mount(mount, ids) for mount in container.mounts]
        + [
            {"Type": "bind", "Source": str(files / short(file.path)), "Target": file.path, "ReadOnly": True}
            for file in container.files
        ],
        **parent,
    }
    if memory is not None:
        host["Memory"] = host["MemorySwap"] = memory  # equal: no swap on top
    if limits.memory_soft_bytes is not None:
        host["MemoryReservation"] = limits.memory_soft_bytes
    if cpu is not None:
        host["CpuPeriod"], host["CpuQuota"] = 100_000, max(1000, int(cpu * 100_000))
    if limits.cpu_weight is not None:
        host["CpuShares"] = limits.cpu_weight
    return host


def _ulimits(container: Container, podman: bool) -> list[dict[str, Any]]:
    given = [{"Name": one.name, "Soft": one.soft, "Hard": one.hard} for one in container.ulimits]
    if not podman or not given:
        return given
    # Podman forgets its configured defaults as soon as one is given, and its built-in ones need CAP_SYS_RESOURCE.
    named = {one.name for one in container.ulimits}
    return given + [
        {"Name": name, "Soft": most, "Hard": most}
        for name, most in default_ulimits().items()
        if name not in named
    ]


def _mount(mount: Mount, ids: Ids) -> dict[str, Any]:
    answer: dict[str, Any] = {"Target": mount.target, "ReadOnly": mount.read_only}
    if mount.kind == "tmpfs":
        options: dict[str, Any] = {"Mode": mount.mode}
        if mount.size_bytes is not None:
            options["SizeBytes"] = mount.size_bytes
        return answer | {"Type": "tmpfs", "TmpfsOptions": options}
    if mount.kind == "host":
        return answer | {"Type": "bind", "Source": mount.source}
    return answer | {"Type": "volume", "Source": ids.volume(mount)}
