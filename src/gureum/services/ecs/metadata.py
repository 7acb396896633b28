"""The documents that a task finds at 169.254.170.2: task metadata (versions 3 and 4), stats, and credentials.

Who asks is proven by where the request arrives, so a task sees its own documents only, whatever path it sends.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from gureum.engines.containers.port import Containers, NetworkUsage, NoSuchTask, TaskUsage, Usage
from gureum.kernel.context import Context, for_service
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.message import Request, Response
from gureum.kernel.records import kind_of
from gureum.kernel.workloads import Workload, register
from gureum.services.ecs import shown
from gureum.services.ecs.launch import role_of
from gureum.services.ecs.operations import present
from gureum.services.ecs.records import ContainerRun, Task, TaskDefinition
from gureum.services.ecs.watch import Sessions, key_of

_JSON = [("Content-Type", "application/json")]
_MIB = 1024 * 1024


def known(home: Home, name: str) -> bool:
    """Whether a task that has not stopped stands behind an engine name."""
    key = key_of(name)
    row = home.store.read(kind_of(Task), key) if key else None
    return row is not None and isinstance(row.record, Task) and row.record.status != "STOPPED"


def answer(home: Home, name: str, request: Request) -> Response:
    """The document at a path, for the task of that engine name."""
    key = key_of(name)
    row = home.store.read(kind_of(Task), key) if key else None
    if key is None or row is None or request.method != "GET":
        return Response(404)
    assert isinstance(row.record, Task)
    ctx = for_service(home, "ecs", key[1], key[2], cause=name)
    parts = request.path.strip("/").split("/")
    if parts[:2] == ["v2", "credentials"] and len(parts) == 3:
        return _credentials(ctx, row.record, parts[2])
    if parts[0] in {"v3", "v4"} and len(parts) >= 2:
        run = next((run for run in row.record.containers if run.runtime_id == parts[1]), None)
        if run is not None and (found := _document(ctx, row.record, run, parts[2:])) is not None:
            return Response(200, _JSON, msgspec.json.encode(found))
    return Response(404, _JSON, msgspec.json.encode({"error": f"unknown path {request.path}"}))


def _document(ctx: Context, task: Task, run: ContainerRun, path: list[str]) -> Any:
    match path:
        case []:
            return _container(ctx, task, run)
        case ["task"]:
            return _task(ctx, task)
        case ["taskWithTags"]:
            tags = {"TaskTags": ctx.tags.of(ctx.arn(task))}
            return {**_task(ctx, task), **tags}
        case ["stats"]:
            return _stats(ctx, task).get(run.runtime_id)
        case ["task", "stats"]:
            return _stats(ctx, task)
    return None


def _credentials(ctx: Context, task: Task, id: str) -> Response:
    definition = ctx.table(TaskDefinition).need(*task.definition.split(":"))
    role = role_of(task, definition, "taskRoleArn")
    if id != task.attachment or not role or task.status == "STOPPED":
        body = {"code": "InvalidIdInRequest", "message": "Credentials ID not found", "HTTPErrorCode": 400}
        return Response(400, _JSON, msgspec.json.encode(body))
    try:
        session = ctx.part(Sessions).of(ctx, ctx.arn(task), task.id, role)
    except Fault as fault:
        body = {"code": fault.code, "message": fault.message, "HTTPErrorCode": 500}
        return Response(500, _JSON, msgspec.json.encode(body))
    held = session.credentials
    document = {
        "RoleArn": role,
        "AccessKeyId": held["AccessKeyId"],
        "SecretAccessKey": held["SecretAccessKey"],
        "Token": held["SessionToken"],
        "Expiration": datetime.fromtimestamp(session.expires, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return Response(200, _JSON, msgspec.json.encode(document))


def _time(at: float | None) -> str | None:
    return (
        None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    )


def _task(ctx: Context, task: Task) -> dict[str, Any]:
    family, _, revision = task.definition.partition(":")
    found: dict[str, Any] = present(
        Cluster=shown.cluster_arn(ctx, task.cluster),
        TaskARN=ctx.arn(task),
        Family=family,
        Revision=revision,
        ServiceName=task.service or None,
        DesiredStatus=task.desired,
        KnownStatus=task.status,
        Limits={"CPU": task.cpu / 1024, "Memory": task.memory},
        PullStartedAt=_time(task.pull_started),
        PullStoppedAt=_time(task.pull_stopped),
        AvailabilityZone=f"{ctx.region}a",
        LaunchType="FARGATE",
        Containers=[_container(ctx, task, run) for run in task.containers],
    )
    return found


def _container(ctx: Context, task: Task, run: ContainerRun) -> dict[str, Any]:
    definition = ctx.table(TaskDefinition).need(*task.definition.split(":"))
    given = next(one for one in definition.containers if one["name"] == run.name)
    options = (given.get("logConfiguration") or {}).get("options") or {}
    log = options and {
        "awslogs-group": options["awslogs-group"],
        "awslogs-region": options["awslogs-region"],
        "awslogs-stream": f"{options['awslogs-stream-prefix']}/{run.name}/{task.id}",
    }
    found: dict[str, Any] = present(
        DockerId=run.runtime_id,
        Name=run.name,
        DockerName=run.name,
        Image=run.image,
        ImageID=run.image_id,
        Labels={
            "com.amazonaws.ecs.cluster": shown.cluster_arn(ctx, task.cluster),
            "com.amazonaws.ecs.container-name": run.name,
            "com.amazonaws.ecs.task-arn": ctx.arn(task),
            "com.amazonaws.ecs.task-definition-family": definition.family,
            "com.amazonaws.ecs.task-definition-version": definition.revision,
            **(given.get("dockerLabels") or {}),
        },
        DesiredStatus=task.desired,
        KnownStatus=run.status,
        ExitCode=run.exit_code,
        Limits={"CPU": given.get("cpu") or 2, **({"Memory": given["memory"]} if given.get("memory") else {})},
        CreatedAt=_time(run.started),
        StartedAt=_time(run.started),
        FinishedAt=_time(run.finished),
        Type="NORMAL",
        Health={"status": run.health} if given.get("healthCheck") else None,
        LogDriver="awslogs" if log else None,
        LogOptions=log or None,
        ContainerARN=shown.container_arn(ctx, task, run),
        Networks=[
            {
                "NetworkMode": "awsvpc",
                "IPv4Addresses": [task.address],
                "AttachmentIndex": 0,
                "MACAddress": task.mac,
            }
        ],
        Snapshotter="overlayfs",
    )
    return found


def _stats(ctx: Context, task: Task) -> dict[str, Any]:
    """Docker's statistics by runtime id; null for a container that does not run."""
    if task.handle is None:
        return {}
    try:
        usage = ctx.engine(Containers).stats(task.handle)
    except NoSuchTask:
        return {}
    return {
        run.runtime_id: _usage(usage, usage.containers[run.name]) if run.name in usage.containers else None
        for run in task.containers
    }


def _usage(task: TaskUsage, one: Usage) -> dict[str, Any]:
    at = datetime.fromtimestamp(task.time, UTC).isoformat(timespec="microseconds")[:-6] + "Z"
    io = [{"op": "Read", "value": one.read_bytes}, {"op": "Write", "value": one.write_bytes}]
    return {
        "read": at,
        "pids_stats": {"current": one.pids},
        "blkio_stats": {"io_service_bytes_recursive": io},
        "num_procs": 0,
        "cpu_stats": {"cpu_usage": {"total_usage": round(one.cpu_seconds * 1e9)}},
        "memory_stats": {"usage": one.memory_bytes, "limit": one.memory_limit_bytes or 0},
        "networks": {"eth0": _network(task.network)} if task.network else {},
    }


def _network(one: NetworkUsage) -> dict[str, int]:
    return {
        "rx_bytes": one.received_bytes,
        "rx_packets": one.received_packets,
        "tx_bytes": one.sent_bytes,
        "tx_packets": one.sent_packets,
    }


register("ecs", Workload(known, answer))
