"""From the engine's descriptions of containers to a task's status. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from ..loglines import seconds
from ..outcome import ContainerState, ContainerStatus, Health, TaskStatus, Usage
from . import bodies

_STATES: dict[str, ContainerState] = {
    "created": "pending",
    "configured": "pending",
    "initialized": "pending",
    "running": "running",
    "paused": "running",
    "restarting": "running",
    "stopping": "running",
    "removing": "exited",
    "exited": "exited",
    "stopped": "exited",
    "dead": "exited",
}
_CACHED = ("total_inactive_file", "inactive_file")


def labels_of(found: dict[str, Any]) -> dict[str, str]:
    """An inspected container's labels."""
    labels: dict[str, str] = found["Config"].get("Labels") or {}
    return labels


def task_status(name: str, found: list[dict[str, Any]], health: Callable[[str], Health]) -> TaskStatus | None:
    """The status of the task made of these inspected containers, or None when there are none."""
    if not found:
        return None
    containers: dict[str, ContainerStatus] = {}
    network: dict[str, Any] = {}
    ports: dict[str, int] = {}
    pause = next((one for one in found if labels_of(one)[bodies.CONTAINER] == bodies.PAUSE), None)
    if pause is not None:
        for declared, image in msgspec.json.decode(labels_of(pause)[bodies.CONTAINERS]):
            containers[declared] = ContainerStatus(name=declared, state="pending", image=image)
        networks = pause["NetworkSettings"].get("Networks") or {}
        network = next(iter(networks.values()), {}) or {}
        for port, bindings in (pause["NetworkSettings"].get("Ports") or {}).items():
            if bindings:
                ports[port] = int(bindings[0]["HostPort"])
    for one in found:
        if one is not pause:
            status = container_status(one, health)
            containers[status.name] = status
    return TaskStatus(
        name=name,
        address=network.get("IPAddress") or "",
        gateway=network.get("Gateway") or "",
        mac=network.get("MacAddress") or "",
        containers=containers,
        ports=ports,
    )


def container_status(found: dict[str, Any], health: Callable[[str], Health]) -> ContainerStatus:
    """The status of one inspected container."""
    state, labels = found["State"], labels_of(found)
    phase = _STATES.get(state["Status"], "pending")
    error = state.get("Error") or ""
    if phase == "exited" and error and not _time(state.get("FinishedAt")):
        phase = "pending"
    has_check = bodies.HEALTH in labels
    started, finished = _time(state.get("StartedAt")), _time(state.get("FinishedAt"))
    if started is not None and finished is not None:
        finished = max(started, finished)  # Podman may note the end of a very short life before its beginning
    return ContainerStatus(
        name=labels[bodies.CONTAINER],
        state=phase,
        id=found["Id"],
        image=labels.get(bodies.IMAGE, ""),
        image_id=found.get("Image", ""),
        pid=state.get("Pid") or None if phase == "running" else None,
        exit_code=int(state["ExitCode"]) if phase == "exited" else None,
        oom_killed=bool(state.get("OOMKilled")),
        error=error,
        started=started if phase != "pending" else None,
        finished=finished if phase == "exited" else None,
        health=health(found["Id"]) if has_check else "none",
    )


def usage(stats: dict[str, Any]) -> Usage:
    """One answer of the stats API."""
    memory = stats.get("memory_stats") or {}
    inner = memory.get("stats") or {}
    cache = next((int(inner[key]) for key in _CACHED if key in inner), 0)
    limit = int(memory.get("limit") or 0)
    reads = writes = 0
    for row in (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ():
        match row["op"].lower():
            case "read":
                reads += int(row["value"])
            case "write":
                writes += int(row["value"])
    return Usage(
        cpu_seconds=int(stats["cpu_stats"]["cpu_usage"]["total_usage"]) / 1e9,
        memory_bytes=max(0, int(memory.get("usage") or 0) - cache),
        memory_limit_bytes=limit if 0 < limit < 1 << 60 else None,
        read_bytes=reads,
        write_bytes=writes,
        pids=int((stats.get("pids_stats") or {}).get("current") or 0),
    )


def _time(text: str | None) -> float | None:
    """None for the engine's "never" (the year 1)."""
    return None if not text or text.startswith("0001-") else seconds(text)
