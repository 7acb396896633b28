"""Lines become events that PutLogEvents takes; and a task whose log cannot be kept does not start."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gureum.engines.containers.port import LogLine
from gureum.services.ecs.follow import batches

from .conftest import run, until
from .test_inside import make_role

_LINE = st.builds(
    LogLine,
    st.just("p"),
    st.floats(1e9, 2e9),
    st.just("stdout"),
    st.binary(max_size=40) | st.just(b"x" * 300_000),
)


@given(st.lists(_LINE, max_size=12))
def test_batches_keep_every_byte_in_the_order_of_time(lines):
    found = list(batches(lines))
    events = [event for batch in found for event in batch]
    text = "".join(event["message"] for event in events)
    assert text == "".join(
        line.text.decode("utf-8", "replace") for line in sorted(lines, key=lambda line: line.time)
    )
    assert [event["timestamp"] for event in events] == sorted(event["timestamp"] for event in events)
    assert all(event["message"] for event in events)
    for batch in found:
        assert sum(len(event["message"].encode()) + 26 for event in batch) <= 1_048_576


def test_a_task_without_its_log_group_does_not_start(gureum, ecs, cluster, define):
    role = make_role(gureum, {"Action": "logs:*", "Resource": "*"})
    options = {"awslogs-group": "/none", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "p"}
    logs: dict[str, Any] = {"logConfiguration": {"logDriver": "awslogs", "options": options}}
    task = run(ecs, cluster, define(task={"executionRoleArn": role}, **logs))
    one = until(ecs, cluster, task, "STOPPED")
    assert one["stopCode"] == "TaskFailedToStart"
    assert one["stoppedReason"].startswith("ResourceInitializationError: failed to validate logger args")


def test_a_task_whose_secret_is_not_there_does_not_start(gureum, ecs, cluster, define):
    role = make_role(gureum, {"Action": "ssm:*", "Resource": "*"})
    secrets = [{"name": "A", "valueFrom": "/none"}]
    task = run(ecs, cluster, define(task={"executionRoleArn": role}, secrets=secrets))
    one = until(ecs, cluster, task, "STOPPED")
    assert one["stopCode"] == "TaskFailedToStart"
    assert one["stoppedReason"].startswith("ResourceInitializationError: unable to pull secrets")
    assert "startedAt" not in one
