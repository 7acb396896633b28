"""Drops task definitions that were deleted, once nothing runs by them any more."""

from __future__ import annotations

from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.services.ecs.records import Service, Task, TaskDefinition

_LOOK_SECONDS = 10.0


@reconciler(TaskDefinition)
def retire(ctx: Context, definition: TaskDefinition) -> Again[TaskDefinition] | TaskDefinition | None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/delete-task-definition-v2.html"""
    if definition.status != "DELETE_IN_PROGRESS":
        return definition
    running = any(task.status != "STOPPED" for task in ctx.table(Task).find("definition", definition.name))
    serving = any(
        definition.name in {service.definition, *(one.definition for one in service.deployments)}
        for service in ctx.table(Service).scan()
        if service.status != "INACTIVE"
    )
    if running or serving:
        return Again(definition, after=_LOOK_SECONDS)
    ctx.tags.forget(ctx.arn(definition))
    return None
