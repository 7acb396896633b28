"""Services: the count is kept, deployments roll, the breaker trips."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import NETWORK


def create(ecs: Any, cluster: str, definition: str, count: int, **more: Any) -> str:
    name = f"s-{uuid.uuid4().hex[:8]}"
    ecs.create_service(
        cluster=cluster,
        serviceName=name,
        taskDefinition=definition,
        desiredCount=count,
        launchType="FARGATE",
        networkConfiguration=NETWORK,
        **more,
    )
    return name


def describe(ecs: Any, cluster: str, name: str) -> dict[str, Any]:
    return ecs.describe_services(cluster=cluster, services=[name])["services"][0]


def until(
    ecs: Any, cluster: str, name: str, what: Callable[[dict[str, Any]], bool], seconds: float = 40
) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while not what(one := describe(ecs, cluster, name)):
        assert time.monotonic() < deadline, one
        time.sleep(0.1)
    return one


def stable(one: dict[str, Any]) -> bool:
    return len(one["deployments"]) == 1 and one["runningCount"] == one["desiredCount"]


def messages(one: dict[str, Any]) -> str:
    return "\n".join(event["message"] for event in one["events"])


def test_a_dead_task_is_replaced_and_the_count_follows(ecs, cluster, define):
    name = create(ecs, cluster, define(), 2)
    one = until(
        ecs, cluster, name, lambda one: stable(one) and one["deployments"][0]["rolloutState"] == "COMPLETED"
    )
    assert one["status"] == "ACTIVE" and one["pendingCount"] == 0
    first = ecs.list_tasks(cluster=cluster, serviceName=name)["taskArns"]
    assert len(first) == 2
    shown = ecs.describe_tasks(cluster=cluster, tasks=first)["tasks"]
    assert {task["group"] for task in shown} == {f"service:{name}"}
    assert {task["startedBy"] for task in shown} == {one["deployments"][0]["id"]}

    ecs.stop_task(cluster=cluster, task=first[0], reason="a test")
    until(ecs, cluster, name, lambda _: len(set(running(ecs, cluster, name)) - {first[0]}) == 2)
    assert set(running(ecs, cluster, name)) != set(first)

    ecs.update_service(cluster=cluster, service=name, desiredCount=1)
    one = until(ecs, cluster, name, lambda one: stable(one) and one["runningCount"] == 1)
    assert "has stopped 1 running tasks" in messages(one) and "has started 2 tasks" in messages(one)

    with pytest.raises(ClientError, match="The service cannot be stopped while it is scaled above 0"):
        ecs.delete_service(cluster=cluster, service=name)
    with pytest.raises(ClientError, match="The Cluster cannot be deleted while Services are active"):
        ecs.delete_cluster(cluster=cluster)
    assert ecs.delete_service(cluster=cluster, service=name, force=True)["service"]["status"] == "DRAINING"
    until(ecs, cluster, name, lambda one: one["status"] == "INACTIVE")
    assert running(ecs, cluster, name) == []


def running(ecs: Any, cluster: str, name: str) -> list[str]:
    arns = ecs.list_tasks(cluster=cluster, serviceName=name)["taskArns"]
    if not arns:
        return []
    shown = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"]
    return [task["taskArn"] for task in shown if task["lastStatus"] == "RUNNING"]


def test_a_rolling_update_never_has_fewer_than_its_floor(ecs, cluster, define):
    old = define("exec sleep 1001")
    name = create(ecs, cluster, old, 2)
    until(ecs, cluster, name, stable)
    ecs.update_service(cluster=cluster, service=name, taskDefinition=define("exec sleep 1002"))
    fewest, most = 9, 0

    def done(one: dict[str, Any]) -> bool:
        nonlocal fewest, most
        alive = ecs.list_tasks(cluster=cluster, serviceName=name)["taskArns"]
        fewest, most = min(fewest, one["runningCount"]), max(most, len(alive))
        return stable(one) and not one["taskDefinition"].endswith(old)

    one = until(ecs, cluster, name, done)
    assert fewest >= 2 and most <= 4
    assert one["deployments"][0]["rolloutState"] == "COMPLETED"
    assert "deployment completed." in messages(one)
    stories = ecs.list_service_deployments(cluster=cluster, service=name)["serviceDeployments"]
    assert [story["status"] for story in stories] == ["SUCCESSFUL", "SUCCESSFUL"]
    story = ecs.describe_service_deployments(serviceDeploymentArns=[stories[0]["serviceDeploymentArn"]])
    told = story["serviceDeployments"][0]
    assert len(told["sourceServiceRevisions"]) == 1 and told["targetServiceRevision"]["runningTaskCount"] == 2
    revision = ecs.describe_service_revisions(serviceRevisionArns=[told["targetServiceRevision"]["arn"]])
    assert revision["serviceRevisions"][0]["taskDefinition"] == one["taskDefinition"]


def test_a_broken_image_trips_the_breaker_and_rolls_back(ecs, cluster, define):
    good = define()
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    name = create(ecs, cluster, good, 1, deploymentConfiguration=breaker)
    until(
        ecs, cluster, name, lambda one: stable(one) and one["deployments"][0]["rolloutState"] == "COMPLETED"
    )
    bad = define(image="127.0.0.1:9/nowhere:1")
    ecs.update_service(cluster=cluster, service=name, taskDefinition=bad)
    one = until(
        ecs,
        cluster,
        name,
        lambda one: (
            "rolling back to deployment" in messages(one)
            and stable(one)
            and one["deployments"][0]["rolloutState"] == "COMPLETED"
        ),
        60,
    )
    assert one["taskDefinition"].endswith(good)
    assert "deployment failed: tasks failed to start." in messages(one)
    stories = ecs.list_service_deployments(cluster=cluster, service=name)["serviceDeployments"]
    assert [story["status"] for story in stories] == ["SUCCESSFUL", "ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]


def test_an_unhealthy_task_is_replaced(ecs, cluster, define):
    check = {"command": ["CMD-SHELL", "test ! -e /tmp/ill"], "interval": 5, "timeout": 2, "retries": 1}
    name = create(ecs, cluster, define("sleep 7; touch /tmp/ill; sleep 1000", healthCheck=check), 1)
    until(ecs, cluster, name, lambda one: one["runningCount"] == 1)
    first = running(ecs, cluster, name)
    one = until(ecs, cluster, name, lambda _: set(running(ecs, cluster, name)) - set(first) != set(), 60)
    assert "failed container health checks" in messages(one)
    assert (
        "failed container health checks"
        in ecs.describe_tasks(cluster=cluster, tasks=first)["tasks"][0]["stoppedReason"]
    )


def test_protected_tasks_outlive_scaling_in(ecs, cluster, define):
    name = create(ecs, cluster, define(), 2)
    until(ecs, cluster, name, stable)
    tasks = sorted(running(ecs, cluster, name))
    told = ecs.update_task_protection(
        cluster=cluster, tasks=tasks, protectionEnabled=True, expiresInMinutes=5
    )
    assert [one["protectionEnabled"] for one in told["protectedTasks"]] == [True, True]
    ecs.update_service(cluster=cluster, service=name, desiredCount=0)
    time.sleep(1)
    assert sorted(running(ecs, cluster, name)) == tasks
    ecs.update_task_protection(cluster=cluster, tasks=[tasks[0]], protectionEnabled=False)
    until(ecs, cluster, name, lambda one: one["runningCount"] == 1)
    assert running(ecs, cluster, name) == [tasks[1]]
    assert ecs.get_task_protection(cluster=cluster, tasks=[tasks[1]])["protectedTasks"][0]["expirationDate"]


def test_what_is_refused(ecs, cluster, define):
    definition = define()
    good = {
        "cluster": cluster,
        "serviceName": "x",
        "taskDefinition": definition,
        "desiredCount": 0,
        "launchType": "FARGATE",
        "networkConfiguration": NETWORK,
    }
    lb = [
        {
            "targetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/a/1",
            "containerName": "app",
            "containerPort": 80,
        }
    ]
    for change, code, text in (
        ({"loadBalancers": lb}, "UnsupportedFeatureException", "loadBalancers"),
        ({"launchType": "EC2"}, "UnsupportedFeatureException", "EC2"),
        ({"taskDefinition": "none:1"}, "ClientException", "TaskDefinition not found."),
        ({"networkConfiguration": {}}, "InvalidParameterException", "Network Configuration must be provided"),
        ({"platformVersion": "9.9"}, "PlatformUnknownException", "platform version does not exist"),
    ):
        with pytest.raises(ClientError) as caught:
            ecs.create_service(**{**good, **change})
        error = caught.value.response["Error"]
        assert (error["Code"], text in error["Message"]) == (code, True), error
    assert ecs.list_services(cluster=cluster)["serviceArns"] == []
    token = {"clientToken": "same"}
    first = ecs.create_service(**good, **token)["service"]["createdAt"]
    assert ecs.create_service(**good, **token)["service"]["createdAt"] == first
    with pytest.raises(ClientError, match="Creation of service was not idempotent"):
        ecs.create_service(**{**good, "desiredCount": 1}, **token)
    with pytest.raises(ClientError, match="Service not found"):
        ecs.update_service(cluster=cluster, service="other", desiredCount=1)
