"""Permissions on a queue, as statements of its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import root_of
from gureum.services.sqs.operations import by_url, ops
from gureum.services.sqs.records import Queue

if TYPE_CHECKING:
    from gureum.api import sqs as api

_MOST_ACTIONS = 7
_OWNER_ONLY = frozenset(
    {"AddPermission", "CreateQueue", "DeleteQueue", "ListQueues", "RemovePermission", "SetQueueAttributes"}
    | {"TagQueue", "UntagQueue", "StartMessageMoveTask", "CancelMessageMoveTask", "ListMessageMoveTasks"}
)


@ops.on(Queue, "QueueUrl", by=by_url)
def add_permission(ctx: Context, req: api.AddPermissionRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_AddPermission.html"""
    queue = ctx.need(Queue)
    arn = ctx.arn(queue)
    label, actions = req["Label"], req["Actions"]
    if len(actions) > _MOST_ACTIONS:
        raise Fault("OverLimit", f"{len(actions)} Actions were found, maximum allowed is {_MOST_ACTIONS}.")
    for action in actions:
        if action in _OWNER_ONLY or (action != "*" and action not in ops.handlers):
            raise Fault(
                "InvalidParameterValue",
                f"Value SQS:{action} for parameter ActionName is invalid. Reason: Only the queue owner is allowed "
                "to invoke this action.",
            )
    document = _document(queue.policy) or {
        "Version": "2012-10-17",
        "Id": f"{arn}/SQSDefaultPolicy",
        "Statement": [],
    }
    if any(statement.get("Sid") == label for statement in document["Statement"]):
        raise Fault(
            "InvalidParameterValue", f"Value {label} for parameter Label is invalid. Reason: Already exists."
        )
    principals = [root_of(account).arn for account in req["AWSAccountIds"]]
    document["Statement"].append(
        {
            "Sid": label,
            "Effect": "Allow",
            "Principal": {"AWS": _one_or_many(principals)},
            "Action": _one_or_many([f"SQS:{action}" for action in actions]),
            "Resource": arn,
        }
    )
    _keep(ctx, queue, document)


@ops.on(Queue, "QueueUrl", by=by_url)
def remove_permission(ctx: Context, req: api.RemovePermissionRequest) -> None:
    """https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_RemovePermission.html"""
    queue = ctx.need(Queue)
    document = _document(queue.policy)
    label = req["Label"]
    kept = [s for s in document.get("Statement", []) if s.get("Sid") != label]
    if len(kept) == len(document.get("Statement", [])):
        raise Fault(
            "InvalidParameterValue",
            f"Value {label} for parameter Label is invalid. Reason: can't find label on existing policy.",
        )
    _keep(ctx, queue, {**document, "Statement": kept} if kept else {})


def _keep(ctx: Context, queue: Queue, document: dict[str, Any]) -> None:
    text = msgspec.json.encode(document).decode() if document else ""
    ctx.target_table(Queue).put(replace(queue, policy=text, modified=ctx.now))


def _document(text: str) -> dict[str, Any]:
    if not text:
        return {}
    found = msgspec.json.decode(text, type=dict[str, Any])
    if isinstance(found.get("Statement"), dict):
        found["Statement"] = [found["Statement"]]
    return found


def _one_or_many(items: list[str]) -> str | list[str]:
    return items[0] if len(items) == 1 else items
