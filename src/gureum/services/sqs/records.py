"""Queues, and the tasks that move messages between them."""

from __future__ import annotations

from typing import Literal

from gureum.kernel.records import Record, resource

MoveStatus = Literal["RUNNING", "COMPLETED", "CANCELLING", "CANCELLED", "FAILED"]


def _dead_letter(queue: Queue) -> str | None:
    return queue.dead_letter_arn or None


def _policy(queue: Queue) -> str | None:
    return queue.policy or None


@resource(
    "sqs",
    arn="{name}",
    missing=("QueueDoesNotExist", "The specified queue does not exist."),
    exists=("QueueNameExists", "A queue already exists with the same name."),
    indexes={"dead_letter": _dead_letter},
    policy=_policy,
)
class Queue(Record):
    """A queue's settings. Times are epoch seconds, durations seconds, sizes bytes.

    `id` tells this queue's messages from those of an earlier queue of the same name. `data_key` is the sealed
    key under which bodies are kept where `managed_sse` is on.
    """

    name: str
    id: str
    created: float
    modified: float
    fifo: bool = False
    delay: int = 0
    max_size: int = 1_048_576
    retention: int = 345_600
    wait: int = 0
    visibility: int = 30
    policy: str = ""
    dead_letter_arn: str = ""
    max_receives: int = 0
    allow_redrive: str = ""  # the RedriveAllowPolicy document
    kms_key: str = ""
    kms_reuse: int = 300
    managed_sse: bool = True
    data_key: bytes = b""
    content_dedup: bool = False
    dedup_scope: Literal["queue", "messageGroup"] = "queue"
    throughput_limit: Literal["perQueue", "perMessageGroupId"] = "perQueue"


@resource(
    "sqs",
    arn="move-task/{id}",
    missing=("ResourceNotFoundException", "Task does not exist."),
    indexes=("source_arn",),
    tagged=False,
)
class MoveTask(Record):
    """Messages on their way out of a dead-letter queue. `rate` is messages a second, 0 for as fast as it goes."""

    id: str
    source_arn: str
    destination_arn: str
    rate: int
    started: float
    to_move: int
    moved: int = 0
    status: MoveStatus = "RUNNING"
    failure: str = ""
