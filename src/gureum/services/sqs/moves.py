"""Tasks that move messages out of a dead-letter queue.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.sqs.operations import ops
from gureum.services.sqs.queues import live_of
from gureum.services.sqs.records import MoveTask, Queue

if TYPE_CHECKING:
    from gureum.api import sqs as api

_MOST_RATE = 500


@ops.inline
@ops.on(Queue, "SourceArn")
def start_message_move_task(
    ctx: Context, req: api.StartMessageMoveTaskRequest
) -> api.StartMessageMoveTaskResult:
    """Start moving a dead-letter queue's messages to where they came from, or to another queue."""
    arn = req["SourceArn"]
    source = _queue(ctx, arn, "SourceArn")
    destination = req.get("DestinationArn") or ""
    if destination:
        _queue(ctx, destination, "DestinationArn")
    rate = req.get("MaxNumberOfMessagesPerSecond") or 0
    if not 0 <= rate <= _MOST_RATE:
        raise Fault(
            "InvalidParameterValue",
            f"Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: must be between 1 and {_MOST_RATE}.",
        )
    if not any(True for _ in ctx.table(Queue).find("dead_letter", arn)):
        raise Fault("InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue.")
    table = ctx.table(MoveTask)
    if any(task.status in {"RUNNING", "CANCELLING"} for task in table.find("source_arn", arn)):
        raise Fault(
            "InvalidParameterValue",
            "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
        )
    task = MoveTask(
        id=ctx.new_id(),
        source_arn=arn,
        destination_arn=destination,
        rate=rate,
        started=ctx.now,
        to_move=live_of(ctx, source).ready,
    )
    table.add(task)
    return {"TaskHandle": _handle(task)}


@ops.inline
@ops.on()
def cancel_message_move_task(
    ctx: Context, req: api.CancelMessageMoveTaskRequest
) -> api.CancelMessageMoveTaskResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html"""
    try:
        found = msgspec.json.decode(base64.b64decode(req["TaskHandle"]), type=dict[str, str])
        task_id = found["taskId"]
    except (ValueError, KeyError, msgspec.MsgspecError):
        raise Fault("InvalidParameterValue", "Value for parameter TaskHandle is invalid.") from None
    task = ctx.table(MoveTask).need(task_id)
    if task.status != "RUNNING":
        raise Fault("InvalidParameterValue", "Only active tasks can be cancelled.")
    ctx.table(MoveTask).put(replace(task, status="CANCELLING"))
    return {"ApproximateNumberOfMessagesMoved": task.moved}


@ops.on(Queue, "SourceArn")
def list_message_move_tasks(
    ctx: Context, req: api.ListMessageMoveTasksRequest
) -> api.ListMessageMoveTasksResult:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html"""
    _queue(ctx, req["SourceArn"], "SourceArn")
    most = req.get("MaxResults", 1)
    if not 1 <= most <= 10:
        raise Fault("InvalidParameterValue", "Value for parameter MaxResults must be between 1 and 10.")
    tasks = sorted(ctx.table(MoveTask).find("source_arn", req["SourceArn"]), key=lambda task: -task.started)
    return {"Results": [_show(task) for task in tasks[:most]]}


def _queue(ctx: Context, arn: str, name: str) -> Queue:
    place = kind_of(Queue).parse(arn)
    if place is None:
        raise Fault("InvalidParameterValue", f"Value {arn} for parameter {name} is invalid.")
    found = ctx.table(Queue, account=place.account, region=place.region).get(place.key)
    if found is None:
        raise Fault(
            "ResourceNotFoundException",
            f"The resource that you specified for the {name} parameter doesn't exist.",
        )
    return found


def _handle(task: MoveTask) -> str:
    return base64.b64encode(msgspec.json.encode({"taskId": task.id, "sourceArn": task.source_arn})).decode()


def _show(task: MoveTask) -> Any:
    found: dict[str, Any] = {
        "Status": task.status,
        "SourceArn": task.source_arn,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "StartedTimestamp": int(task.started * 1000),
    }
    if task.destination_arn:
        found["DestinationArn"] = task.destination_arn
    if task.status == "RUNNING":
        found["TaskHandle"] = _handle(task)
    if task.rate:
        found["MaxNumberOfMessagesPerSecond"] = task.rate
    if task.failure:
        found["FailureReason"] = task.failure
    return found
