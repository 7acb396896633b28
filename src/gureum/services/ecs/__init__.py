"""ECS: runs containers as tasks and keeps services of them running."""

from gureum.services.ecs import (
    clusters,
    deploy,
    deployments,
    follow,
    metadata,
    retire,
    run,
    services,
    settings,
    tagging,
    task_definitions,
    tasks,
)
from gureum.services.ecs.operations import ops

__all__ = [
    "clusters",
    "deploy",
    "deployments",
    "follow",
    "metadata",
    "ops",
    "retire",
    "run",
    "services",
    "settings",
    "tagging",
    "task_definitions",
    "tasks",
]
