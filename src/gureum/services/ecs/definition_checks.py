"""What a task definition must be, in AWS's words, and what of it this cloud does not have.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gureum.kernel.faults import Fault
from gureum.services.ecs import rules

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,576}")
_OBJECT = re.compile(r"arn:aws[a-z-]*:s3:::[^/]+/.+\.env")
_LOG_OPTIONS = frozenset(
    {
        "awslogs-group",
        "awslogs-region",
        "awslogs-stream-prefix",
        "awslogs-create-group",
        "mode",
        "max-buffer-size",
    }
)
_NOT_ON_FARGATE = (
    "links",
    "dockerSecurityOptions",
    "disableNetworking",
    "hostname",
    "extraHosts",
    "dnsServers",
)
_ABSENT_OF_CONTAINERS = (
    "repositoryCredentials",
    "firelensConfiguration",
    "restartPolicy",
    "systemControls",
    "resourceRequirements",
    "credentialSpecs",
    "dnsSearchDomains",
)
_ABSENT_OF_DEFINITIONS = (
    "placementConstraints",
    "proxyConfiguration",
    "inferenceAccelerators",
    "pidMode",
    "ipcMode",
    "enableFaultInjection",
    "trustedExecutionConfiguration",
)
_CONDITIONS = frozenset({"START", "COMPLETE", "SUCCESS", "HEALTHY"})
_LINUX = frozenset({"capabilities", "initProcessEnabled"})


def check(req: Mapping[str, Any], cpu: int, memory: int, *, fargate: bool) -> None:
    """Refuse what AWS refuses (ClientException) and what is not built (the same, saying so)."""
    family, containers = req["family"], req["containerDefinitions"]
    if not rules.is_name(family):
        raise bad("Family contains invalid characters.")
    if not containers:
        raise bad("Container list cannot be empty.")
    for member in _ABSENT_OF_DEFINITIONS:
        _absent(req, member)
    for member in ("taskRoleArn", "executionRoleArn"):
        if req.get(member) and not _ROLE.fullmatch(req[member]):
            raise bad("Role is not valid")
    if fargate:
        _fargate(req, cpu, memory)
    volumes = {volume.get("name", "") for volume in req.get("volumes") or ()}
    for volume in req.get("volumes") or ():
        _volume(volume, fargate=fargate)
    names = [container.get("name", "") for container in containers]
    if len(set(names)) < len(names):
        raise bad("Container names must be unique within a task definition.")
    if not any(container.get("essential", True) for container in containers):
        raise bad("A task definition must have at least one essential container.")
    for container in containers:
        _container(container, set(names), volumes, fargate=fargate)
    _sums(containers, cpu, memory)
    _roles(req)
    depends = {c["name"]: [d["containerName"] for d in c.get("dependsOn") or ()] for c in containers}
    if rules.cyclic(depends):
        raise bad("The containers of the task definition depend on one another in a circle.")


def suits_fargate(req: Mapping[str, Any], cpu: int, memory: int) -> bool:
    """Whether Fargate would take a definition that does not ask for it."""
    try:
        check(req, cpu, memory, fargate=True)
    except Fault:
        return False
    return True


def bad(text: str) -> Fault:
    return Fault("ClientException", text)


def _fargate(req: Mapping[str, Any], cpu: int, memory: int) -> None:
    if req.get("networkMode") != "awsvpc":
        raise bad("Fargate only supports network mode ‘awsvpc’.")
    if not cpu:
        raise bad("Fargate requires that 'cpu' be defined at the task level.")
    if not memory:
        raise bad("Fargate requires that 'memory' be defined at the task level.")
    if not rules.fits_fargate(cpu, memory):
        raise bad(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. See the Amazon ECS "
            "documentation for the valid values."
        )
    size = (req.get("ephemeralStorage") or {}).get("sizeInGiB")
    if size is not None and not rules.SMALLEST_STORAGE_GIB <= size <= rules.LARGEST_STORAGE_GIB:
        raise bad(
            f"The value for sizeInGiB must be between {rules.SMALLEST_STORAGE_GIB} and {rules.LARGEST_STORAGE_GIB}."
        )
    platform = req.get("runtimePlatform") or {}
    if platform.get("operatingSystemFamily", "LINUX") != "LINUX":
        raise bad(f"operatingSystemFamily {platform['operatingSystemFamily']} is not built in this cloud.")


def _sums(containers: Sequence[Mapping[str, Any]], cpu: int, memory: int) -> None:
    for container in containers:
        if memory and max(container.get("memory") or 0, container.get("memoryReservation") or 0) > memory:
            raise bad(
                f"The 'memory' setting for container '{container['name']}' is greater than for the task."
            )
        if not memory and not container.get("memory") and not container.get("memoryReservation"):
            raise bad(
                f"Invalid setting for container '{container['name']}'. At least one of 'memory' or "
                "'memoryReservation' must be specified."
            )
    if cpu and sum(container.get("cpu") or 0 for container in containers) > cpu:
        raise bad("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.")


def _roles(req: Mapping[str, Any]) -> None:
    if req.get("executionRoleArn"):
        return
    for container in req["containerDefinitions"]:
        if container.get("environmentFiles"):
            raise bad(
                "Fargate requires task definition to have execution role ARN to support environment files."
            )
        if container.get("secrets"):
            raise bad(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            )
        if "FARGATE" in (req.get("requiresCompatibilities") or ()) and container.get("logConfiguration"):
            driver = container["logConfiguration"]["logDriver"]
            raise bad(
                f"Fargate requires task definition to have execution role ARN to support log driver {driver}."
            )


def _container(container: Mapping[str, Any], names: set[str], volumes: set[str], *, fargate: bool) -> None:
    name = container.get("name") or ""
    if not name:
        raise bad("Container.name should not be null or empty.")
    if not rules.is_name(name):
        raise bad("Container.name contains invalid characters.")
    if not container.get("image"):
        raise bad("Container.image should not be null or empty.")
    if fargate:
        for member in _NOT_ON_FARGATE:
            if container.get(member):
                raise bad(f"The task definition is configured with {member}, which Fargate does not support.")
        if container.get("privileged"):
            raise bad("Fargate requires that 'privileged' be disabled.")
    for member in _ABSENT_OF_CONTAINERS:
        _absent(container, member)
    for member in set(container.get("linuxParameters") or {}) - _LINUX:
        _absent(container["linuxParameters"], member)
    if container.get("stopTimeout", 0) > 120:
        raise bad("Max stop timeout is 120 seconds.")
    for depends in container.get("dependsOn") or ():
        if depends["containerName"] not in names or depends["condition"] not in _CONDITIONS:
            raise bad(f"Container '{name}' has an invalid dependency on '{depends['containerName']}'.")
    for mount in container.get("mountPoints") or ():
        if mount.get("sourceVolume") not in volumes:
            raise bad(f"Unknown volume '{mount.get('sourceVolume')}'.")
    for source in container.get("volumesFrom") or ():
        if source.get("sourceContainer") not in names:
            raise bad(f"Unknown container '{source.get('sourceContainer')}' in volumesFrom.")
    for file in container.get("environmentFiles") or ():
        if file["type"] != "s3" or not _OBJECT.fullmatch(file["value"]):
            raise bad("An environment file must be the ARN of an object in S3 whose name ends with .env.")
    _ports(container)
    _logs(container)
    _health(container)


def _ports(container: Mapping[str, Any]) -> None:
    for port in container.get("portMappings") or ():
        inside, outside = port.get("containerPort"), port.get("hostPort")
        if outside and outside != inside:
            raise bad(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
            )


def _logs(container: Mapping[str, Any]) -> None:
    configuration = container.get("logConfiguration")
    if not configuration:
        return
    if configuration["logDriver"] != "awslogs":
        raise bad(f"The log driver {configuration['logDriver']} is not built in this cloud: use awslogs.")
    _absent(configuration, "secretOptions")
    options = configuration.get("options") or {}
    for option in ("awslogs-group", "awslogs-region", "awslogs-stream-prefix"):
        if not options.get(option):
            raise bad(f"Log driver awslogs requires options: {option}.")
    if unknown := sorted(set(options) - _LOG_OPTIONS):
        raise bad(f"The log driver option {unknown[0]} is not built in this cloud.")


def _health(container: Mapping[str, Any]) -> None:
    check = container.get("healthCheck")
    if not check:
        return
    command = check.get("command") or []
    if (
        not command
        or command[0] not in {"CMD", "CMD-SHELL", "NONE"}
        or (command[0] != "NONE" and len(command) < 2)
    ):
        raise bad(
            "HealthCheck command must begin with CMD, CMD-SHELL or NONE, followed by what is to be run."
        )
    bounds = {"interval": (5, 300), "timeout": (2, 60), "retries": (1, 10), "startPeriod": (0, 300)}
    for member, (least, most) in bounds.items():
        if member in check and not least <= check[member] <= most:
            raise bad(f"HealthCheck {member} must be between {least} and {most}.")


def _volume(volume: Mapping[str, Any], *, fargate: bool) -> None:
    for member in (
        "efsVolumeConfiguration",
        "fsxWindowsFileServerVolumeConfiguration",
        "dockerVolumeConfiguration",
        "s3filesVolumeConfiguration",
        "configuredAtLaunch",
    ):
        _absent(volume, member)
    if (volume.get("host") or {}).get("sourcePath") and fargate:
        raise bad("The 'host.sourcePath' parameter is not supported on Fargate.")


def _absent(given: Mapping[str, Any], member: str) -> None:
    if given.get(member):
        raise bad(f"{member} is not built in this cloud.")
