"""Keeps a service at its desired count and brings its newest deployment about: the service scheduler.

One step looks at the service's tasks and starts or stops some. It runs whenever the service or one of its tasks
changes. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.services.ecs import rules, tasks
from gureum.services.ecs.deployments import begin_deployment, noted, story_of, tell_action, tell_deployment
from gureum.services.ecs.launch import new_task
from gureum.services.ecs.records import (
    Deployment,
    Service,
    ServiceDeployment,
    ServiceRevision,
    Task,
    TaskDefinition,
)

_KEPT_SECONDS = 3600.0
_SHORT_LIFE_SECONDS = 30.0
_TASKS_A_STEP = 10
_IMPAIRED = (
    "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section of "
    "the Amazon ECS Developer Guide."
)


@reconciler(Service)
def advance(ctx: Context, service: Service) -> Again[Service] | Service | None:
    """One step of the scheduler."""
    found = list(ctx.table(Task).find("service", f"{service.cluster}/{service.name}"))
    if service.status == "INACTIVE":
        left = service.inactive_at + _KEPT_SECONDS - ctx.now
        if left > 0:
            return Again(service, after=left)
        _forget(ctx, service)
        return None
    if service.status == "DRAINING":
        return _drain(ctx, service, found)
    service = _judge(ctx, service, found)
    service = _trip(ctx, service)
    service = _count(ctx, service, found)
    service = _settle(ctx, service, found)
    waits = [service.retry_at - ctx.now] if service.retry_at > ctx.now else []
    waits += [task.protected_until - ctx.now for task in found if task.protected_until > ctx.now]
    return Again(service, after=max(min(waits), 0.05)) if waits else service


def _drain(ctx: Context, service: Service, found: Sequence[Task]) -> Service:
    for task in found:
        if task.desired == "RUNNING":
            tasks.stop(ctx, task, "ServiceSchedulerInitiated", _scaling(service.deployments[0]))
    if any(task.status != "STOPPED" for task in found):
        return service
    return replace(service, status="INACTIVE", deployments=(), inactive_at=ctx.now)


def _forget(ctx: Context, service: Service) -> None:
    ctx.tags.forget(ctx.arn(service))
    place = f"{service.cluster}/{service.name}"
    for revision in list(ctx.table(ServiceRevision).find("service", place)):
        ctx.table(ServiceRevision).drop(revision)
    for story in list(ctx.table(ServiceDeployment).find("service", place)):
        ctx.table(ServiceDeployment).drop(story)


def _scaling(deployment: Deployment) -> str:
    return f"Scaling activity initiated by (deployment {deployment.id})"


def _judge(ctx: Context, service: Service, found: Sequence[Task]) -> Service:
    """Count what has ended: a task that never ran is a failure of its deployment; short lives slow the next start."""
    by_id = {one.id: one for one in service.deployments}
    failed = 0
    for task in found:
        if task.status != "STOPPED" or task.judged:
            continue
        ctx.table(Task).put(replace(task, judged=True))
        deployment = by_id.get(task.deployment)
        if deployment is None or (
            task.stop_code == "ServiceSchedulerInitiated" and task.health != "UNHEALTHY"
        ):
            continue
        never_ran = task.stop_code == "TaskFailedToStart" or task.health == "UNHEALTHY"
        if never_ran:
            by_id[deployment.id] = replace(deployment, failed=deployment.failed + 1, updated=ctx.now)
            failed += 1
        lived = (task.execution_stopped or ctx.now) - (task.started or task.created)
        short = never_ran or (task.stop_code == "EssentialContainerExited" and lived < _SHORT_LIFE_SECONDS)
        lives = service.short_lives + 1 if short else 0
        delay = rules.start_delay(lives - 1)
        service = replace(service, short_lives=lives, retry_at=ctx.now + delay if short else 0.0)
    primary = service.deployments[0]
    healthy = [task for task in found if task.deployment == primary.id and _serves(task)]
    proven = any(ctx.now - (task.started or ctx.now) > 1.0 for task in healthy)
    if proven and not failed and service.reset_on_healthy and primary.failed:
        by_id[primary.id] = replace(by_id[primary.id], failed=0)
    service = replace(service, deployments=tuple(by_id[one.id] for one in service.deployments))
    if failed and service.short_lives >= 3 and not service.impaired:
        tell_action(ctx, service, "SERVICE_TASK_START_IMPAIRED", "WARN")
        service = replace(noted(ctx, service, _IMPAIRED), impaired=True)
    return service


def _trip(ctx: Context, service: Service) -> Service:
    """The circuit breaker. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html"""
    primary, *rest = service.deployments
    tripped = primary.failed >= rules.breaker_threshold(service.desired)
    if not service.breaker or primary.rollout != "IN_PROGRESS" or not tripped:
        return service
    reason = "ECS deployment circuit breaker: tasks failed to start."
    primary = replace(primary, rollout="FAILED", reason=reason, updated=ctx.now)
    service = replace(service, deployments=(primary, *rest))
    service = noted(ctx, service, f"(deployment {primary.id}) deployment failed: tasks failed to start.")
    tell_deployment(ctx, service, primary, "SERVICE_DEPLOYMENT_FAILED", reason)
    goes_back = service.rollback and service.stable is not None and not primary.rollback_of
    stable = service.stable
    if (story := story_of(ctx, service, primary.id)) is not None:
        ended = replace(
            story,
            status="ROLLBACK_IN_PROGRESS" if goes_back else "STOPPED",
            reason=reason,
            failed=primary.failed,
            updated=ctx.now,
            finished=None if goes_back else ctx.now,
            rollback_to=stable.revision if goes_back and stable else "",
            rollback_reason=reason if goes_back else "",
            rollback_at=ctx.now if goes_back else None,
        )
        ctx.table(ServiceDeployment).put(ended)
    if not goes_back or stable is None:
        return service
    service = begin_deployment(
        ctx, service, like=stable, reason="ECS deployment circuit breaker: rolling back."
    )
    new = service.deployments[0]
    text = f"ECS deployment circuit breaker: rolling back to deploymentId {stable.id}."
    service = replace(service, deployments=(replace(new, reason=text), *service.deployments[1:]))
    return noted(ctx, service, f"rolling back to deployment {stable.id}.")


def _serves(task: Task) -> bool:
    """It runs, is to run on, and its health checks, if any, say that it is well."""
    return (
        task.status == "RUNNING"
        and task.desired == "RUNNING"
        and (not task.checked or task.health == "HEALTHY")
    )


def _count(ctx: Context, service: Service, found: Sequence[Task]) -> Service:
    """Start and stop tasks, as far as the deployment's percentages let us."""
    primary = service.deployments[0]
    live = [task for task in found if task.desired == "RUNNING"]
    for task in [task for task in live if task.health == "UNHEALTHY"]:
        reason = f"Task failed container health checks ({_scaling(primary)})"
        tasks.stop(ctx, task, "ServiceSchedulerInitiated", reason)
        service = noted(ctx, service, f"(task {task.id}) failed container health checks.")
        live.remove(task)
    new = [task for task in live if task.deployment == primary.id]
    old = [task for task in live if task.deployment != primary.id]
    wanted = service.desired if primary.rollout != "FAILED" else 0
    room = max(rules.ceiling(service.desired, service.maximum_percent), service.desired) - len(live)
    missing = min(wanted - len(new), room, _TASKS_A_STEP)
    if missing > 0 and service.retry_at <= ctx.now:
        service = _start(ctx, service, primary, live, missing)
    serving = sum(_serves(task) for task in live)
    spare = serving - rules.healthy_floor(service.desired, service.minimum_percent)
    stopped = []
    for task in _in_order_of_loss(new)[: max(len(new) - service.desired, 0)] + _in_order_of_loss(old):
        surplus = task.deployment == primary.id
        if task.protected_until > ctx.now:
            continue
        if not surplus and primary.rollout == "FAILED":
            continue
        if _serves(task) and not (surplus and not old):
            if spare <= 0:
                continue
            spare -= 1
        stopped.append(task)
    for task in stopped:
        tasks.stop(ctx, task, "ServiceSchedulerInitiated", _scaling(primary))
    if stopped:
        named = " ".join(f"(task {task.id})" for task in stopped)
        service = noted(ctx, service, f"has stopped {len(stopped)} running tasks: {named}.")
    return service


def _in_order_of_loss(found: Sequence[Task]) -> list[Task]:
    """Those that do not serve first, then the oldest."""
    return sorted(found, key=lambda task: (_serves(task), task.created))


def _start(ctx: Context, service: Service, one: Deployment, live: Sequence[Task], count: int) -> Service:
    definition = ctx.table(TaskDefinition).need(*one.definition.split(":"))
    given: dict[str, str] = {}
    if service.propagate == "TASK_DEFINITION":
        given = ctx.tags.of(ctx.arn(definition))
    elif service.propagate == "SERVICE":
        given = ctx.tags.of(ctx.arn(service))
    if service.managed_tags:
        given = {**given, **tasks.managed_tags(service.cluster, service.name)}
    carried: dict[str, int] = {}
    for task in live:
        carried[task.provider] = carried.get(task.provider, 0) + 1
    providers = rules.spread(one.strategy, carried, count) if one.strategy else [""] * count
    begun = []
    for provider in providers:
        task = new_task(
            ctx,
            definition,
            service.cluster,
            {},
            launch_type="FARGATE",
            provider=provider,
            group=f"service:{service.name}",
            started_by=one.id,
            network=one.network,
            execute=service.execute,
            service=service.name,
            deployment=one.id,
        )
        tasks.begin(ctx, task, given)
        begun.append(task)
    named = " ".join(f"(task {task.id})" for task in begun)
    return noted(ctx, service, f"has started {count} tasks: {named}.")


def _settle(ctx: Context, service: Service, found: Sequence[Task]) -> Service:
    """Deployments whose tasks are all gone leave the list; the primary is complete once all it wants serves."""
    primary, *rest = service.deployments
    alive = {task.deployment for task in found if task.status != "STOPPED"}
    rest = [one for one in rest if one.id in alive]
    serving = sum(task.deployment == primary.id and _serves(task) for task in found)
    primary = replace(primary, desired=service.desired if primary.rollout != "FAILED" else 0)
    service = replace(service, deployments=(primary, *(replace(one, desired=0) for one in rest)))
    steady = serving == service.desired and not rest and primary.rollout != "FAILED"
    steady = steady and not any(
        t.deployment == primary.id and t.desired == "STOPPED" and t.status != "STOPPED" for t in found
    )
    if not steady:
        return replace(service, steady=False)
    if primary.rollout == "IN_PROGRESS":
        service = _complete(ctx, service, primary, serving)
    if not service.steady:
        tell_action(ctx, service, "SERVICE_STEADY_STATE")
        service = noted(ctx, service, "has reached a steady state.")
    return replace(service, steady=True, impaired=False)


def _complete(ctx: Context, service: Service, primary: Deployment, serving: int) -> Service:
    reason = f"ECS deployment {primary.id} completed."
    primary = replace(primary, rollout="COMPLETED", reason=reason, updated=ctx.now)
    service = replace(service, deployments=(primary,), stable=primary)
    tell_deployment(ctx, service, primary, "SERVICE_DEPLOYMENT_COMPLETED", reason)
    table = ctx.table(ServiceDeployment)
    if (story := story_of(ctx, service, primary.id)) is not None:
        table.put(replace(story, status="SUCCESSFUL", finished=ctx.now, updated=ctx.now, running=serving))
    if primary.rollback_of and (failed := story_of(ctx, service, primary.rollback_of)) is not None:
        table.put(replace(failed, status="ROLLBACK_SUCCESSFUL", finished=ctx.now, updated=ctx.now))
    return noted(ctx, service, f"(deployment {primary.id}) deployment completed.")
