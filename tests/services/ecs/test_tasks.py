"""Tasks: their way to RUNNING and STOPPED, and why they ended."""

from __future__ import annotations

import subprocess
import time
import uuid

import pytest
from botocore.exceptions import ClientError

from .conftest import NETWORK, run, until


def test_a_task_runs_and_is_stopped(ecs, cluster, define):
    task = run(ecs, cluster, define(), tags=[{"key": "team", "value": "a"}], enableECSManagedTags=True)
    one = until(ecs, cluster, task, "RUNNING")
    assert one["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    assert (one["connectivity"], one["cpu"], one["memory"], one["desiredStatus"]) == (
        "CONNECTED",
        "256",
        "512",
        "RUNNING",
    )
    assert ecs.list_tasks(cluster=cluster)["taskArns"] == [task]
    assert ecs.describe_clusters(clusters=[cluster])["clusters"][0]["runningTasksCount"] == 1
    assert {"key": "aws:ecs:clusterName", "value": cluster} in ecs.list_tags_for_resource(resourceArn=task)[
        "tags"
    ]
    with pytest.raises(ClientError, match="The Cluster cannot be deleted while Tasks are active"):
        ecs.delete_cluster(cluster=cluster)
    assert ecs.stop_task(cluster=cluster, task=task, reason="enough")["task"]["desiredStatus"] == "STOPPED"
    one = until(ecs, cluster, task, "STOPPED")
    assert (one["stopCode"], one["stoppedReason"]) == ("UserInitiated", "enough")
    assert one["containers"][0]["exitCode"] == 137  # the shell ignored SIGTERM for its two seconds
    assert one["createdAt"] <= one["startedAt"] <= one["stoppingAt"] <= one["stoppedAt"]
    assert ecs.list_tasks(cluster=cluster)["taskArns"] == []
    assert ecs.list_tasks(cluster=cluster, desiredStatus="STOPPED")["taskArns"] == [task]


def test_tasks_that_are_stopped_at_once_leave_nothing(ecs, cluster, define):
    definition = define()
    tasks = [run(ecs, cluster, definition) for _ in range(4)]
    for pause, task in enumerate(tasks):
        time.sleep(pause * 0.1)  # at several moments of their way
        ecs.stop_task(cluster=cluster, task=task)
    for task in tasks:
        until(ecs, cluster, task, "STOPPED")
        found = ["podman", "ps", "-aq", "--filter", f"label=com.amazonaws.ecs.task-arn={task}"]
        assert subprocess.run(found, capture_output=True, text=True, check=True).stdout == ""


def test_an_essential_container_ends_the_task(ecs, cluster, define):
    task = run(ecs, cluster, define("exit 3"))
    one = until(ecs, cluster, task, "STOPPED")
    assert (one["stopCode"], one["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert one["containers"][0]["exitCode"] == 3


def test_too_much_memory_is_killed_and_said_so(ecs, cluster, define):
    task = run(ecs, cluster, define(command=["python3", "-c", "x = bytearray(200 << 20)"], memory=64))
    one = until(ecs, cluster, task, "STOPPED")
    assert one["containers"][0]["reason"] == "OutOfMemoryError: Container killed due to memory usage"
    assert one["containers"][0]["exitCode"] == 137


def test_an_image_that_is_nowhere(ecs, cluster, define):
    task = run(ecs, cluster, define(image="127.0.0.1:9/nowhere:1"))
    one = until(ecs, cluster, task, "STOPPED")
    assert one["stopCode"] == "TaskFailedToStart"
    assert one["stoppedReason"].startswith("CannotPullContainerError")
    assert "startedAt" not in one


def test_a_command_that_is_not_there(ecs, cluster, define):
    task = run(ecs, cluster, define(command=["/no/such/thing"]))
    one = until(ecs, cluster, task, "STOPPED")
    assert one["stopCode"] == "TaskFailedToStart"
    assert one["stoppedReason"].startswith("CannotStartContainerError")


def test_containers_start_in_the_order_of_their_dependencies(ecs, cluster, define, image):
    shell = ["/bin/sh", "-c"]
    volume = {"sourceVolume": "v", "containerPath": "/v"}
    containers = [
        {
            "name": "app",
            "image": image,
            "command": [*shell, "cat /v/made && exit 7"],
            "dependsOn": [{"containerName": "first", "condition": "SUCCESS"}],
            "mountPoints": [volume],
        },
        {
            "name": "first",
            "image": image,
            "essential": False,
            "command": [*shell, "sleep 0.5; echo yes > /v/made"],
            "mountPoints": [volume],
        },
    ]
    definition = define(task={"containerDefinitions": containers, "volumes": [{"name": "v"}]})
    one = until(ecs, cluster, run(ecs, cluster, definition), "STOPPED")
    codes = {container["name"]: container["exitCode"] for container in one["containers"]}
    assert codes == {"app": 7, "first": 0}


def test_a_dependency_that_fails_ends_the_task(ecs, cluster, define, image):
    containers = [
        {
            "name": "app",
            "image": image,
            "command": ["sleep", "9"],
            "dependsOn": [{"containerName": "first", "condition": "SUCCESS"}],
        },
        {"name": "first", "image": image, "essential": False, "command": ["false"]},
    ]
    one = until(ecs, cluster, run(ecs, cluster, define(task={"containerDefinitions": containers})), "STOPPED")
    assert one["stopCode"] == "TaskFailedToStart"
    assert "exitCode" not in next(c for c in one["containers"] if c["name"] == "app")


def test_overrides_and_client_tokens(ecs, cluster, define):
    definition = define('exit "$CODE"')
    over = {"containerOverrides": [{"name": "app", "environment": [{"name": "CODE", "value": "5"}]}]}
    token = uuid.uuid4().hex
    task = run(ecs, cluster, definition, overrides=over, clientToken=token)
    assert run(ecs, cluster, definition, overrides=over, clientToken=token) == task
    with pytest.raises(ClientError) as caught:
        run(ecs, cluster, definition, clientToken=token)
    assert caught.value.response["Error"]["Code"] == "ConflictException"
    assert until(ecs, cluster, task, "STOPPED")["containers"][0]["exitCode"] == 5
    with pytest.raises(ClientError, match="Override for container named nobody is not a container"):
        run(ecs, cluster, definition, overrides={"containerOverrides": [{"name": "nobody"}]})


def test_capacity_providers(ecs, cluster, define):
    definition = define("exit 0")
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    asked = {"cluster": cluster, "taskDefinition": definition, "networkConfiguration": NETWORK}
    with pytest.raises(ClientError, match="not associated with the cluster"):
        ecs.run_task(capacityProviderStrategy=strategy, **asked)
    with pytest.raises(ClientError, match="No Container Instances were found in your cluster"):
        ecs.run_task(**asked)
    ecs.put_cluster_capacity_providers(
        cluster=cluster,
        capacityProviders=["FARGATE", "FARGATE_SPOT"],
        defaultCapacityProviderStrategy=strategy,
    )
    task = ecs.run_task(**asked)["tasks"][0]
    assert (task["capacityProviderName"], task["launchType"]) == ("FARGATE_SPOT", "FARGATE")
    until(ecs, cluster, task["taskArn"], "STOPPED")


def test_what_is_not_there(ecs, cluster, define):
    with pytest.raises(ClientError) as caught:
        ecs.list_tasks(cluster="nowhere")
    assert caught.value.response["Error"] == {
        "Code": "ClusterNotFoundException",
        "Message": "Cluster not found.",
    }
    with pytest.raises(ClientError, match="The referenced task was not found"):
        ecs.stop_task(cluster=cluster, task="0" * 32)
    told = ecs.describe_tasks(cluster=cluster, tasks=["0" * 32])
    assert told["failures"][0]["reason"] == "MISSING"
    with pytest.raises(ClientError, match="subnets can not be empty"):
        run(ecs, cluster, define(), networkConfiguration={"awsvpcConfiguration": {"subnets": []}})


def test_tasks_are_known_after_the_server_was_killed(gureum_cloud, image):
    cloud = gureum_cloud()
    ecs = cloud.client("ecs")
    ecs.create_cluster(clusterName="c")
    ecs.register_task_definition(
        family="f",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        containerDefinitions=[
            {"name": "app", "image": image, "stopTimeout": 2, "command": ["/bin/sh", "-c", "sleep 4; exit 4"]}
        ],
    )
    ends, stays = (
        run(ecs, "c", "f"),
        run(ecs, "c", "f", overrides={"containerOverrides": [{"name": "app", "command": ["sleep", "1000"]}]}),
    )
    until(ecs, "c", ends, "RUNNING")
    until(ecs, "c", stays, "RUNNING")
    cloud.kill()
    time.sleep(4)
    cloud.restart()
    one = until(ecs, "c", ends, "STOPPED")
    assert one["containers"][0]["exitCode"] == 4
    assert until(ecs, "c", stays, "RUNNING")["desiredStatus"] == "RUNNING"
    ecs.stop_task(cluster="c", task=stays)
    until(ecs, "c", stays, "STOPPED")
