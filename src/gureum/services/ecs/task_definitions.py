"""Task definitions: registered as numbered revisions of a family, never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.ecs import definition_checks, rules
from gureum.services.ecs.operations import ops, present, registering
from gureum.services.ecs.records import Family, TaskDefinition

if TYPE_CHECKING:
    from gureum.api import ecs as api

_TASKS = "ecs-tasks.amazonaws.com"
_STILL_ACTIVE = (
    "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
)
_KEPT = ("taskRoleArn", "executionRoleArn", "networkMode", "ephemeralStorage", "runtimePlatform")


def show(ctx: Context, definition: TaskDefinition) -> Any:
    """A task definition on the wire."""
    body = definition.body
    return present(
        taskDefinitionArn=ctx.arn(definition),
        containerDefinitions=definition.containers,
        family=definition.family,
        revision=int(definition.revision),
        status=definition.status,
        volumes=body.get("volumes", []),
        placementConstraints=[],
        compatibilities=["EC2", "FARGATE"] if definition.fargate else ["EC2"],
        requiresCompatibilities=body.get("requiresCompatibilities"),
        requiresAttributes=_required(definition),
        cpu=str(definition.cpu) if definition.cpu else None,
        memory=str(definition.memory) if definition.memory else None,
        registeredAt=definition.registered,
        registeredBy=definition.registered_by,
        deregisteredAt=definition.deregistered or None,
        deleteRequestedAt=definition.delete_requested or None,
        **{member: body[member] for member in _KEPT if member in body},
    )


def need_definition(ctx: Context, value: str, *, fault: Fault | None = None) -> TaskDefinition:
    """The revision that `family`, `family:revision` or an ARN names; of a family the newest active one."""
    fault = fault or Fault("ClientException", "Unable to describe task definition.")
    table = ctx.table(TaskDefinition)
    if value.startswith("arn:"):
        place = kind_of(TaskDefinition).parse(value)
        if place is None or (place.account, place.region) != (ctx.account, ctx.region):
            raise fault
        family, revision = place.key.split("\x1f")
    else:
        family, revision = rules.family_and_revision(value)
    if revision:
        found = table.get(family, revision)
    else:
        active = [one for one in table.find("family", family) if one.status == "ACTIVE"]
        found = max(active, key=lambda one: int(one.revision), default=None)
    if found is None:
        raise fault
    return found


def pass_roles(ctx: Context, *roles: str | None) -> None:
    """The caller must be allowed to hand these roles to tasks. Fault: access denied."""
    for role in dict.fromkeys(filter(None, roles)):
        ctx.require("iam:PassRole", role, iam__passedtoservice=_TASKS)


@ops.on(targets=registering)
def register_task_definition(
    ctx: Context, req: api.RegisterTaskDefinitionRequest
) -> api.RegisterTaskDefinitionResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html"""
    cpu = _size(req, "cpu", rules.cpu_units)
    memory = _size(req, "memory", rules.memory_mib)
    required = "FARGATE" in (req.get("requiresCompatibilities") or ())
    definition_checks.check(req, cpu, memory, fargate=required)
    pass_roles(ctx, req.get("taskRoleArn"), req.get("executionRoleArn"))
    families = ctx.table(Family)
    family = families.get(req["family"]) or Family(name=req["family"])
    family = families.put(replace(family, last=family.last + 1))
    body: dict[str, Any] = {member: req[member] for member in _KEPT if req.get(member)}  # type: ignore[literal-required]
    body["volumes"] = req.get("volumes") or []
    body["containerDefinitions"] = [_with_defaults(one) for one in req["containerDefinitions"]]
    if "requiresCompatibilities" in req:
        body["requiresCompatibilities"] = req["requiresCompatibilities"]
    definition = TaskDefinition(
        family=family.name,
        revision=str(family.last),
        body=body,
        registered=ctx.now,
        registered_by=ctx.principal.arn,
        cpu=cpu,
        memory=memory,
        fargate=required or definition_checks.suits_fargate(req, cpu, memory),
    )
    ctx.table(TaskDefinition).add(definition)
    given = tags.read(req.get("tags"))
    ctx.tags.put(ctx.arn(definition), given, too_many="InvalidParameterException")
    return {"taskDefinition": show(ctx, definition), "tags": tags.show(given, "key", "value")}  # type: ignore[typeddict-item]


@ops.on()
def describe_task_definition(
    ctx: Context, req: api.DescribeTaskDefinitionRequest
) -> api.DescribeTaskDefinitionResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html"""
    definition = need_definition(ctx, req["taskDefinition"])
    answer: Any = {"taskDefinition": show(ctx, definition)}
    if "TAGS" in (req.get("include") or ()):
        answer["tags"] = tags.show(ctx.tags.of(ctx.arn(definition)), "key", "value")
    return answer  # type: ignore[no-any-return]


@ops.on()
def deregister_task_definition(
    ctx: Context, req: api.DeregisterTaskDefinitionRequest
) -> api.DeregisterTaskDefinitionResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html"""
    _need_revision(req["taskDefinition"])
    definition = need_definition(ctx, req["taskDefinition"])
    if definition.status == "ACTIVE":
        definition = replace(definition, status="INACTIVE", deregistered=ctx.now)
        ctx.table(TaskDefinition).put(definition)
    return {"taskDefinition": show(ctx, definition)}


@ops.on()
def delete_task_definitions(
    ctx: Context, req: api.DeleteTaskDefinitionsRequest
) -> api.DeleteTaskDefinitionsResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteTaskDefinitions.html"""
    wanted, shown, failures = req["taskDefinitions"], [], []
    if not 1 <= len(wanted) <= 10:
        raise Fault(
            "InvalidParameterException", "You can specify between 1 and 10 task definitions to delete."
        )
    for value in wanted:
        _need_revision(value)
        try:
            definition = need_definition(ctx, value)
        except Fault:
            failures.append({"arn": value, "reason": "The specified task definition does not exist."})
            continue
        if definition.status == "ACTIVE":
            reason = _STILL_ACTIVE
            failures.append({"arn": ctx.arn(definition), "reason": reason})
            continue
        definition = replace(definition, status="DELETE_IN_PROGRESS", delete_requested=ctx.now)
        ctx.table(TaskDefinition).put(definition)
        shown.append(show(ctx, definition))
    return {"taskDefinitions": shown, "failures": failures}  # type: ignore[typeddict-item]


@ops.on()
def list_task_definitions(
    ctx: Context, req: api.ListTaskDefinitionsRequest
) -> api.ListTaskDefinitionsResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html"""
    table = ctx.table(TaskDefinition)
    status = req.get("status") or "ACTIVE"
    family = req.get("familyPrefix")
    found = [
        one for one in (table.find("family", family) if family else table.scan()) if one.status == status
    ]
    turn = _turned if req.get("sort") == "DESC" else _as_it_is
    return ctx.page(req).items(found, turn, ctx.arn)  # type: ignore[return-value]


def _as_it_is(one: TaskDefinition) -> str:
    return f"{one.family}\x1f{int(one.revision):013d}"


def _turned(one: TaskDefinition) -> str:
    """A key that orders families and revisions backwards: each character's complement."""
    family = "".join(chr(0x10FFFF - ord(char)) for char in one.family) + chr(0x10FFFF)
    return f"{family}{10**12 - int(one.revision):013d}"


@ops.on()
def list_task_definition_families(
    ctx: Context, req: api.ListTaskDefinitionFamiliesRequest
) -> api.ListTaskDefinitionFamiliesResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitionFamilies.html"""
    prefix, status = req.get("familyPrefix") or "", req.get("status") or "ACTIVE"
    active: dict[str, bool] = {}
    for one in ctx.table(TaskDefinition).scan(prefix=prefix):
        active[one.family] = active.get(one.family, False) or one.status == "ACTIVE"
    names = [
        family for family, is_active in active.items() if status == "ALL" or is_active == (status == "ACTIVE")
    ]
    return ctx.page(req).items(names, str, str)  # type: ignore[return-value]


def _size(req: Mapping[str, Any], member: str, read: Any) -> int:
    text = req.get(member)
    if not text:
        return 0
    found: int | None = read(text)
    if found is None or found <= 0:
        raise Fault("ClientException", f"Invalid '{member}' setting for task.")
    return found


def _with_defaults(container: Mapping[str, Any]) -> dict[str, Any]:
    """A container definition as AWS gives it back: what was left out stands as its default."""
    filled = {
        "cpu": 0,
        "portMappings": [],
        "essential": True,
        "environment": [],
        "mountPoints": [],
        "volumesFrom": [],
        "systemControls": [],
        **container,
    }
    filled["portMappings"] = [
        {"protocol": "tcp", **port, "hostPort": port.get("hostPort") or port.get("containerPort")}
        for port in filled["portMappings"]
    ]
    if filled.get("healthCheck"):
        filled["healthCheck"] = {"interval": 30, "timeout": 5, "retries": 3, **filled["healthCheck"]}
    return filled


def _required(definition: TaskDefinition) -> list[dict[str, str]]:
    """The attributes that a container instance would need, as AWS lists them."""
    names = set()
    for container in definition.containers:
        if container.get("logConfiguration"):
            names |= {
                "com.amazonaws.ecs.capability.logging-driver.awslogs",
                "ecs.capability.execution-role-awslogs",
            }
        if container.get("secrets"):
            names.add("ecs.capability.secrets.ssm.environment-variables")
        if container.get("healthCheck"):
            names.add("ecs.capability.container-health-check")
        if container.get("dependsOn"):
            names.add("ecs.capability.container-ordering")
    if definition.body.get("taskRoleArn"):
        names.add("com.amazonaws.ecs.capability.task-iam-role")
    if definition.body.get("networkMode") == "awsvpc":
        names.add("ecs.capability.task-eni")
    return [{"name": name} for name in sorted(names)]


def _need_revision(value: str) -> None:
    tail = value.rpartition("/")[2] if value.startswith("arn:") else value
    revision = tail.rpartition(":")[2] if ":" in tail else ""
    if not revision.isdigit():
        raise Fault(
            "ClientException", f"Invalid revision number. Number: {revision or None}".replace("None", "null")
        )
