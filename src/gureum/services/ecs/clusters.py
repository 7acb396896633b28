"""Clusters and their capacity providers: Fargate's two, which every account has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import pages, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.ecs.operations import DEFAULT_CLUSTER, cluster_name, ops, present
from gureum.services.ecs.records import Cluster, Service, Task
from gureum.services.ecs.rules import FARGATE_PROVIDERS, is_name

if TYPE_CHECKING:
    from gureum.api import ecs as api

_NOT_ASSOCIATED = (
    "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the "
    "cluster. Associate the capacity provider with the cluster and try again."
)
_PROVIDER_PAGES = pages.Paginator("nextToken", "nextToken", "maxResults", "capacityProviders", "")
_INSIGHTS = frozenset({"enabled", "disabled", "enhanced"})


def need_cluster(ctx: Context, value: str | None) -> Cluster:
    """The active cluster that a request names. Fault: ClusterNotFoundException."""
    table = ctx.table(Cluster)
    found = table.need(cluster_name(value))
    if found.status == "INACTIVE":
        raise table.missing(found.name)
    return found


def show(ctx: Context, cluster: Cluster, include: Sequence[str] = ()) -> Any:
    """A cluster on the wire; `include` names the parts that are left out unless asked for."""
    arn = ctx.arn(cluster)
    tasks = [task for task in ctx.table(Task).find("cluster", cluster.name) if task.status != "STOPPED"]
    services = [one for one in ctx.table(Service).find("cluster", cluster.name) if one.status != "INACTIVE"]
    running = sum(task.status in {"RUNNING", "STOPPING"} for task in tasks)
    pending = sum(task.status in {"PROVISIONING", "PENDING"} for task in tasks)
    active = sum(one.status == "ACTIVE" for one in services)
    counts = {
        "runningFargateTasksCount": running,
        "pendingFargateTasksCount": pending,
        "activeFargateServiceCount": active,
        "drainingFargateServiceCount": len(services) - active,
    }
    return present(
        clusterArn=arn,
        clusterName=cluster.name,
        status=cluster.status,
        registeredContainerInstancesCount=0,
        runningTasksCount=running,
        pendingTasksCount=pending,
        activeServicesCount=active,
        statistics=[{"name": k, "value": str(v)} for k, v in counts.items()]
        if "STATISTICS" in include
        else [],
        tags=tags.show(ctx.tags.of(arn), "key", "value") if "TAGS" in include else [],
        settings=list(cluster.settings) if "SETTINGS" in include else [],
        configuration=cluster.configuration or None if "CONFIGURATIONS" in include else None,
        capacityProviders=list(cluster.providers),
        defaultCapacityProviderStrategy=list(cluster.strategy),
    )


@ops.on(Cluster, "clusterName", default=DEFAULT_CLUSTER)
def create_cluster(ctx: Context, req: api.CreateClusterRequest) -> api.CreateClusterResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html"""
    name = req.get("clusterName") or DEFAULT_CLUSTER
    if not is_name(name):
        raise Fault("InvalidParameterException", "Identifier contains invalid characters.")
    refuse(req, "serviceConnectDefaults")
    table = ctx.table(Cluster)
    found = table.get(name)
    if found is not None and found.status == "ACTIVE":
        return {"cluster": show(ctx, found, ("TAGS", "SETTINGS", "CONFIGURATIONS"))}
    providers = tuple(req.get("capacityProviders") or ())
    _check_providers(providers)
    strategy = tuple(req.get("defaultCapacityProviderStrategy") or ())
    cluster = Cluster(
        name=name,
        created=ctx.now,
        settings=_settings(req.get("settings") or ()),
        configuration=_configuration(req.get("configuration")),
        providers=providers,
        strategy=check_strategy(strategy, providers),
    )
    table.put(cluster)
    arn = ctx.arn(cluster)
    ctx.tags.forget(arn)
    ctx.tags.put(arn, tags.read(req.get("tags")), too_many="InvalidParameterException")
    return {"cluster": show(ctx, cluster, ("TAGS", "SETTINGS", "CONFIGURATIONS"))}


@ops.on()
def list_clusters(ctx: Context, req: api.ListClustersRequest) -> api.ListClustersResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListClusters.html"""
    table = ctx.table(Cluster)
    return ctx.page(req).table(table, ctx.arn, where=lambda one: one.status == "ACTIVE")  # type: ignore[return-value]


@ops.on()
def describe_clusters(ctx: Context, req: api.DescribeClustersRequest) -> api.DescribeClustersResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html"""
    found, missing = [], []
    table = ctx.table(Cluster)
    for value in req.get("clusters") or [DEFAULT_CLUSTER]:
        name = cluster_name(value)
        if (cluster := table.get(name)) is None:
            missing.append(
                {"arn": table.kind.arn(ctx.account, ctx.region, {"name": name}), "reason": "MISSING"}
            )
        else:
            found.append(show(ctx, cluster, req.get("include") or ()))
    return {"clusters": found, "failures": missing}  # type: ignore[typeddict-item]


@ops.on(Cluster, "cluster")
def update_cluster(ctx: Context, req: api.UpdateClusterRequest) -> api.UpdateClusterResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateCluster.html"""
    refuse(req, "serviceConnectDefaults")
    cluster = need_cluster(ctx, req["cluster"])
    if "settings" in req:
        cluster = replace(cluster, settings=_settings(req["settings"]))
    if "configuration" in req:
        cluster = replace(cluster, configuration=_configuration(req["configuration"]))
    ctx.table(Cluster).put(cluster)
    return {"cluster": show(ctx, cluster, ("TAGS", "SETTINGS", "CONFIGURATIONS"))}


@ops.on(Cluster, "cluster")
def update_cluster_settings(
    ctx: Context, req: api.UpdateClusterSettingsRequest
) -> api.UpdateClusterSettingsResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateClusterSettings.html"""
    cluster = replace(need_cluster(ctx, req["cluster"]), settings=_settings(req["settings"]))
    ctx.table(Cluster).put(cluster)
    return {"cluster": show(ctx, cluster, ("SETTINGS",))}


@ops.on(Cluster, "cluster")
def delete_cluster(ctx: Context, req: api.DeleteClusterRequest) -> api.DeleteClusterResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteCluster.html"""
    cluster = need_cluster(ctx, req["cluster"])
    if any(one.status != "INACTIVE" for one in ctx.table(Service).find("cluster", cluster.name)):
        raise Fault(
            "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
        )
    if any(task.status != "STOPPED" for task in ctx.table(Task).find("cluster", cluster.name)):
        raise Fault("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    gone = ctx.table(Cluster).put(replace(cluster, status="INACTIVE"))
    ctx.tags.forget(ctx.arn(gone))
    return {"cluster": show(ctx, gone, ("SETTINGS",))}


@ops.on(Cluster, "cluster")
def put_cluster_capacity_providers(
    ctx: Context, req: api.PutClusterCapacityProvidersRequest
) -> api.PutClusterCapacityProvidersResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutClusterCapacityProviders.html"""
    providers = tuple(req["capacityProviders"])
    _check_providers(providers)
    strategy = check_strategy(tuple(req["defaultCapacityProviderStrategy"]), providers)
    cluster = replace(need_cluster(ctx, req["cluster"]), providers=providers, strategy=strategy)
    ctx.table(Cluster).put(cluster)
    return {"cluster": show(ctx, cluster, ("SETTINGS",))}


@ops.on()
def describe_capacity_providers(
    ctx: Context, req: api.DescribeCapacityProvidersRequest
) -> api.DescribeCapacityProvidersResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeCapacityProviders.html"""
    asked = [value.rpartition("/")[2] for value in req.get("capacityProviders") or FARGATE_PROVIDERS]
    if "cluster" in req:
        held = need_cluster(ctx, req["cluster"]).providers
        asked = [name for name in asked if name in held]
    with_tags = "TAGS" in (req.get("include") or ())
    names = sorted(name for name in asked if name in FARGATE_PROVIDERS)
    found = ctx.page(req, 10, _PROVIDER_PAGES).items(names, str, lambda name: _provider(ctx, name, with_tags))
    unknown = [name for name in asked if name not in FARGATE_PROVIDERS]
    found["failures"] = [{"arn": _provider_arn(ctx, name), "reason": "MISSING"} for name in unknown]
    return found  # type: ignore[return-value]


def _provider(ctx: Context, name: str, with_tags: bool) -> Any:
    arn = _provider_arn(ctx, name)
    shown = tags.show(ctx.tags.of(arn), "key", "value") if with_tags else None
    return present(capacityProviderArn=arn, name=name, status="ACTIVE", tags=shown)


def check_strategy(strategy: Sequence[Any], providers: Sequence[str]) -> tuple[Any, ...]:
    """A strategy whose providers the cluster has. Fault: InvalidParameterException."""
    if any(item["capacityProvider"] not in providers for item in strategy):
        raise Fault("InvalidParameterException", _NOT_ASSOCIATED)
    if sum(bool(item.get("base")) for item in strategy) > 1:
        raise Fault(
            "InvalidParameterException",
            "The specified capacity provider strategy can contain only one capacity provider with a base value.",
        )
    if strategy and len(strategy) > 1 and not any(item.get("weight") for item in strategy):
        raise Fault(
            "InvalidParameterException",
            "A capacity provider strategy must contain at least one capacity provider with a weight greater than 0.",
        )
    return tuple({"base": 0, "weight": 0 if len(strategy) > 1 else 1, **item} for item in strategy)


def refuse(req: Mapping[str, Any], *members: str) -> None:
    """Refuse members that mean what is not built."""
    for member in members:
        if req.get(member):
            raise Fault("UnsupportedFeatureException", f"{member} is not built in this cloud.")


def _provider_arn(ctx: Context, name: str) -> str:
    cluster = ctx.table(Cluster).kind.arn(ctx.account, ctx.region, {"name": ""})
    return cluster.removesuffix("cluster/") + "capacity-provider/" + name


def _check_providers(names: Sequence[str]) -> None:
    for name in names:
        if name not in FARGATE_PROVIDERS:
            raise Fault(
                "InvalidParameterException", f"The specified capacity provider '{name}' was not found."
            )


def _settings(given: Sequence[Mapping[str, Any]]) -> tuple[dict[str, Any], ...]:
    for setting in given:
        if setting.get("value") not in _INSIGHTS:
            raise Fault(
                "InvalidParameterException", f"The setting value '{setting.get('value')}' is invalid."
            )
    return tuple(dict(setting) for setting in given) or ({"name": "containerInsights", "value": "disabled"},)


def _configuration(given: Mapping[str, Any] | None) -> dict[str, Any]:
    refuse(given or {}, "managedStorageConfiguration")
    return dict(given or {})
