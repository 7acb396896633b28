"""Task definitions: sizes, revisions, what is refused, and their ends."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from gureum.services.ecs import rules


def good(**changes: Any) -> dict[str, Any]:
    return {
        "family": f"d-{uuid.uuid4().hex[:8]}",
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": ".25 vCPU",
        "memory": "0.5GB",
        "containerDefinitions": [{"name": "app", "image": "busybox"}],
        **changes,
    }


def refused(ecs: Any, **changes: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        ecs.register_task_definition(**good(**changes))
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_revisions_count_up_and_are_never_given_twice(ecs):
    family = f"rev-{uuid.uuid4().hex[:8]}"
    first = ecs.register_task_definition(**good(family=family), tags=[{"key": "a", "value": "b"}])
    one = first["taskDefinition"]
    assert (one["revision"], one["cpu"], one["memory"], one["status"]) == (1, "256", "512", "ACTIVE")
    assert one["containerDefinitions"][0]["essential"] is True
    assert first["tags"] == [{"key": "a", "value": "b"}]
    assert ecs.register_task_definition(**good(family=family))["taskDefinition"]["revision"] == 2
    assert ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["revision"] == 2
    arns = ecs.list_task_definitions(familyPrefix=family, maxResults=1)
    rest = ecs.list_task_definitions(familyPrefix=family, nextToken=arns["nextToken"])
    assert [arn.rpartition(":")[2] for arn in arns["taskDefinitionArns"] + rest["taskDefinitionArns"]] == [
        "1",
        "2",
    ]
    newest = ecs.list_task_definitions(familyPrefix=family, sort="DESC")["taskDefinitionArns"]
    assert [arn.rpartition(":")[2] for arn in newest] == ["2", "1"]

    with pytest.raises(ClientError, match="Invalid revision number"):
        ecs.deregister_task_definition(taskDefinition=family)
    told = ecs.delete_task_definitions(taskDefinitions=[f"{family}:2"])
    assert "still in ACTIVE status" in told["failures"][0]["reason"]
    ecs.deregister_task_definition(taskDefinition=f"{family}:2")
    assert ecs.describe_task_definition(taskDefinition=family)["taskDefinition"]["revision"] == 1
    assert (
        ecs.delete_task_definitions(taskDefinitions=[f"{family}:2"])["taskDefinitions"][0]["status"]
        == "DELETE_IN_PROGRESS"
    )
    deadline = time.monotonic() + 10
    while True:
        try:
            ecs.describe_task_definition(taskDefinition=f"{family}:2")
        except ClientError as error:
            assert error.response["Error"] == {
                "Code": "ClientException",
                "Message": "Unable to describe task definition.",
            }
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert ecs.register_task_definition(**good(family=family))["taskDefinition"]["revision"] == 3
    assert family in ecs.list_task_definition_families(familyPrefix="rev-")["families"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"memory": "4096"}, "No Fargate configuration exists for given values: 256 CPU, 4096 memory."),
        ({"cpu": "300"}, "No Fargate configuration exists for given values: 300 CPU, 512 memory."),
        ({"cpu": ""}, "Fargate requires that 'cpu' be defined at the task level."),
        ({"memory": ""}, "Fargate requires that 'memory' be defined at the task level."),
        ({"networkMode": "bridge"}, "Fargate only supports network mode"),
        ({"family": "no spaces"}, "Family contains invalid characters."),
        ({"taskRoleArn": "nonsense"}, "Role is not valid"),
        ({"ephemeralStorage": {"sizeInGiB": 20}}, "must be between 21 and 200"),
        ({"pidMode": "task"}, "pidMode is not built"),
    ],
)
def test_a_bad_definition_is_refused(ecs, changes, text):
    code, message, status = refused(ecs, **changes)
    assert (code, status) == ("ClientException", 400)
    assert text in message


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"memory": 1024}, "The 'memory' setting for container 'app' is greater than for the task."),
        ({"image": ""}, "Container.image should not be null or empty."),
        ({"essential": False}, "at least one essential container"),
        ({"privileged": True}, "privileged"),
        (
            {"secrets": [{"name": "A", "valueFrom": "p"}]},
            "you must also specify a value for 'executionRoleArn'",
        ),
        (
            {
                "logConfiguration": {
                    "logDriver": "awslogs",
                    "options": {
                        "awslogs-group": "g",
                        "awslogs-region": "us-east-1",
                        "awslogs-stream-prefix": "p",
                    },
                }
            },
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        ({"logConfiguration": {"logDriver": "splunk"}}, "splunk is not built"),
        ({"dependsOn": [{"containerName": "other", "condition": "START"}]}, "invalid dependency on 'other'"),
        ({"dependsOn": [{"containerName": "app", "condition": "START"}]}, "in a circle"),
        ({"portMappings": [{"containerPort": 80, "hostPort": 81}]}, "must match"),
    ],
)
def test_a_bad_container_is_refused(ecs, change, text):
    code, message, _ = refused(ecs, containerDefinitions=[{"name": "app", "image": "busybox", **change}])
    assert code == "ClientException" and text in message


@given(st.sampled_from(sorted(rules.FARGATE)), st.integers(1, 130))
def test_fargate_has_no_other_sizes(cpu, gib):
    sizes = {256: (1, 2), 512: range(1, 5), 1024: range(2, 9), 2048: range(4, 17), 4096: range(8, 31)}
    sizes |= {8192: range(16, 61, 4), 16384: range(32, 121, 8)}
    assert rules.fits_fargate(cpu, gib * 1024) == (gib in sizes[cpu])


@settings(max_examples=50)
@given(st.integers(0, 5), st.integers(1, 9), st.integers(1, 9), st.integers(1, 60))
def test_tasks_are_spread_by_base_and_weight(base, left, right, count):
    strategy = [
        {"capacityProvider": "FARGATE", "base": base, "weight": left},
        {"capacityProvider": "FARGATE_SPOT", "weight": right},
    ]
    chosen = rules.spread(strategy, {}, count)
    assert len(chosen) == count
    assert chosen[:base] == ["FARGATE"] * min(base, count)
    beyond = max(count - base, 0)
    assert abs(chosen.count("FARGATE_SPOT") - beyond * right / (left + right)) <= 1
