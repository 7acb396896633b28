"""ECS at the front door: how its requests name clusters, tasks, services and task definitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gureum.kernel.operations import Find, Operations, Target
from gureum.kernel.records import Kind, kind_of
from gureum.services.ecs.records import Cluster, Service, Task, TaskDefinition

ops = Operations("ecs", invalid="InvalidParameterException", checks=frozenset({"required", "enum"}))

DEFAULT_CLUSTER = "default"


def cluster_name(value: str | None) -> str:
    """The cluster that a request names, by name or ARN; without one it is `default`."""
    if not value:
        return DEFAULT_CLUSTER
    place = kind_of(Cluster).parse(value) if value.startswith("arn:") else None
    return place.key if place is not None else value


def cluster_key(ctx: Any, req: Mapping[str, Any]) -> dict[str, str]:
    """The condition key `ecs:cluster`: the ARN of the cluster that the request is about."""
    name = cluster_name(req.get("cluster"))
    return {"ecs:cluster": kind_of(Cluster).arn(ctx.account, ctx.region, {"name": name})}


def in_cluster(kind: Kind, value: str, cluster: str) -> tuple[str, str]:
    """(cluster, id) of a task, service, revision or deployment named by id or ARN."""
    if value.startswith("arn:") and (place := kind.parse(value)):
        parts = place.key.split("\x1f")
        return parts[0], parts[-1]
    return cluster, value


def named(record: type[Task] | type[Service], action: str, member: str) -> Find:
    """The targets of an operation whose `member` names one or several tasks or services of a cluster."""
    kind = kind_of(record)
    last = kind.key_fields[-1]

    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        default = cluster_name(req.get("cluster"))
        asked = req.get(member) or ()
        found = []
        for value in [asked] if isinstance(asked, str) else asked:
            cluster, name = in_cluster(kind, value, default)
            arn = kind.arn(account, region, {"cluster": cluster, last: name})
            found.append(Target(f"ecs:{action}", arn, account, region, kind, kind.join(cluster, name)))
        return found or (Target(f"ecs:{action}", "*", account, region, None, ""),)

    return find


def by_definition(action: str) -> Find:
    """The target of RunTask: its task definition. A family stands for whatever revision is its newest."""
    kind = kind_of(TaskDefinition)

    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        value = str(req.get("taskDefinition") or "")
        if value.startswith("arn:"):
            return (Target(f"ecs:{action}", value, account, region, None, ""),)
        family, _, revision = value.partition(":")
        arn = kind.arn(account, region, {"family": family, "revision": revision or "*"})
        return (Target(f"ecs:{action}", arn, account, region, None, ""),)

    return find


def registering(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    """The target of RegisterTaskDefinition: whatever revision the family gets next."""
    kind = kind_of(TaskDefinition)
    arn = kind.arn(account, region, {"family": str(req.get("family") or ""), "revision": "*"})
    return (Target("ecs:RegisterTaskDefinition", arn, account, region, None, ""),)


def present(**members: Any) -> Any:
    """A wire structure of the members that have a value: what is None is left out."""
    return {name: value for name, value in members.items() if value is not None}
