"""Deployments of services: begun, and their stories and revisions shown afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids, pages
from gureum.kernel.context import Context
from gureum.kernel.records import kind_of
from gureum.services.ecs import rules, shown
from gureum.services.ecs.clusters import need_cluster
from gureum.services.ecs.operations import cluster_key, in_cluster, ops, present
from gureum.services.ecs.records import (
    Deployment,
    Service,
    ServiceDeployment,
    ServiceEvent,
    ServiceRevision,
    TaskDefinition,
)

if TYPE_CHECKING:
    from gureum.api import ecs as api

_EVENTS_KEPT = 100
_PAGES = pages.Paginator("nextToken", "nextToken", "maxResults", "serviceDeployments", "")


def begin_deployment(
    ctx: Context, service: Service, *, like: Deployment | None = None, reason: str = ""
) -> Service:
    """The service with a new primary deployment of what it now asks for, or of an earlier one to roll back to."""
    id = f"ecs-svc/{int(ids.hexadecimal(15), 16) % 10**19:019d}"
    number = id.rpartition("/")[2]
    old = service.deployments
    if like is not None:
        service = replace(
            service,
            definition=like.definition,
            network=like.network,
            launch_type=like.launch_type,
            strategy=like.strategy,
        )
    text = reason or f"ECS deployment {id} in progress."
    new = Deployment(
        id=id,
        revision=like.revision if like is not None else number,
        definition=service.definition,
        desired=service.desired,
        created=ctx.now,
        updated=ctx.now,
        network=service.network,
        launch_type=service.launch_type,
        strategy=service.strategy,
        reason=text,
        rollback_of=old[0].id if like is not None and old else "",
    )
    rest = tuple(replace(one, status="ACTIVE", updated=ctx.now) for one in old)
    service = replace(service, deployments=(new, *rest), steady=False, retry_at=0.0, short_lives=0)
    if like is None:
        _keep_revision(ctx, service, new)
    ctx.table(ServiceDeployment).put(
        ServiceDeployment(
            cluster=service.cluster,
            service=service.name,
            id=ids.alphanumeric(21),
            deployment=id,
            target=new.revision,
            sources=tuple(dict.fromkeys(one.revision for one in rest)),
            created=ctx.now,
            updated=ctx.now,
            configuration=_configuration(service),
            desired=service.desired,
        )
    )
    tell_deployment(ctx, service, new, "SERVICE_DEPLOYMENT_IN_PROGRESS", text)
    return service


def tell_deployment(ctx: Context, service: Service, one: Deployment, name: str, reason: str) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_deployment_events.html"""
    level = "ERROR" if name.endswith("FAILED") else "INFO"
    detail = {
        "eventType": level,
        "eventName": name,
        "deploymentId": one.id,
        "updatedAt": shown.iso(ctx.now),
        "reason": reason,
    }
    ctx.tell("ECS Deployment State Change", detail, [ctx.arn(service)])


def tell_action(ctx: Context, service: Service, name: str, level: str = "INFO", **more: Any) -> None:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_service_events.html"""
    detail = {
        "eventType": level,
        "eventName": name,
        "clusterArn": shown.cluster_arn(ctx, service.cluster),
        "createdAt": shown.iso(ctx.now),
        **more,
    }
    ctx.tell("ECS Service Action", detail, [ctx.arn(service)])


def noted(ctx: Context, service: Service, message: str) -> Service:
    """The service with one more event; the newest stand first, a hundred are kept."""
    event = ServiceEvent(id=ctx.new_id(), created=ctx.now, message=f"(service {service.name}) {message}")
    return replace(service, events=(event, *service.events[: _EVENTS_KEPT - 1]))


def story_of(ctx: Context, service: Service, deployment: str) -> ServiceDeployment | None:
    """The record of a deployment's course."""
    found = ctx.table(ServiceDeployment).find("service", f"{service.cluster}/{service.name}")
    return next((one for one in found if one.deployment == deployment), None)


def revision_arn(ctx: Context, service: Service, id: str) -> str:
    named = {"cluster": service.cluster, "service": service.name, "id": id}
    return kind_of(ServiceRevision).arn(ctx.account, ctx.region, named)


def _keep_revision(ctx: Context, service: Service, one: Deployment) -> None:
    definition = ctx.table(TaskDefinition).need(*one.definition.split(":"))
    images = tuple({"containerName": c["name"], "image": c["image"]} for c in definition.containers)
    ctx.table(ServiceRevision).put(
        ServiceRevision(
            cluster=service.cluster,
            service=service.name,
            id=one.revision,
            created=ctx.now,
            definition=one.definition,
            network=one.network,
            launch_type=one.launch_type,
            strategy=one.strategy,
            images=images,
        )
    )


def _configuration(service: Service) -> Any:
    return {
        "deploymentCircuitBreaker": {"enable": service.breaker, "rollback": service.rollback},
        "maximumPercent": service.maximum_percent,
        "minimumHealthyPercent": service.minimum_percent,
        "strategy": "ROLLING",
    }


@ops.on()
def describe_service_revisions(
    ctx: Context, req: api.DescribeServiceRevisionsRequest
) -> api.DescribeServiceRevisionsResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html"""
    found, missing = [], []
    for arn in req["serviceRevisionArns"]:
        place = kind_of(ServiceRevision).parse(arn)
        one = ctx.table(ServiceRevision).get(*place.key.split("\x1f")) if place else None
        if one is None:
            missing.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(_revision(ctx, one))
    return {"serviceRevisions": found, "failures": missing}  # type: ignore[typeddict-item]


@ops.on()
def describe_service_deployments(
    ctx: Context, req: api.DescribeServiceDeploymentsRequest
) -> api.DescribeServiceDeploymentsResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html"""
    found, missing = [], []
    for arn in req["serviceDeploymentArns"]:
        place = kind_of(ServiceDeployment).parse(arn)
        one = ctx.table(ServiceDeployment).get(*place.key.split("\x1f")) if place else None
        if one is None:
            missing.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(_story(ctx, one))
    return {"serviceDeployments": found, "failures": missing}  # type: ignore[typeddict-item]


@ops.on(keys=cluster_key)
def list_service_deployments(
    ctx: Context, req: api.ListServiceDeploymentsRequest
) -> api.ListServiceDeploymentsResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServiceDeployments.html"""
    cluster = need_cluster(ctx, req.get("cluster"))
    service = ctx.table(Service).need(*in_cluster(kind_of(Service), req["service"], cluster.name))
    found = list(ctx.table(ServiceDeployment).find("service", f"{service.cluster}/{service.name}"))
    states, made = req.get("status"), req.get("createdAt") or {}
    if states:
        found = [one for one in found if one.status in states]
    if "after" in made:
        found = [one for one in found if one.created > _seconds(made["after"])]
    if "before" in made:
        found = [one for one in found if one.created < _seconds(made["before"])]
    return ctx.page(req, 20, _PAGES).items(found, _newest_first, lambda one: _brief(ctx, one))  # type: ignore[return-value]


def _newest_first(one: ServiceDeployment) -> str:
    return f"{10**14 - int(one.created * 1000):015d}{one.id}"


def _seconds(value: Any) -> float:
    return float(value.timestamp()) if hasattr(value, "timestamp") else float(value)


def _revision(ctx: Context, one: ServiceRevision) -> Any:
    service = kind_of(Service).arn(ctx.account, ctx.region, {"cluster": one.cluster, "name": one.service})
    return present(
        serviceRevisionArn=ctx.arn(one),
        serviceArn=service,
        clusterArn=shown.cluster_arn(ctx, one.cluster),
        taskDefinition=shown.definition_arn(ctx, one.definition),
        capacityProviderStrategy=list(one.strategy) or None,
        launchType=one.launch_type or None,
        platformVersion=rules.PLATFORM_VERSION,
        platformFamily="Linux",
        networkConfiguration={"awsvpcConfiguration": one.network},
        containerImages=list(one.images),
        guardDutyEnabled=False,
        createdAt=one.created,
    )


def _summary(ctx: Context, one: ServiceDeployment, id: str, **counts: int) -> Any:
    named = {"cluster": one.cluster, "service": one.service, "id": id}
    return {"arn": kind_of(ServiceRevision).arn(ctx.account, ctx.region, named), **counts}


def _brief(ctx: Context, one: ServiceDeployment) -> Any:
    named = {"cluster": one.cluster, "service": one.service, "id": one.target}
    return present(
        serviceDeploymentArn=ctx.arn(one),
        serviceArn=kind_of(Service).arn(
            ctx.account, ctx.region, {"cluster": one.cluster, "name": one.service}
        ),
        clusterArn=shown.cluster_arn(ctx, one.cluster),
        startedAt=one.created,
        createdAt=one.created,
        finishedAt=one.finished,
        targetServiceRevisionArn=kind_of(ServiceRevision).arn(ctx.account, ctx.region, named),
        status=one.status,
        statusReason=one.reason or None,
    )


def _story(ctx: Context, one: ServiceDeployment) -> Any:
    breaker = one.configuration["deploymentCircuitBreaker"]
    threshold = rules.breaker_threshold(one.desired)
    tripped = one.status.startswith("ROLLBACK") or (one.status == "STOPPED" and one.failed >= threshold)
    state = "DISABLED" if not breaker["enable"] else "TRIGGERED" if tripped else "MONITORING"
    if state == "MONITORING" and one.finished:
        state = "MONITORING_COMPLETE"
    rollback = {
        "reason": one.rollback_reason,
        "startedAt": one.rollback_at,
        "serviceRevisionArn": _summary(ctx, one, one.rollback_to)["arn"],
    }
    return present(
        **{k: v for k, v in _brief(ctx, one).items() if k != "targetServiceRevisionArn"},
        updatedAt=one.updated,
        sourceServiceRevisions=[_summary(ctx, one, id) for id in one.sources],
        targetServiceRevision=_summary(
            ctx,
            one,
            one.target,
            requestedTaskCount=one.desired,
            runningTaskCount=one.running,
            pendingTaskCount=0,
        ),
        deploymentConfiguration=one.configuration,
        rollback=rollback if one.rollback_to else None,
        deploymentCircuitBreaker={"status": state, "failureCount": one.failed, "threshold": threshold},
    )
