"""Clusters, and tasks of one container."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"], "assignPublicIp": "DISABLED"}}


@pytest.fixture(scope="session")
def ecs(gureum: Any) -> Iterator[Any]:
    """The client. When all tests are over, what they left running has ended too: containers outlive their server."""
    client = gureum.client("ecs")
    yield client
    deadline = time.monotonic() + 30
    while any(one["runningTasksCount"] + one["pendingTasksCount"] for one in every_cluster(client)):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(1.0)  # the last are being taken apart


def every_cluster(client: Any) -> list[dict[str, Any]]:
    arns = client.list_clusters()["clusterArns"]
    return client.describe_clusters(clusters=arns)["clusters"] if arns else []


@pytest.fixture
def cluster(ecs: Any) -> Iterator[str]:
    """A cluster of the test's own; what runs in it at the end is stopped."""
    name = f"c-{uuid.uuid4().hex[:8]}"
    ecs.create_cluster(clusterName=name)
    yield name
    for service in ecs.list_services(cluster=name)["serviceArns"]:
        ecs.delete_service(cluster=name, service=service, force=True)
    for task in ecs.list_tasks(cluster=name)["taskArns"]:
        ecs.stop_task(cluster=name, task=task)


@pytest.fixture
def define(ecs: Any, image: str) -> Callable[..., str]:
    """Registers a Fargate task definition of one container that runs a shell line; its `family:revision`."""

    def register(
        line: str = "exec sleep 1000", *, task: dict[str, Any] | None = None, **container: Any
    ) -> str:
        one = {
            "name": "app",
            "image": image,
            "command": ["/bin/sh", "-c", line],
            "stopTimeout": 2,
            **container,
        }
        answer = ecs.register_task_definition(
            **{
                "family": f"f-{uuid.uuid4().hex[:8]}",
                "requiresCompatibilities": ["FARGATE"],
                "networkMode": "awsvpc",
                "cpu": "256",
                "memory": "512",
                "containerDefinitions": [one],
                **(task or {}),
            }
        )["taskDefinition"]
        return f"{answer['family']}:{answer['revision']}"

    return register


def run(ecs: Any, cluster: str, definition: str, **changes: Any) -> str:
    """Run one task; its ARN."""
    asked = {"launchType": "FARGATE", "networkConfiguration": NETWORK, **changes}
    return ecs.run_task(cluster=cluster, taskDefinition=definition, **asked)["tasks"][0]["taskArn"]


def until(ecs: Any, cluster: str, task: str, status: str, seconds: float = 30) -> dict[str, Any]:
    """The task once it has that status."""
    deadline = time.monotonic() + seconds
    while True:
        one = ecs.describe_tasks(cluster=cluster, tasks=[task])["tasks"][0]
        if one["lastStatus"] == status:
            return one
        assert time.monotonic() < deadline and one["lastStatus"] != "STOPPED", one
        time.sleep(0.05)
