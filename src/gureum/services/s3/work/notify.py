"""Event notifications: what happens to objects is told to queues, topics, functions and EventBridge.

An event is written down in the transaction that it tells of, and delivered from there until it has arrived.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/EventNotifications.html
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any, Literal
from urllib.parse import quote_plus

from gureum.kernel import documents, ids
from gureum.kernel.context import Context
from gureum.kernel.events import Told
from gureum.kernel.reconcile import reconciler
from gureum.services.s3.acl_rules import canonical_id
from gureum.services.s3.records import (
    Bucket,
    Entry,
    Notice,
    bucket_arn,
)

_KINDS: tuple[tuple[str, str, Literal["Queue", "Topic", "Lambda"]], ...] = (
    ("QueueConfigurations", "QueueArn", "Queue"),
    ("TopicConfigurations", "TopicArn", "Topic"),
    ("LambdaFunctionConfigurations", "LambdaFunctionArn", "Lambda"),
)
_GIVE_UP_SECONDS = 24 * 3600.0
_DETAIL_TYPES = {
    "ObjectCreated": "Object Created",
    "ObjectRemoved": "Object Deleted",
    "ObjectRestore:Post": "Object Restore Initiated",
    "ObjectRestore:Completed": "Object Restore Completed",
    "ObjectRestore:Delete": "Object Restore Expired",
    "LifecycleTransition": "Object Storage Class Changed",
    "LifecycleExpiration": "Object Deleted",
    "ObjectTagging:Put": "Object Tags Added",
    "ObjectTagging:Delete": "Object Tags Deleted",
    "ObjectAcl": "Object ACL Updated",
}
_REASONS = {"Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject", "Delete": "DeleteObject"}


def announce(ctx: Context, bucket: Bucket, event: str, key: str, entry: Entry | None) -> None:
    """Write down an event (`ObjectCreated:Put`) for each destination that wants it."""
    config = bucket.settings.get("Notification")
    if not config or entry is None:
        return
    for arn, kind, name in _destinations(config, event, key):
        body = documents.write({"Records": [_record(ctx, bucket, event, key, entry, name)]})
        notice = Notice(id=ids.uuid(), bucket=bucket.name, target=arn, kind=kind, body=body, since=ctx.now)
        ctx.table(Notice, account=bucket.owner, region=bucket.region).put(notice)
    if "EventBridgeConfiguration" in config:
        _tell(ctx, bucket, event, key, entry)


def _destinations(
    config: Mapping[str, Any], event: str, key: str
) -> Iterator[tuple[str, Literal["Queue", "Topic", "Lambda"], str]]:
    for group, member, kind in _KINDS:
        for one in config.get(group) or ():
            if any(_covers(pattern, event) for pattern in one["Events"]) and passes(one.get("Filter"), key):
                yield one[member], kind, one.get("Id", "")


def _covers(pattern: str, event: str) -> bool:
    wanted = pattern.removeprefix("s3:")
    return wanted == event or (wanted.endswith(":*") and event.startswith(wanted[:-1]))


def passes(chosen: Mapping[str, Any] | None, key: str) -> bool:
    """Whether a key passes a configuration's filter rules (prefix and suffix)."""
    for rule in ((chosen or {}).get("Key") or {}).get("FilterRules") or ():
        name, value = rule.get("Name", "").lower(), rule.get("Value", "")
        if name == "prefix" and not key.startswith(value):
            return False
        if name == "suffix" and not key.endswith(value):
            return False
    return True


def _record(ctx: Context, bucket: Bucket, event: str, key: str, entry: Entry, name: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    about: dict[str, Any] = {"key": quote_plus(key, safe="/")}
    if not entry.marker and not event.startswith("ObjectRemoved"):
        about |= {"size": entry.size, "eTag": entry.etag}
    elif entry.marker:
        about["eTag"] = "d41d8cd98f00b204e9800998ecf8427e"
    if bucket.versioning:
        about["versionId"] = entry.version_id
    about["sequencer"] = f"{time.time_ns():018X}"
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": iso(ctx.now),
        "eventName": event,
        "userIdentity": {"principalId": f"AWS:{ctx.principal.user_id}"},
        "requestParameters": {"sourceIPAddress": ctx.source_ip},
        "responseElements": {"x-amz-request-id": ctx.request_id, "x-amz-id-2": canonical_id(ctx.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": name,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": canonical_id(bucket.owner)},
                "arn": bucket_arn(bucket.name),
            },
            "object": about,
        },
    }


def _tell(ctx: Context, bucket: Bucket, event: str, key: str, entry: Entry) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html"""
    kind = _DETAIL_TYPES.get(event) or _DETAIL_TYPES.get(event.partition(":")[0])
    if kind is None:
        return
    last = event.rpartition(":")[2]
    about: dict[str, Any] = {"key": key, "sequencer": f"{time.time_ns():018X}"}
    if not event.startswith("ObjectRemoved"):
        about |= {"size": entry.size, "etag": entry.etag}
    if bucket.versioning:
        about["version-id"] = entry.version_id
    detail: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": about,
        "request-id": ctx.request_id,
        "requester": ctx.principal.account or ctx.principal.name,
        "source-ip-address": ctx.source_ip,
    }
    if event.startswith(("ObjectCreated", "ObjectRemoved")):
        detail["reason"] = _REASONS.get(last, "DeleteObject" if kind == "Object Deleted" else last)
    if kind == "Object Deleted":
        detail["deletion-type"] = "Delete Marker Created" if entry.marker else "Permanently Deleted"
        if event.startswith("LifecycleExpiration"):
            detail["reason"] = "Lifecycle Expiration"
    told = Told(
        source="aws.s3",
        detail_type=kind,
        detail=detail,
        account=bucket.owner,
        region=bucket.region,
        at=ctx.now,
        resources=(bucket_arn(bucket.name),),
        id=ids.uuid(),
    )
    ctx.work.told.append(told)


@reconciler(Notice)
def deliver(ctx: Context, notice: Notice) -> Notice | None:
    """Deliver one event; it is tried again, ever more slowly, for a day."""
    try:
        send_to(ctx, notice.bucket, notice.kind, notice.target, notice.body)
    except Exception:
        if ctx.now - notice.since > _GIVE_UP_SECONDS:
            return None
        raise
    return None


def send_to(ctx: Context, bucket: str, kind: str, arn: str, body: str, *, dry: bool = False) -> None:
    """Hand a message to a destination as S3, on behalf of the bucket. Raises the destination's fault."""
    _, _, _, region, account, name = arn.split(":", 5)
    aws = ctx.aws.for_(bucket_arn(bucket), region)
    if kind == "Queue":
        aws.sqs.send_message(QueueUrl=f"{ctx.home.endpoint}/{account}/{name}", MessageBody=body)
    elif kind == "Topic":
        aws.sns.publish(TopicArn=arn, Message=body, Subject="Amazon S3 Notification")
    else:
        aws.lambda_.invoke(
            FunctionName=arn, InvocationType="DryRun" if dry else "Event", Payload=body.encode()
        )


def iso(at: float) -> str:
    """A time as events have it, with milliseconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"
