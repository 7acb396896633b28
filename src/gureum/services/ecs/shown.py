"""Tasks as the wire shows them: DescribeTasks, RunTask and the events all tell the same."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gureum.kernel.context import Context
from gureum.kernel.records import kind_of
from gureum.services.ecs.launch import container_override
from gureum.services.ecs.operations import present
from gureum.services.ecs.records import Cluster, ContainerRun, Task, TaskDefinition

_ATTACHMENT = {"PROVISIONING": "PRECREATED", "STOPPED": "DELETED"}


def iso(at: float) -> str:
    """A time as events spell it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cluster_arn(ctx: Context, name: str) -> str:
    return kind_of(Cluster).arn(ctx.account, ctx.region, {"name": name})


def definition_arn(ctx: Context, name: str) -> str:
    """The ARN of `family:revision`."""
    family, _, revision = name.partition(":")
    return kind_of(TaskDefinition).arn(ctx.account, ctx.region, {"family": family, "revision": revision})


def task(ctx: Context, one: Task) -> Any:
    """A task without its tags."""
    arn = ctx.arn(one)
    return present(
        attachments=[_attachment(one)],
        attributes=[{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        availabilityZone=f"{ctx.region}a",
        capacityProviderName=one.provider or None,
        clusterArn=cluster_arn(ctx, one.cluster),
        connectivity="CONNECTED" if one.connected else None,
        connectivityAt=one.connected,
        containers=[_container(ctx, one, run) for run in one.containers],
        cpu=str(one.cpu),
        createdAt=one.created,
        desiredStatus=one.desired,
        enableExecuteCommand=one.execute,
        ephemeralStorage={"sizeInGiB": one.storage_gib},
        executionStoppedAt=one.execution_stopped,
        fargateEphemeralStorage={"sizeInGiB": one.storage_gib},
        group=one.group or None,
        healthStatus=one.health,
        lastStatus=one.status,
        launchType=one.launch_type or None,
        memory=str(one.memory),
        overrides=_overrides(one),
        platformVersion=one.platform_version,
        platformFamily="Linux",
        pullStartedAt=one.pull_started,
        pullStoppedAt=one.pull_stopped,
        startedAt=one.started,
        startedBy=one.started_by or None,
        stopCode=one.stop_code or None,
        stoppedAt=one.stopped,
        stoppedReason=one.stop_reason or None,
        stoppingAt=one.stopping,
        taskArn=arn,
        taskDefinitionArn=definition_arn(ctx, one.definition),
        version=one.version,
    )


def container_arn(ctx: Context, one: Task, run: ContainerRun) -> str:
    """`…:container/cluster/task/id`."""
    return ctx.arn(one).replace(":task/", ":container/", 1) + f"/{run.id}"


def _container(ctx: Context, one: Task, run: ContainerRun) -> Any:
    over = container_override(one, run.name)
    interfaces = [{"attachmentId": one.attachment, "privateIpv4Address": one.address}] if one.address else []
    return present(
        containerArn=container_arn(ctx, one, run),
        taskArn=ctx.arn(one),
        name=run.name,
        image=run.image,
        imageDigest=run.digest or None,
        runtimeId=run.runtime_id if run.started else None,
        lastStatus=run.status,
        exitCode=run.exit_code,
        reason=run.reason or None,
        networkBindings=[],
        networkInterfaces=interfaces,
        healthStatus=run.health,
        cpu=str(over.get("cpu") or 0),
        memory=str(over["memory"]) if "memory" in over else None,
        memoryReservation=str(over["memoryReservation"]) if "memoryReservation" in over else None,
    )


def _attachment(one: Task) -> Any:
    subnets = one.network.get("subnets") or [""]
    details = [{"name": "subnetId", "value": subnets[0]}]
    if one.address:
        details += [
            {"name": "macAddress", "value": one.mac},
            {"name": "privateIPv4Address", "value": one.address},
        ]
    status = _ATTACHMENT.get(one.status, "ATTACHED" if one.address else "PRECREATED")
    return {"id": one.attachment, "type": "ElasticNetworkInterface", "status": status, "details": details}


def _overrides(one: Task) -> Any:
    given = {item["name"]: item for item in one.overrides.get("containerOverrides") or ()}
    return {
        **{k: v for k, v in one.overrides.items() if k != "containerOverrides"},
        "containerOverrides": [given.get(run.name, {"name": run.name}) for run in one.containers],
        "inferenceAcceleratorOverrides": [],
    }
