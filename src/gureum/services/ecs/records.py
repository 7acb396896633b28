"""Clusters, task definitions, tasks, services, and what is kept beside them.

Members that AWS nests deeply (container definitions, overrides, network configuration) are kept as the wire spells
them. Times are epoch seconds.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from gureum.engines.containers.port import Handle
from gureum.kernel.records import Record, resource

TaskStatus = Literal["PROVISIONING", "PENDING", "RUNNING", "STOPPING", "DEPROVISIONING", "STOPPED"]
Health = Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"]
Wire = dict[str, Any]
_PLAIN = ("ResourceNotFoundException", "The specified resource could not be found.")


@resource("ecs", arn="cluster/{name}", missing=("ClusterNotFoundException", "Cluster not found."))
class Cluster(Record):
    """A cluster. INACTIVE ones stay describable, as AWS keeps them for a while."""

    name: str
    created: float
    status: Literal["ACTIVE", "INACTIVE"] = "ACTIVE"
    settings: tuple[Wire, ...] = ()
    configuration: Wire = msgspec.field(default_factory=dict)
    providers: tuple[str, ...] = ()
    strategy: tuple[Wire, ...] = ()


@resource("ecs", arn="task-definition-family/{name}", missing=_PLAIN, tagged=False)
class Family(Record):
    """The last revision number given out in a family: numbers are never given twice."""

    name: str
    last: int = 0


def _in_deletion(definition: TaskDefinition) -> str | None:
    return "yes" if definition.status == "DELETE_IN_PROGRESS" else None


@resource(
    "ecs",
    arn="task-definition/{family}:{revision}",
    missing=("ClientException", "Unable to describe task definition."),
    indexes={"family": lambda definition: definition.family, "deleting": _in_deletion},
)
class TaskDefinition(Record):
    """One revision. `body` is what was registered, with AWS's defaults filled in; `cpu`, `memory` are units, MiB."""

    family: str
    revision: str
    body: Wire
    registered: float
    registered_by: str
    status: Literal["ACTIVE", "INACTIVE", "DELETE_IN_PROGRESS"] = "ACTIVE"
    cpu: int = 0
    memory: int = 0
    fargate: bool = False
    deregistered: float = 0.0
    delete_requested: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.family}:{self.revision}"

    @property
    def containers(self) -> list[Wire]:
        found: list[Wire] = self.body["containerDefinitions"]
        return found


class ContainerRun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One container of a task, as the engine last showed it."""

    name: str
    image: str
    id: str
    runtime_id: str
    status: Literal["PENDING", "RUNNING", "STOPPED"] = "PENDING"
    exit_code: int | None = None
    reason: str = ""
    health: Health = "UNKNOWN"
    digest: str = ""
    image_id: str = ""
    started: float | None = None
    finished: float | None = None


def _of_service(task: Task) -> str | None:
    return f"{task.cluster}/{task.service}" if task.service else None


def _token(task: Task) -> str | None:
    return task.token or None


@resource(
    "ecs",
    arn="task/{cluster}/{id}",
    missing=("InvalidParameterException", "The referenced task was not found."),
    indexes={
        "cluster": lambda task: task.cluster,
        "service": _of_service,
        "definition": lambda task: task.definition,
        "token": _token,
    },
)
class Task(Record):
    """A task. The engine knows it as `ecs/<account>/<region>/<cluster>/<id>`; `handle` once it does.

    `definition` is `family:revision`; `asked` a fingerprint of the request behind an idempotency `token`.
    `judged` says that its service has counted its end.
    """

    cluster: str
    id: str
    created: float
    definition: str
    cpu: int
    memory: int
    containers: tuple[ContainerRun, ...]
    attachment: str
    version: int = 1
    status: TaskStatus = "PROVISIONING"
    desired: Literal["RUNNING", "STOPPED"] = "RUNNING"
    launch_type: str = ""
    provider: str = ""
    platform_version: str = "1.4.0"
    group: str = ""
    started_by: str = ""
    overrides: Wire = msgspec.field(default_factory=dict)
    network: Wire = msgspec.field(default_factory=dict)
    storage_gib: int = 20
    execute: bool = False
    service: str = ""
    deployment: str = ""
    token: str = ""
    asked: str = ""
    handle: Handle | None = None
    address: str = ""
    mac: str = ""
    health: Health = "UNKNOWN"
    stop_code: str = ""
    stop_reason: str = ""
    connected: float | None = None
    pull_started: float | None = None
    pull_stopped: float | None = None
    started: float | None = None
    stopping: float | None = None
    execution_stopped: float | None = None
    stopped: float | None = None
    protected_until: float = 0.0
    judged: bool = False
    checked: bool = False  # an essential container has a health check


@resource("ecs", arn="journal/{cluster}/{task}/{container}", missing=_PLAIN, tagged=False)
class Journal(Record):
    """How far one container's output has gone to CloudWatch Logs. `last` is when a line last came."""

    cluster: str
    task: str
    container: str
    group: str
    stream: str
    region: str
    role: str
    position: str = ""
    last: float = 0.0
    drained: bool = False


class Deployment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One deployment of a service: a task definition on its way to be what the service runs."""

    id: str
    revision: str  # the id of its service revision
    definition: str
    desired: int
    created: float
    updated: float
    network: Wire = msgspec.field(default_factory=dict)
    launch_type: str = ""
    strategy: tuple[Wire, ...] = ()
    platform_version: str = "1.4.0"
    status: Literal["PRIMARY", "ACTIVE"] = "PRIMARY"
    rollout: Literal["IN_PROGRESS", "COMPLETED", "FAILED"] = "IN_PROGRESS"
    reason: str = ""
    failed: int = 0
    rollback_of: str = ""


class ServiceEvent(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    created: float
    message: str


@resource(
    "ecs",
    arn="service/{cluster}/{name}",
    missing=("ServiceNotFoundException", "Service not found."),
    indexes={"cluster": lambda service: service.cluster},
)
class Service(Record):
    """A service. `retry_at`: tasks failed, none is started before. `stable` is the last deployment that completed."""

    cluster: str
    name: str
    created: float
    created_by: str
    desired: int
    definition: str
    deployments: tuple[Deployment, ...]
    status: Literal["ACTIVE", "DRAINING", "INACTIVE"] = "ACTIVE"
    events: tuple[ServiceEvent, ...] = ()
    launch_type: str = ""
    strategy: tuple[Wire, ...] = ()
    platform_version: str = "LATEST"
    network: Wire = msgspec.field(default_factory=dict)
    minimum_percent: int = 100
    maximum_percent: int = 200
    breaker: bool = False
    rollback: bool = False
    reset_on_healthy: bool = True
    managed_tags: bool = False
    propagate: str = "NONE"
    execute: bool = False
    token: str = ""
    asked: str = ""
    steady: bool = False
    impaired: bool = False
    short_lives: int = 0
    retry_at: float = 0.0
    stable: Deployment | None = None
    inactive_at: float = 0.0


@resource(
    "ecs",
    arn="service-revision/{cluster}/{service}/{id}",
    missing=("InvalidParameterException", "The specified service revision was not found."),
    indexes={"service": lambda one: f"{one.cluster}/{one.service}"},
    tagged=False,
)
class ServiceRevision(Record):
    """What a deployment was to bring, kept as it was."""

    cluster: str
    service: str
    id: str
    created: float
    definition: str
    network: Wire = msgspec.field(default_factory=dict)
    launch_type: str = ""
    strategy: tuple[Wire, ...] = ()
    platform_version: str = "1.4.0"
    images: tuple[Wire, ...] = ()


@resource(
    "ecs",
    arn="service-deployment/{cluster}/{service}/{id}",
    missing=("InvalidParameterException", "The specified service deployment was not found."),
    indexes={"service": lambda one: f"{one.cluster}/{one.service}"},
    tagged=False,
)
class ServiceDeployment(Record):
    """The story of one deployment: from which revisions to which, and how it ended."""

    cluster: str
    service: str
    id: str
    deployment: str
    target: str
    sources: tuple[str, ...]
    created: float
    updated: float
    configuration: Wire
    desired: int
    status: str = "IN_PROGRESS"
    reason: str = ""
    finished: float | None = None
    running: int = 0
    failed: int = 0
    rollback_to: str = ""
    rollback_reason: str = ""
    rollback_at: float | None = None


@resource(
    "ecs", arn="account-setting/{principal}/{name}", key=("principal", "name"), missing=_PLAIN, tagged=False
)
class AccountSetting(Record):
    """A setting of one principal, or of the account's default (principal "")."""

    principal: str
    name: str
    value: str
