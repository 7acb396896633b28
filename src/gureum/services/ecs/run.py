"""Takes a task from PROVISIONING to STOPPED, by what the engine shows and by nothing else.

PROVISIONING: its network is made. PENDING: images, log streams, secrets, then the containers in the order of their
dependencies. RUNNING: watched. STOPPING: told to end. DEPROVISIONING: its last lines are kept, then it is taken
apart. STOPPED: shown for an hour, then forgotten.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from msgspec.structs import replace

from gureum.engines.containers.port import (
    BadTask,
    ContainerError,
    Containers,
    ContainerStatus,
    EngineAbsent,
    Handle,
    ImageMissing,
    TaskStatus,
)
from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.kernel.records import kind_of
from gureum.services.ecs import prepare, tasks
from gureum.services.ecs.launch import engine_name, engine_task
from gureum.services.ecs.prepare import NotReady
from gureum.services.ecs.records import ContainerRun, Health, Journal, Task, TaskDefinition
from gureum.services.ecs.watch import Sessions, Watching

_KEPT_SECONDS = 3600.0
_LOOK_SECONDS = 20.0  # the engine wakes us; this is for events that it loses
_SOON_SECONDS = 0.2
_DRAIN_SECONDS = 30.0
_STATES: dict[str, Literal["PENDING", "RUNNING", "STOPPED"]] = {
    "pending": "PENDING",
    "running": "RUNNING",
    "exited": "STOPPED",
}
Step = Again[Task] | Task | None


@reconciler(Task)
def advance(ctx: Context, task: Task) -> Step:
    """One step; what is seen to have changed is told, and its service is woken."""
    watching = ctx.part(Watching)
    name = engine_name(ctx, task)
    watching.begin(name)
    try:
        step = _STEPS[task.status](ctx, task)
    except NotReady as problem:
        step = Again(_failed(ctx, task, str(problem)), after=0.0)
    if step is None:
        return None
    after = step.record if isinstance(step, Again) else step
    if after != task:
        after = replace(after, version=task.version + 1)
        if _shows(after) != _shows(task):
            tasks.tell(ctx, after)
        tasks.wake_service(ctx, task)
    if not isinstance(step, Again):
        return after
    return Again(after, after=0.0 if watching.changed(name) else step.after)


def _shows(task: Task) -> tuple[object, ...]:
    runs = [(run.status, run.health, run.exit_code) for run in task.containers]
    return (task.status, task.desired, task.health, runs)


def _failed(ctx: Context, task: Task, reason: str) -> Task:
    """It could not be started."""
    if task.desired == "STOPPED":
        return replace(task, status="STOPPING")
    return replace(
        task,
        status="STOPPING",
        desired="STOPPED",
        stop_code="EssentialContainerExited" if task.started else "TaskFailedToStart",
        stop_reason=reason,
        stopping=ctx.now,
    )


def _definition(ctx: Context, task: Task) -> TaskDefinition:
    return ctx.table(TaskDefinition).need(*task.definition.split(":"))


def _provision(ctx: Context, task: Task) -> Step:
    if task.desired == "STOPPED":
        return Again(replace(task, status="DEPROVISIONING"), after=0.0)
    engine = ctx.engine(Containers)
    try:
        handle = engine.start(engine_task(ctx, task, _definition(ctx, task), {}, {}), only=())
        seen = engine.inspect(handle)
    except BadTask as error:
        raise NotReady(f"ResourceInitializationError: {error}") from error
    except EngineAbsent as error:
        raise NotReady(f"ResourceInitializationError: {error}") from error
    except ContainerError as error:
        raise NotReady(
            f"ResourceInitializationError: unable to set up the task's network: {error}"
        ) from error
    if seen is None:
        raise NotReady("ResourceInitializationError: the task's network is gone.")
    return Again(
        replace(task, status="PENDING", handle=handle, address=seen.address, mac=seen.mac, connected=ctx.now),
        after=0.0,
    )


def _start(ctx: Context, task: Task) -> Step:
    if task.desired == "STOPPED":
        return Again(replace(task, status="STOPPING"), after=0.0)
    definition = _definition(ctx, task)
    if task.pull_stopped is None:
        task = prepare.images(ctx, task, definition)
        prepare.journals(ctx, task, definition)
    engine = ctx.engine(Containers)
    assert task.handle is not None
    seen = _seen(ctx, task)
    ready = _startable(definition, seen, ctx.home.clock.now())
    if ready:
        files, secrets = prepare.files(ctx, task, definition), prepare.secrets(ctx, task, definition)
        spec = engine_task(ctx, task, definition, files, secrets)
        try:
            engine.start(spec, only=ready)
        except ImageMissing as error:
            raise NotReady(f"CannotPullContainerError: {error}") from error
        except (BadTask, ContainerError) as error:
            raise NotReady(f"CannotStartContainerError: {error}") from error
        seen = _seen(ctx, task)
    task = _observed(task, seen)
    if (ended := _ended(ctx, task, definition)) is not None:
        return Again(ended, after=0.0)
    if all(run.status != "PENDING" for run in task.containers):
        return Again(replace(task, status="RUNNING", started=ctx.home.clock.now()), after=0.0)
    return Again(task, after=_SOON_SECONDS)


def _watch(ctx: Context, task: Task) -> Step:
    if task.desired == "STOPPED":
        return Again(replace(task, status="STOPPING"), after=0.0)
    task = _observed(task, _seen(ctx, task))
    if (ended := _ended(ctx, task, _definition(ctx, task))) is not None:
        return Again(ended, after=0.0)
    return Again(task, after=_LOOK_SECONDS)


def _end(ctx: Context, task: Task) -> Step:
    engine = ctx.engine(Containers)
    if task.handle is None:
        return Again(replace(task, status="DEPROVISIONING", execution_stopped=ctx.now), after=0.0)
    engine.stop(task.handle)
    seen = engine.inspect(task.handle)
    if seen is not None:
        task = _observed(task, seen)
        if any(one.state == "running" for one in seen.containers.values()):
            return Again(task, after=_SOON_SECONDS)
    return Again(replace(task, status="DEPROVISIONING", execution_stopped=ctx.home.clock.now()), after=0.0)


def _take_apart(ctx: Context, task: Task) -> Step:
    waited = ctx.now - (task.execution_stopped or ctx.now)
    journals = list(ctx.table(Journal).scan(prefix=f"{task.cluster}\x1f{task.id}\x1f"))
    if waited < _DRAIN_SECONDS and not all(journal.drained for journal in journals):
        journal = kind_of(Journal)
        for one in journals:
            place = (journal.name, ctx.account, ctx.region, journal.key(one))
            ctx.work.due.setdefault(place, (ctx.now, 0))
        return Again(task, after=_SOON_SECONDS)
    if (handle := task.handle or _begun(ctx, task)) is not None:
        ctx.engine(Containers).destroy(handle)
    for one in journals:
        ctx.table(Journal).drop(one)
    ctx.part(Sessions).forget(ctx.arn(task))
    runs = tuple(replace(run, status="STOPPED") for run in task.containers)
    now = ctx.home.clock.now()
    return Again(
        replace(
            task,
            status="STOPPED",
            containers=runs,
            stopped=now,
            execution_stopped=task.execution_stopped or now,
        ),
        after=_KEPT_SECONDS,
    )


def _begun(ctx: Context, task: Task) -> Handle | None:
    """What the engine may have of a task that ended before its handle was kept: found by its name, made if need be."""
    try:
        return ctx.engine(Containers).start(engine_task(ctx, task, _definition(ctx, task), {}, {}), only=())
    except (BadTask, ContainerError):
        return None  # nothing was made; or the next start of the server ends what no record knows


def _forget(ctx: Context, task: Task) -> Step:
    left = (task.stopped or 0.0) + _KEPT_SECONDS - ctx.now
    if left > 0:
        return Again(task, after=left)
    ctx.tags.forget(ctx.arn(task))
    return None


_STEPS: dict[str, Callable[[Context, Task], Step]] = {
    "PROVISIONING": _provision,
    "PENDING": _start,
    "RUNNING": _watch,
    "STOPPING": _end,
    "DEPROVISIONING": _take_apart,
    "STOPPED": _forget,
}


def _seen(ctx: Context, task: Task) -> TaskStatus:
    assert task.handle is not None
    seen = ctx.engine(Containers).inspect(task.handle)
    if seen is None:
        raise NotReady("The task's containers are gone from the engine.")
    return seen


def _observed(task: Task, seen: TaskStatus) -> Task:
    """The task with its containers as the engine shows them."""
    runs = tuple(_observe(run, seen.containers.get(run.name)) for run in task.containers)
    checked = [run.health for run in runs if run.health != "UNKNOWN"]
    health: Health = "UNKNOWN"
    if checked:
        health = "UNHEALTHY" if "UNHEALTHY" in checked else "HEALTHY"
    return replace(task, containers=runs, health=health)


def _observe(run: ContainerRun, one: ContainerStatus | None) -> ContainerRun:
    if one is None:
        return run
    reason = run.reason
    if one.oom_killed:
        reason = "OutOfMemoryError: Container killed due to memory usage"
    elif one.error:
        reason = f"CannotStartContainerError: {one.error}"
    health: Health = "UNKNOWN"
    if one.health in {"healthy", "unhealthy"}:
        health = "HEALTHY" if one.health == "healthy" else "UNHEALTHY"
    return replace(
        run,
        status=_STATES[one.state],
        exit_code=one.exit_code,
        reason=reason,
        health=health,
        image_id=one.image_id or run.image_id,
        started=one.started,
        finished=one.finished,
    )


def _ended(ctx: Context, task: Task, definition: TaskDefinition) -> Task | None:
    """The task on its way to its end, where its containers say so."""
    essential = {one["name"] for one in definition.containers if one.get("essential", True)}
    gone = [run for run in task.containers if run.status == "STOPPED"]
    broken = _unmeetable(definition, {run.name: run for run in task.containers})
    if any(run.name in essential for run in gone) or len(gone) == len(task.containers):
        code, reason = "EssentialContainerExited", "Essential container in task exited"
    elif broken:
        code, reason = "TaskFailedToStart", f"Dependency of container {broken} can not be resolved"
    else:
        return None
    started = task.started or (ctx.home.clock.now() if code == "EssentialContainerExited" else None)
    return replace(
        task,
        status="STOPPING",
        desired="STOPPED",
        stop_code=code,
        stop_reason=reason,
        stopping=ctx.now,
        started=started,
    )


def _startable(definition: TaskDefinition, seen: TaskStatus, now: float) -> list[str]:
    """The containers not yet started whose dependencies are met. Raises NotReady after a start timeout."""
    ready = []
    timeouts = {one["name"]: one.get("startTimeout") or 180 for one in definition.containers}
    for container in definition.containers:
        name = container["name"]
        status = seen.containers.get(name)
        if status is not None and (status.state != "pending" or status.error):
            if status.error:
                raise NotReady(f"CannotStartContainerError: {status.error}")
            continue
        waits = False
        for depends in container.get("dependsOn") or ():
            other = seen.containers.get(depends["containerName"])
            if not _met(other, depends["condition"]):
                waits = True
                began = other.started if other is not None else None
                if began is not None and now - began > timeouts[depends["containerName"]]:
                    text = f"{depends['containerName']} of container {name}"
                    raise NotReady(f"TaskFailedToStart: timed out waiting for dependency {text}")
        if not waits:
            ready.append(name)
    return ready


def _met(other: ContainerStatus | None, condition: str) -> bool:
    if other is None:
        return False
    match condition:
        case "START":
            return other.state != "pending"
        case "COMPLETE":
            return other.state == "exited"
        case "SUCCESS":
            return other.state == "exited" and other.exit_code == 0
        case _:
            return other.state == "running" and other.health == "healthy"


def _unmeetable(definition: TaskDefinition, runs: dict[str, ContainerRun]) -> str:
    """The name of a container that waits for what can no longer come, or ""."""
    for container in definition.containers:
        if runs[container["name"]].status != "PENDING":
            continue
        for depends in container.get("dependsOn") or ():
            other = runs[depends["containerName"]]
            failed = depends["condition"] == "SUCCESS" and other.exit_code != 0
            if other.status == "STOPPED" and (failed or depends["condition"] == "HEALTHY"):
                return str(container["name"])
    return ""
