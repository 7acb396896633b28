"""From a task definition and overrides to a new task, and to what the engine is to run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gureum.engines.containers import port as engine
from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.ecs import rules
from gureum.services.ecs.records import ContainerRun, Task, TaskDefinition, Wire

METADATA_ADDRESS = "169.254.170.2"
_METADATA = engine.Inlet(address=METADATA_ADDRESS, port=80, purpose="task-metadata")
_API = engine.Inlet(address=METADATA_ADDRESS, port=4566, purpose="api")
_MIB = 1024 * 1024


def engine_name(ctx: Context, task: Task) -> str:
    """The task's name in the engine."""
    return f"ecs/{ctx.account}/{ctx.region}/{task.cluster}/{task.id}"


def new_task(ctx: Context, definition: TaskDefinition, cluster: str, overrides: Wire, **fields: Any) -> Task:
    """A task that is to run `definition`. Faults: InvalidParameterException for overrides that fit nothing."""
    _check_overrides(definition, overrides)
    cpu = _override(overrides, "cpu", rules.cpu_units) or definition.cpu
    memory = _override(overrides, "memory", rules.memory_mib) or definition.memory
    if not rules.fits_fargate(cpu, memory):
        raise Fault(
            "InvalidParameterException",
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS "
            "documentation for the valid values.",
        )
    id = ids.hexadecimal(32)
    storage = overrides.get("ephemeralStorage") or definition.body.get("ephemeralStorage") or {}
    return Task(
        cluster=cluster,
        id=id,
        created=ctx.now,
        definition=definition.name,
        cpu=cpu,
        memory=memory,
        containers=tuple(
            ContainerRun(
                name=container["name"],
                image=container["image"],
                id=ctx.new_id(),
                # Fargate's runtime ids: the task's id and a number.
                runtime_id=f"{id}-{int(ids.hexadecimal(8), 16):010d}",
            )
            for container in definition.containers
        ),
        attachment=ctx.new_id(),
        overrides=overrides,
        checked=any(health_check(one) and one.get("essential", True) for one in definition.containers),
        storage_gib=int(storage.get("sizeInGiB") or rules.STORAGE_GIB),
        **fields,
    )


def role_of(task: Task, definition: TaskDefinition, member: str) -> str:
    """The `taskRoleArn` or `executionRoleArn` that counts for a task."""
    found: str = task.overrides.get(member) or definition.body.get(member) or ""
    return found


def engine_task(
    ctx: Context,
    task: Task,
    definition: TaskDefinition,
    files: Mapping[str, Mapping[str, str]],
    secrets: Mapping[str, Mapping[str, str]],
) -> engine.Task:
    """What the engine is to run. `files` and `secrets` are environment variables by container, fetched before."""
    return engine.Task(
        name=engine_name(ctx, task),
        containers=tuple(
            _container(
                ctx,
                task,
                definition,
                container,
                files.get(container["name"], {}),
                secrets.get(container["name"], {}),
            )
            for container in definition.containers
        ),
        # One network for an account and region: without EC2's subnets all its tasks reach each other.
        network=engine.Network(name=f"ecs/{ctx.account}/{ctx.region}"),
        inlets=(_METADATA, _API),
        limits=engine.Limits(cpu=task.cpu / 1024, memory_bytes=task.memory * _MIB),
        labels={"com.amazonaws.ecs.cluster": task.cluster, "com.amazonaws.ecs.task-arn": ctx.arn(task)},
    )


def container_override(task: Task, name: str) -> Wire:
    """What the request overrides of a container."""
    for item in task.overrides.get("containerOverrides") or ():
        if item.get("name") == name:
            found: Wire = item
            return found
    return {}


def _container(
    ctx: Context,
    task: Task,
    definition: TaskDefinition,
    given: Wire,
    files: Mapping[str, str],
    secrets: Mapping[str, str],
) -> engine.Container:
    over = container_override(task, given["name"])
    linux = given.get("linuxParameters") or {}
    capabilities = linux.get("capabilities") or {}
    command = over.get("command") or given.get("command")
    entrypoint = given.get("entryPoint")
    return engine.Container(
        name=given["name"],
        image=given["image"],
        entrypoint=tuple(entrypoint) if entrypoint else None,
        command=tuple(command) if command else None,
        environment={**_own(ctx, task, definition, given["name"]), **files, **_asked(given, over), **secrets},
        directory=given.get("workingDirectory") or "",
        user=given.get("user") or "",
        limits=_limits(given, over),
        health=health_check(given),
        mounts=_mounts(given, definition),
        ulimits=_ulimits(given),
        read_only=bool(given.get("readonlyRootFilesystem")),
        capabilities_add=tuple(capabilities.get("add") or ()),
        capabilities_drop=tuple(capabilities.get("drop") or ()),
        labels=given.get("dockerLabels") or {},
        stop_timeout_seconds=given.get("stopTimeout") or 30,
        init=bool(linux.get("initProcessEnabled")),
        tty=bool(given.get("pseudoTerminal")),
    )


def _own(ctx: Context, task: Task, definition: TaskDefinition, name: str) -> dict[str, str]:
    """The environment variables that every container gets."""
    run = next(run for run in task.containers if run.name == name)
    host = f"http://{METADATA_ADDRESS}"
    environment = {
        "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
        "AWS_REGION": ctx.region,
        "AWS_DEFAULT_REGION": ctx.region,
        "AWS_ENDPOINT_URL": f"{host}:{_API.port}",
        "ECS_CONTAINER_METADATA_URI": f"{host}/v3/{run.runtime_id}",
        "ECS_CONTAINER_METADATA_URI_V4": f"{host}/v4/{run.runtime_id}",
    }
    if role_of(task, definition, "taskRoleArn"):
        environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] = f"/v2/credentials/{task.attachment}"
    return environment


def _asked(given: Wire, over: Wire) -> dict[str, str]:
    items = (*(given.get("environment") or ()), *(over.get("environment") or ()))
    return {item["name"]: item["value"] for item in items}


def _limits(given: Wire, over: Wire) -> engine.Limits:
    cpu = over.get("cpu") or given.get("cpu") or 0
    memory = over.get("memory") or given.get("memory")
    soft = over.get("memoryReservation") or given.get("memoryReservation")
    return engine.Limits(
        cpu_weight=max(int(cpu), 2) if cpu else None,
        memory_bytes=max(int(memory), 6) * _MIB if memory else None,
        memory_soft_bytes=int(soft) * _MIB if soft else None,
    )


def health_check(given: Wire) -> engine.HealthCheck | None:
    """The health check of a container definition, or None."""
    check = given.get("healthCheck")
    if not check or check["command"][0] == "NONE":
        return None
    kind, *command = check["command"]
    return engine.HealthCheck(
        command=("/bin/sh", "-c", command[0]) if kind == "CMD-SHELL" else tuple(command),
        interval_seconds=check.get("interval", 30),
        timeout_seconds=check.get("timeout", 5),
        retries=check.get("retries", 3),
        start_period_seconds=check.get("startPeriod", 0),
    )


def _mounts(given: Wire, definition: TaskDefinition) -> tuple[engine.Mount, ...]:
    by_name = {container["name"]: container for container in definition.containers}
    wanted = list(given.get("mountPoints") or ())
    for source in given.get("volumesFrom") or ():
        for mount in by_name[source["sourceContainer"]].get("mountPoints") or ():
            wanted.append({**mount, "readOnly": bool(source.get("readOnly") or mount.get("readOnly"))})
    return tuple(
        engine.Mount(
            target=mount["containerPath"], source=mount["sourceVolume"], read_only=bool(mount.get("readOnly"))
        )
        for mount in wanted
    )


def _ulimits(given: Wire) -> tuple[engine.Ulimit, ...]:
    return tuple(
        engine.Ulimit(name=item["name"], soft=item["softLimit"], hard=item["hardLimit"])
        for item in given.get("ulimits") or ()
    )


def _check_overrides(definition: TaskDefinition, overrides: Mapping[str, Any]) -> None:
    names = {container["name"] for container in definition.containers}
    for item in overrides.get("containerOverrides") or ():
        if item.get("name") not in names:
            text = (
                f"Override for container named {item.get('name')} is not a container in the TaskDefinition."
            )
            raise Fault("InvalidParameterException", text)
        for member in ("environmentFiles", "resourceRequirements"):
            if item.get(member):
                raise Fault("UnsupportedFeatureException", f"{member} is not built in this cloud.")
    if overrides.get("inferenceAcceleratorOverrides"):
        raise Fault("UnsupportedFeatureException", "Inference accelerators are not built in this cloud.")


def _override(overrides: Mapping[str, Any], member: str, read: Any) -> int:
    text = overrides.get(member)
    if not text:
        return 0
    found: int | None = read(text)
    if not found:
        raise Fault("InvalidParameterException", f"Invalid '{member}' setting for task.")
    return found
