"""Services: how many tasks of which definition are to run, made, changed, shown and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.ecs import rules, shown
from gureum.services.ecs.clusters import need_cluster, refuse
from gureum.services.ecs.deployments import begin_deployment, revision_arn, story_of
from gureum.services.ecs.operations import cluster_key, in_cluster, named, ops, present
from gureum.services.ecs.records import Cluster, Deployment, Service, Task, TaskDefinition
from gureum.services.ecs.task_definitions import pass_roles
from gureum.services.ecs.tasks import capacity, fingerprint, need_runnable, network_of, platform

if TYPE_CHECKING:
    from gureum.api import ecs as api

_ABSENT = (
    "loadBalancers",
    "serviceRegistries",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
    "role",
    "healthCheckGracePeriodSeconds",
)
_ABSENT_OF_DEPLOYMENTS = (
    "alarms",
    "lifecycleHooks",
    "bakeTimeInMinutes",
    "linearConfiguration",
    "canaryConfiguration",
    "earlySuccessCriteria",
)


def show(ctx: Context, service: Service) -> Any:
    """A service on the wire, without its tags. Counts are of the tasks as they are now."""
    found = [task for task in ctx.table(Task).find("service", f"{service.cluster}/{service.name}")]
    story = story_of(ctx, service, service.deployments[0].id) if service.deployments else None
    current = [one for one in service.deployments if one.rollout == "COMPLETED"] or list(service.deployments)
    return present(
        serviceArn=ctx.arn(service),
        serviceName=service.name,
        clusterArn=shown.cluster_arn(ctx, service.cluster),
        loadBalancers=[],
        serviceRegistries=[],
        status=service.status,
        desiredCount=service.desired,
        runningCount=_running(found),
        pendingCount=_pending(found),
        launchType=service.launch_type or None,
        capacityProviderStrategy=list(service.strategy) or None,
        platformVersion=service.platform_version,
        platformFamily="Linux",
        taskDefinition=shown.definition_arn(ctx, service.definition),
        deploymentConfiguration=configuration(service),
        deployments=[_deployment(ctx, service, one, found) for one in service.deployments],
        events=[
            {"id": event.id, "createdAt": event.created, "message": event.message} for event in service.events
        ],
        createdAt=service.created,
        createdBy=service.created_by,
        currentServiceDeployment=ctx.arn(story) if story else None,
        currentServiceRevisions=[
            {
                "arn": revision_arn(ctx, service, one.revision),
                "requestedTaskCount": service.desired,
                "runningTaskCount": _running([task for task in found if task.deployment == one.id]),
                "pendingTaskCount": _pending([task for task in found if task.deployment == one.id]),
            }
            for one in current
        ],
        placementConstraints=[],
        placementStrategy=[],
        networkConfiguration={"awsvpcConfiguration": service.network},
        schedulingStrategy="REPLICA",
        deploymentController={"type": "ECS"},
        enableECSManagedTags=service.managed_tags,
        propagateTags=service.propagate,
        enableExecuteCommand=service.execute,
        availabilityZoneRebalancing="DISABLED",
    )


def configuration(service: Service) -> Any:
    """A service's `deploymentConfiguration`."""
    breaker = {"enable": service.breaker, "rollback": service.rollback}
    return {
        "deploymentCircuitBreaker": {**breaker, "resetOnHealthyTask": service.reset_on_healthy},
        "maximumPercent": service.maximum_percent,
        "minimumHealthyPercent": service.minimum_percent,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    }


def _deployment(ctx: Context, service: Service, one: Deployment, found: list[Task]) -> Any:
    own = [task for task in found if task.deployment == one.id]
    return present(
        id=one.id,
        status=one.status,
        taskDefinition=shown.definition_arn(ctx, one.definition),
        desiredCount=one.desired,
        pendingCount=_pending(own),
        runningCount=_running(own),
        failedTasks=one.failed,
        createdAt=one.created,
        updatedAt=one.updated,
        capacityProviderStrategy=list(one.strategy) or None,
        launchType=one.launch_type or None,
        platformVersion=one.platform_version,
        platformFamily="Linux",
        networkConfiguration={"awsvpcConfiguration": one.network},
        rolloutState=one.rollout,
        rolloutStateReason=one.reason,
    )


def _running(found: list[Task]) -> int:
    return sum(task.status == "RUNNING" for task in found)


def _pending(found: list[Task]) -> int:
    return sum(task.status in {"PROVISIONING", "PENDING"} and task.desired == "RUNNING" for task in found)


@ops.on(Service, targets=named(Service, "CreateService", "serviceName"), keys=cluster_key)
def create_service(ctx: Context, req: api.CreateServiceRequest) -> api.CreateServiceResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html"""
    cluster = need_cluster(ctx, req.get("cluster"))
    name, token, asked = req["serviceName"], req.get("clientToken") or "", fingerprint(req)
    if not rules.is_name(name):
        raise Fault("InvalidParameterException", "Service name contains invalid characters.")
    _refuse_absent(req)
    table = ctx.table(Service)
    before = table.get(cluster.name, name)
    if before is not None and before.status != "INACTIVE":
        if before.asked == asked and before.token == token:
            return {"service": show(ctx, before)}
        if before.status == "DRAINING":
            raise Fault("InvalidParameterException", "Unable to Start a service that is still Draining.")
        raise Fault("InvalidParameterException", "Creation of service was not idempotent.")
    if not req.get("taskDefinition"):
        raise Fault("InvalidParameterException", "TaskDefinition can not be blank.")
    if "desiredCount" not in req or req["desiredCount"] < 0:
        raise Fault("InvalidParameterException", "Desired count can not be null or negative.")
    definition = need_runnable(ctx, req["taskDefinition"])
    _pass(ctx, definition)
    launch_type, strategy = _capacity(cluster, req)
    service = Service(
        cluster=cluster.name,
        name=name,
        created=ctx.now,
        created_by=ctx.principal.arn,
        desired=req["desiredCount"],
        definition=definition.name,
        deployments=(),
        launch_type=launch_type,
        strategy=strategy,
        platform_version=req.get("platformVersion") or "LATEST",
        network=network_of(req),
        managed_tags=bool(req.get("enableECSManagedTags")),
        propagate=_propagate(req),
        execute=bool(req.get("enableExecuteCommand")),
        token=token,
        asked=asked,
    )
    platform(req)
    service = _configured(service, req.get("deploymentConfiguration") or {})
    service = begin_deployment(ctx, service)
    table.put(service)
    arn = ctx.arn(service)
    ctx.tags.forget(arn)
    given = tags.read(req.get("tags"))
    ctx.tags.put(arn, given, too_many="InvalidParameterException")
    return {"service": {**show(ctx, service), "tags": tags.show(given, "key", "value")}}  # type: ignore[typeddict-item]


@ops.on(Service, targets=named(Service, "UpdateService", "service"), keys=cluster_key)
def update_service(ctx: Context, req: api.UpdateServiceRequest) -> api.UpdateServiceResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html"""
    _refuse_absent(req)
    service = need_service(ctx, req)
    if service.status != "ACTIVE":
        raise Fault("ServiceNotActiveException", "Service was not ACTIVE.")
    before = service
    if "desiredCount" in req:
        if req["desiredCount"] < 0:
            raise Fault("InvalidParameterException", "Desired count can not be null or negative.")
        service = replace(service, desired=req["desiredCount"], steady=False)
    if "taskDefinition" in req:
        definition = need_runnable(ctx, req["taskDefinition"])
        _pass(ctx, definition)
        service = replace(service, definition=definition.name)
    if "networkConfiguration" in req:
        service = replace(service, network=network_of(req))
    if "platformVersion" in req:
        platform(req)
        service = replace(service, platform_version=req["platformVersion"])
    if req.get("capacityProviderStrategy"):
        launch_type, strategy = _capacity(need_cluster(ctx, service.cluster), req)
        service = replace(service, launch_type=launch_type, strategy=strategy)
    if "enableECSManagedTags" in req:
        service = replace(service, managed_tags=req["enableECSManagedTags"])
    if "propagateTags" in req:
        service = replace(service, propagate=_propagate(req))
    if "enableExecuteCommand" in req:
        service = replace(service, execute=req["enableExecuteCommand"])
    service = _configured(service, req.get("deploymentConfiguration") or {})
    if req.get("forceNewDeployment") or _differs(service, before):
        service = begin_deployment(ctx, service)
    else:
        first, *rest = service.deployments
        service = replace(
            service, deployments=(replace(first, desired=service.desired, updated=ctx.now), *rest)
        )
    ctx.table(Service).put(replace(service, retry_at=0.0, short_lives=0))
    return {"service": show(ctx, service)}


@ops.on(Service, targets=named(Service, "DeleteService", "service"), keys=cluster_key)
def delete_service(ctx: Context, req: api.DeleteServiceRequest) -> api.DeleteServiceResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html"""
    service = need_service(ctx, req)
    if service.status == "INACTIVE":
        raise Fault("ServiceNotFoundException", "Service not found.")
    if service.desired > 0 and not req.get("force"):
        raise Fault("InvalidParameterException", "The service cannot be stopped while it is scaled above 0.")
    service = replace(service, status="DRAINING", desired=0)
    ctx.table(Service).put(service)
    return {"service": show(ctx, service)}


@ops.on(Service, targets=named(Service, "DescribeServices", "services"), keys=cluster_key)
def describe_services(ctx: Context, req: api.DescribeServicesRequest) -> api.DescribeServicesResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html"""
    cluster = need_cluster(ctx, req.get("cluster"))
    asked = req["services"]
    if not asked:
        raise Fault("InvalidParameterException", "Services cannot be empty.")
    if len(asked) > 10:
        raise Fault("InvalidParameterException", "Services cannot have more than 10 elements.")
    found, missing = [], []
    table = ctx.table(Service)
    for value in asked:
        key = in_cluster(table.kind, value, cluster.name)
        if (service := table.get(*key)) is None:
            arn = table.kind.arn(ctx.account, ctx.region, {"cluster": key[0], "name": key[1]})
            missing.append({"arn": arn, "reason": "MISSING"})
            continue
        one = show(ctx, service)
        if "TAGS" in (req.get("include") or ()):
            one["tags"] = tags.show(ctx.tags.of(ctx.arn(service)), "key", "value")
        found.append(one)
    return {"services": found, "failures": missing}  # type: ignore[typeddict-item]


@ops.on(keys=cluster_key)
def list_services(ctx: Context, req: api.ListServicesRequest) -> api.ListServicesResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html"""
    cluster = need_cluster(ctx, req.get("cluster"))
    launch_type, scheduling = req.get("launchType"), req.get("schedulingStrategy") or "REPLICA"

    def wanted(service: Service) -> bool:
        if (
            service.status == "INACTIVE"
            or scheduling != "REPLICA"
            or req.get("resourceManagementType") == "ECS"
        ):
            return False
        return not launch_type or service.launch_type == launch_type

    table = ctx.table(Service)
    found = ctx.page(req, 10 if "maxResults" not in req else 100).table(
        table, ctx.arn, index=("cluster", cluster.name), where=wanted
    )
    return found  # type: ignore[return-value]


def need_service(ctx: Context, req: Mapping[str, Any]) -> Service:
    """The service that a request names. Faults: ClusterNotFoundException, ServiceNotFoundException."""
    cluster = need_cluster(ctx, req.get("cluster"))
    return ctx.table(Service).need(*in_cluster(kind_of(Service), req["service"], cluster.name))


def _pass(ctx: Context, definition: TaskDefinition) -> None:
    body = definition.body
    pass_roles(ctx, body.get("taskRoleArn"), body.get("executionRoleArn"))


def _capacity(cluster: Cluster, req: Mapping[str, Any]) -> tuple[str, tuple[Any, ...]]:
    if req.get("launchType") in {"EC2", "EXTERNAL", "MANAGED_INSTANCES"}:
        raise Fault(
            "UnsupportedFeatureException", f"The {req['launchType']} launch type is not built in this cloud."
        )
    return capacity(cluster, req)


def _propagate(req: Mapping[str, Any]) -> str:
    found: str = req.get("propagateTags") or "NONE"
    return found


def _refuse_absent(req: Mapping[str, Any]) -> None:
    refuse(req, *_ABSENT)
    for member in ("placementConstraints", "placementStrategy"):
        refuse(req, member)
    if req.get("schedulingStrategy", "REPLICA") != "REPLICA":
        raise Fault(
            "InvalidParameterException", "The DAEMON scheduling strategy is not supported with FARGATE."
        )
    controller = (req.get("deploymentController") or {}).get("type", "ECS")
    if controller != "ECS":
        raise Fault("UnsupportedFeatureException", f"The deployment controller {controller} is not built.")
    if req.get("availabilityZoneRebalancing") == "ENABLED":
        raise Fault("UnsupportedFeatureException", "availabilityZoneRebalancing is not built in this cloud.")
    given = req.get("deploymentConfiguration") or {}
    refuse(
        {k: v for k, v in given.items() if not (k == "alarms" and not v.get("enable"))},
        *_ABSENT_OF_DEPLOYMENTS,
    )
    if given.get("strategy", "ROLLING") != "ROLLING":
        raise Fault(
            "UnsupportedFeatureException", f"The deployment strategy {given['strategy']} is not built."
        )


def _configured(service: Service, given: Mapping[str, Any]) -> Service:
    low = given.get("minimumHealthyPercent", service.minimum_percent)
    high = given.get("maximumPercent", service.maximum_percent)
    if low < 0 or high <= 0 or high < low:
        raise Fault("InvalidParameterException", "The deployment percentages are not valid.")
    if low == high == 100:
        raise Fault(
            "InvalidParameterException",
            "The minimum healthy percent and the maximum percent cannot both be 100: no task could be replaced.",
        )
    breaker = given.get("deploymentCircuitBreaker")
    if breaker is not None:
        service = replace(
            service,
            breaker=breaker["enable"],
            rollback=breaker["rollback"],
            reset_on_healthy=breaker.get("resetOnHealthyTask", True),
        )
    return replace(service, minimum_percent=low, maximum_percent=high)


def _differs(after: Service, before: Service) -> bool:
    members = ("definition", "network", "platform_version", "launch_type", "strategy", "execute")
    return any(getattr(after, member) != getattr(before, member) for member in members)
