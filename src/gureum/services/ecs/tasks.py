"""Tasks: run, stopped, described, listed, protected."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.ecs import rules, shown
from gureum.services.ecs.clusters import check_strategy, need_cluster, refuse
from gureum.services.ecs.launch import new_task, role_of
from gureum.services.ecs.operations import by_definition, cluster_key, in_cluster, named, ops, present
from gureum.services.ecs.records import Cluster, Service, Task, TaskDefinition
from gureum.services.ecs.task_definitions import need_definition, pass_roles

if TYPE_CHECKING:
    from gureum.api import ecs as api

_NO_NETWORK = "Network Configuration must be provided when networkMode 'awsvpc' is specified."
_NO_INSTANCES = "No Container Instances were found in your cluster."


@ops.on(targets=by_definition("RunTask"), keys=cluster_key)
def run_task(ctx: Context, req: api.RunTaskRequest) -> api.RunTaskResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html"""
    cluster = need_cluster(ctx, req.get("cluster"))
    refuse(req, "volumeConfigurations")
    count = req.get("count", 1)
    if not 1 <= count <= 10:
        raise Fault("InvalidParameterException", "The count must be between 1 and 10.")
    asked = fingerprint(req)
    token = req.get("clientToken") or ""
    if token and (before := _before(ctx, token, asked)):
        return {"tasks": [shown.task(ctx, task) for task in before], "failures": []}
    definition = need_runnable(ctx, req["taskDefinition"])
    launch_type, strategy = capacity(cluster, req)
    network = network_of(req)
    overrides: Any = req.get("overrides") or {}
    task = new_task(ctx, definition, cluster.name, overrides)
    pass_roles(ctx, role_of(task, definition, "taskRoleArn"), role_of(task, definition, "executionRoleArn"))
    providers = rules.spread(strategy, {}, count) if strategy else [""] * count
    given = _tags_of(ctx, req, definition, cluster.name)
    answer = []
    for provider in providers:
        task = new_task(
            ctx,
            definition,
            cluster.name,
            overrides,
            launch_type="FARGATE" if provider else launch_type,
            provider=provider,
            platform_version=platform(req),
            group=req.get("group") or f"family:{definition.family}",
            started_by=req.get("startedBy") or "",
            network=network,
            execute=bool(req.get("enableExecuteCommand")),
            token=token,
            asked=asked,
        )
        begin(ctx, task, given)
        answer.append({**shown.task(ctx, task), "tags": tags.show(given, "key", "value")})
    return {"tasks": answer, "failures": []}  # type: ignore[typeddict-item]


@ops.on(Task, targets=named(Task, "StopTask", "task"), keys=cluster_key)
def stop_task(ctx: Context, req: api.StopTaskRequest) -> api.StopTaskResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html"""
    cluster = need_cluster(ctx, req.get("cluster"))
    task = ctx.table(Task).need(*_key(req["task"], cluster.name))
    if task.desired != "STOPPED":
        reason = req.get("reason") or "Task stopped by user"
        task = stop(ctx, task, "UserInitiated", reason)
    return {"task": shown.task(ctx, task)}


@ops.on(Task, targets=named(Task, "DescribeTasks", "tasks"), keys=cluster_key)
def describe_tasks(ctx: Context, req: api.DescribeTasksRequest) -> api.DescribeTasksResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html"""
    found, missing = _find(ctx, req)
    include = req.get("include") or ()
    described = []
    for task in found:
        one = shown.task(ctx, task)
        one["tags"] = tags.show(ctx.tags.of(ctx.arn(task)), "key", "value") if "TAGS" in include else []
        described.append(one)
    return {"tasks": described, "failures": missing}


@ops.on(keys=cluster_key)
def list_tasks(ctx: Context, req: api.ListTasksRequest) -> api.ListTasksResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html"""
    cluster = need_cluster(ctx, req.get("cluster"))
    if req.get("containerInstance"):
        raise Fault("InvalidParameterException", _NO_INSTANCES)
    service = ""
    if name := req.get("serviceName"):
        service = ctx.table(Service).need(*in_cluster(kind_of(Service), name, cluster.name)).name
    desired = req.get("desiredStatus") or "RUNNING"
    family, started_by, launch_type = req.get("family"), req.get("startedBy"), req.get("launchType")

    def wanted(task: Task) -> bool:
        return (
            task.desired == desired
            and (not service or task.service == service)
            and (not family or task.definition.partition(":")[0] == family)
            and (not started_by or task.started_by == started_by)
            and (not launch_type or task.launch_type == launch_type)
        )

    table = ctx.table(Task)
    found = ctx.page(req).table(table, ctx.arn, index=("cluster", cluster.name), where=wanted)
    return found  # type: ignore[return-value]


@ops.on(Task, targets=named(Task, "GetTaskProtection", "tasks"), keys=cluster_key)
def get_task_protection(ctx: Context, req: api.GetTaskProtectionRequest) -> api.GetTaskProtectionResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_GetTaskProtection.html"""
    found, missing = _find(ctx, req)
    return {"protectedTasks": [_protection(ctx, task) for task in found], "failures": missing}


@ops.on(Task, targets=named(Task, "UpdateTaskProtection", "tasks"), keys=cluster_key)
def update_task_protection(
    ctx: Context, req: api.UpdateTaskProtectionRequest
) -> api.UpdateTaskProtectionResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateTaskProtection.html"""
    minutes = req.get("expiresInMinutes", 120)
    if not 1 <= minutes <= 2880:
        raise Fault("InvalidParameterException", "expiresInMinutes must be between 1 and 2880 minutes.")
    if not 1 <= len(req["tasks"]) <= 10:
        raise Fault("InvalidParameterException", "You can specify between 1 and 10 tasks.")
    found, failures = _find(ctx, req)
    protected = []
    for task in found:
        if not task.service or task.status == "STOPPED":
            failures.append(
                {
                    "arn": ctx.arn(task),
                    "reason": "TASK_NOT_VALID",
                    "detail": "The specified task is either not a running task or not part of a service.",
                }
            )
            continue
        until = ctx.now + minutes * 60 if req["protectionEnabled"] else 0.0
        wake_service(ctx, task)
        protected.append(_protection(ctx, ctx.table(Task).put(replace(task, protected_until=until))))
    return {"protectedTasks": protected, "failures": failures}


# --- what services share with RunTask
def need_runnable(ctx: Context, name: str) -> TaskDefinition:
    """The active revision that a request names. Faults: ClientException, InvalidParameterException."""
    definition = need_definition(ctx, name, fault=Fault("ClientException", "TaskDefinition not found."))
    if definition.status != "ACTIVE":
        raise Fault("InvalidParameterException", "TaskDefinition is inactive")
    if definition.body.get("networkMode") != "awsvpc" or not definition.fargate:
        raise Fault("InvalidParameterException", "Task definition does not support launch_type FARGATE.")
    return definition


def capacity(cluster: Cluster, req: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    """(launch type, capacity provider strategy): one of both. Without either the cluster's default counts, else EC2."""
    launch_type, strategy = req.get("launchType") or "", req.get("capacityProviderStrategy") or ()
    if launch_type and strategy:
        raise Fault(
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        )
    if not launch_type and not strategy:
        strategy = cluster.strategy
    for member in ("placementConstraints", "placementStrategy"):
        if req.get(member):
            what = "Placement constraints" if member == "placementConstraints" else "Placement strategies"
            raise Fault("InvalidParameterException", f"{what} are not supported with FARGATE launch type.")
    if strategy:
        return "", check_strategy(strategy, cluster.providers)
    if launch_type != "FARGATE":
        raise Fault("InvalidParameterException", _NO_INSTANCES)
    return "FARGATE", ()


def network_of(req: Mapping[str, Any]) -> Any:
    """The `awsvpcConfiguration` of a request."""
    found = (req.get("networkConfiguration") or {}).get("awsvpcConfiguration")
    if found is None:
        raise Fault("InvalidParameterException", _NO_NETWORK)
    if not found.get("subnets"):
        raise Fault("InvalidParameterException", "subnets can not be empty.")
    return {"assignPublicIp": "DISABLED", "securityGroups": [], **found}


def platform(req: Mapping[str, Any]) -> str:
    """The platform version that a request leads to."""
    asked = req.get("platformVersion") or "LATEST"
    if asked not in rules.PLATFORM_VERSIONS:
        raise Fault("PlatformUnknownException", "The specified platform version does not exist.")
    return rules.PLATFORM_VERSION


def fingerprint(req: Mapping[str, Any]) -> str:
    """What tells a repeated request from another one with the same client token."""
    return hashlib.sha256(msgspec.json.encode(dict(req), order="deterministic")).hexdigest()


def begin(ctx: Context, task: Task, given: Mapping[str, str]) -> None:
    """Keep a new task with its tags; its reconciler does the rest."""
    ctx.table(Task).add(task)
    put_tags(ctx, ctx.arn(task), given)
    tell(ctx, task)


def stop(ctx: Context, task: Task, code: str, reason: str) -> Task:
    """Let a task be stopped, for a reason that its end then tells."""
    task = replace(
        task,
        desired="STOPPED",
        stop_code=code,
        stop_reason=reason,
        stopping=ctx.now,
        version=task.version + 1,
    )
    ctx.table(Task).put(task)
    tell(ctx, task)
    return task


def tell(ctx: Context, task: Task) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_task_events.html"""
    shape = {**shown.task(ctx, task), "updatedAt": ctx.now}
    detail = {name: shown.iso(value) if name.endswith("At") else value for name, value in shape.items()}
    ctx.tell("ECS Task State Change", detail, [ctx.arn(task)])


def wake_service(ctx: Context, task: Task) -> None:
    """Let the scheduler look at the task's service, once this work is committed."""
    if task.service:
        kind = kind_of(Service)
        key = kind.join(task.cluster, task.service)
        ctx.work.due[kind.name, ctx.account, ctx.region, key] = (ctx.now, 0)


def put_tags(ctx: Context, arn: str, given: Mapping[str, str]) -> None:
    """Tags of a task, with those that ECS itself puts (`aws:ecs:…`), which no user may."""
    own = {key: value for key, value in given.items() if not key.startswith("aws:")}
    ctx.tags.put(arn, own, too_many="InvalidParameterException")
    if len(own) < len(given):
        ctx.table(tags.Tagged).put(tags.Tagged(arn=arn, tags=dict(given)))


def managed_tags(cluster: str, service: str = "") -> dict[str, str]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html"""
    found = {"aws:ecs:clusterName": cluster}
    return {**found, "aws:ecs:serviceName": service} if service else found


def _tags_of(
    ctx: Context, req: api.RunTaskRequest, definition: TaskDefinition, cluster: str
) -> dict[str, str]:
    given = tags.read(req.get("tags"))
    tags.check(given, "InvalidParameterException")
    if req.get("propagateTags") == "TASK_DEFINITION":
        given = {**ctx.tags.of(ctx.arn(definition)), **given}
    elif req.get("propagateTags") == "SERVICE":
        raise Fault(
            "InvalidParameterException",
            "SERVICE is not a valid value for propagateTags of a standalone task.",
        )
    if req.get("enableECSManagedTags"):
        given.update(managed_tags(cluster))
    return given


def _before(ctx: Context, token: str, asked: str) -> list[Task]:
    found = list(ctx.table(Task).find("token", token))
    if any(task.asked != asked for task in found):
        raise Fault(
            "ConflictException",
            "The clientToken was used before with other parameters.",
            resourceIds=[ctx.arn(task) for task in found],
        )
    return found


def _key(value: str, cluster: str) -> tuple[str, str]:
    found, id = in_cluster(kind_of(Task), value, cluster)
    if found != cluster:
        raise Fault("InvalidParameterException", f"Identifier is for {found}. Your cluster is {cluster}")
    return found, id


def _find(ctx: Context, req: Mapping[str, Any]) -> tuple[list[Task], list[Any]]:
    """The tasks that a request names, and failures for those that are not there."""
    cluster = need_cluster(ctx, req.get("cluster"))
    asked: Sequence[str] = req.get("tasks") or ()
    if not asked:
        raise Fault("InvalidParameterException", "Tasks cannot be empty.")
    if len(asked) > 100:
        raise Fault("InvalidParameterException", "Tasks cannot have more than 100 elements.")
    found, missing = [], []
    table = ctx.table(Task)
    for value in asked:
        key = _key(value, cluster.name)
        if (task := table.get(*key)) is not None:
            found.append(task)
        else:
            arn = table.kind.arn(ctx.account, ctx.region, {"cluster": key[0], "id": key[1]})
            missing.append({"arn": arn, "reason": "MISSING"})
    return found, missing


def _protection(ctx: Context, task: Task) -> Any:
    on = task.protected_until > ctx.now
    return present(
        taskArn=ctx.arn(task), protectionEnabled=on, expirationDate=task.protected_until if on else None
    )
