"""What a task needs before its containers start: images, log streams, secrets. What fails here ends the task."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from gureum.engines.containers.port import ContainerError, Containers, EngineAbsent, ImageMissing
from gureum.kernel.context import Context, Services
from gureum.kernel.faults import Fault
from gureum.kernel.message import FilePart
from gureum.services.ecs import rules
from gureum.services.ecs.launch import role_of
from gureum.services.ecs.records import Journal, Task, TaskDefinition, Wire
from gureum.services.ecs.watch import execution


class NotReady(Exception):
    """Why a task cannot start, in the words of its `stoppedReason`."""


def images(ctx: Context, task: Task, definition: TaskDefinition) -> Task:
    """See that every image is in the engine's store, pulling what is missing. Raises NotReady."""
    engine = ctx.engine(Containers)
    began = ctx.home.clock.now()
    found = {}
    for container in definition.containers:
        reference = container["image"]
        try:
            found[reference] = engine.images.find(reference) or engine.images.pull(reference)
        except ImageMissing as error:
            raise NotReady(
                f"CannotPullContainerError: pull image manifest has been retried 1 time(s): {error}"
            ) from error
        except EngineAbsent as error:
            raise NotReady(f"ResourceInitializationError: {error}") from error
        except ContainerError as error:
            raise NotReady(f"CannotPullContainerError: {error}") from error
    runs = tuple(
        replace(run, digest=found[run.image].digest, image_id=found[run.image].id) for run in task.containers
    )
    return replace(task, containers=runs, pull_started=began, pull_stopped=ctx.home.clock.now())


def as_execution_role(ctx: Context, task: Task, definition: TaskDefinition, region: str = "") -> Services:
    """Other services, called as the session of the task's execution role. Fault: it cannot be assumed."""
    role = role_of(task, definition, "executionRoleArn")
    session = execution(ctx, ctx.arn(task), task.id, role)
    return ctx.aws.as_(session.principal, region or None)


def journals(ctx: Context, task: Task, definition: TaskDefinition) -> None:
    """Make the log streams of the containers that log to CloudWatch Logs. Raises NotReady."""
    table = ctx.table(Journal)
    for container in definition.containers:
        options = (container.get("logConfiguration") or {}).get("options")
        if not options or table.get(task.cluster, task.id, container["name"]) is not None:
            continue
        journal = Journal(
            cluster=task.cluster,
            task=task.id,
            container=container["name"],
            group=options["awslogs-group"],
            stream=f"{options['awslogs-stream-prefix']}/{container['name']}/{task.id}",
            region=options["awslogs-region"],
            role=role_of(task, definition, "executionRoleArn"),
        )
        try:
            _make_stream(ctx, task, definition, journal, options)
        except Fault as fault:
            raise NotReady(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 "
                f"times: failed to create Cloudwatch log stream: {fault.code}: {fault.message} : exit status 1"
            ) from fault
        table.put(journal)


def _make_stream(
    ctx: Context, task: Task, definition: TaskDefinition, journal: Journal, options: Wire
) -> None:
    logs = as_execution_role(ctx, task, definition, journal.region).logs
    try:
        logs.create_log_stream(logGroupName=journal.group, logStreamName=journal.stream)
    except Fault as fault:
        missing = fault.code.startswith("ResourceNotFound")
        if fault.code.startswith("ResourceAlreadyExists"):
            return  # made before a crash
        if not missing or options.get("awslogs-create-group") != "true":
            raise
        logs.create_log_group(logGroupName=journal.group)
        logs.create_log_stream(logGroupName=journal.group, logStreamName=journal.stream)


def secrets(ctx: Context, task: Task, definition: TaskDefinition) -> dict[str, dict[str, str]]:
    """The environment variables that come from Secrets Manager and Parameter Store. Raises NotReady."""
    found: dict[str, dict[str, str]] = {}
    for container in definition.containers:
        for item in container.get("secrets") or ():
            try:
                aws = as_execution_role(ctx, task, definition)
                value = _secret(ctx, aws, item["valueFrom"])
            except Fault as fault:
                raise NotReady(
                    "ResourceInitializationError: unable to pull secrets or registry auth: execution resource "
                    f"retrieval failed: unable to retrieve secret: {fault.code}: {fault.message}"
                ) from fault
            found.setdefault(container["name"], {})[item["name"]] = value
    return found


def files(ctx: Context, task: Task, definition: TaskDefinition) -> dict[str, dict[str, str]]:
    """The environment variables of the containers' environment files, read as the execution role. Raises NotReady."""
    found: dict[str, dict[str, str]] = {}
    for container in definition.containers:
        for file in container.get("environmentFiles") or ():
            bucket, _, key = file["value"].split(":::", 1)[1].partition("/")
            try:
                s3 = as_execution_role(ctx, task, definition).s3
                body = s3.get_object(Bucket=bucket, Key=key)["Body"]
            except Fault as fault:
                raise NotReady(
                    "ResourceInitializationError: failed to download env files: file download command: "
                    f"{fault.code}: {fault.message}"
                ) from fault
            found.setdefault(container["name"], {}).update(rules.variables(_text(body)))
    return found


def _text(body: Any) -> str:
    if isinstance(body, FilePart):
        with body.path.open("rb") as file:
            file.seek(body.offset)
            return file.read(body.size).decode("utf-8", "replace")
    return bytes(body).decode("utf-8", "replace")


def _secret(ctx: Context, aws: Services, source: str) -> str:
    """A parameter's value, or a secret's text: of one version, and one key of it, where the ARN goes on to name them.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/secrets-envvar-secrets-manager.html
    """
    parts = source.split(":")
    if not source.startswith("arn:") or parts[2] == "ssm":
        answer = aws.ssm.get_parameter(Name=source, WithDecryption=True)
        text: str = answer["Parameter"]["Value"]
        return text
    key, stage, version = [*parts[7:10], "", "", ""][:3]
    asked: dict[str, Any] = {"SecretId": ":".join(parts[:7])}
    if stage:
        asked["VersionStage"] = stage
    if version:
        asked["VersionId"] = version
    secret: str = aws.secretsmanager.get_secret_value(**asked)["SecretString"]
    if not key:
        return secret
    try:
        members = msgspec.json.decode(secret, type=dict[str, Any])
        return str(members[key])
    except (msgspec.DecodeError, KeyError) as error:
        text = f"retrieved secret from Secrets Manager did not contain json key {key}"
        raise Fault("ResourceNotFoundException", text) from error
