"""Configuration that something acts on: CORS, website, logging, lifecycle, replication, notifications.

What acts on it: `web/`, `work/`. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gureum.kernel import documents, ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import versions
from gureum.services.s3.buckets import checks
from gureum.services.s3.buckets.settings import change, drop_setting, intact, need_setting, put_setting
from gureum.services.s3.facts import facts
from gureum.services.s3.operations import on_bucket, ops
from gureum.services.s3.records import Bucket, Sweep
from gureum.services.s3.work.notify import iso, send_to

if TYPE_CHECKING:
    from gureum.api import s3 as api


@ops.on(targets=on_bucket("PutBucketCORS"), keys=facts)
def put_bucket_cors(ctx: Context, req: api.PutBucketCorsRequest) -> dict[str, Any]:
    """Say which pages of other hosts may use the bucket."""
    wanted = req.get("CORSConfiguration")
    checks.cors(wanted)
    put_setting(ctx, req, "Cors", wanted)
    return {}


@ops.on(targets=on_bucket("GetBucketCORS"), keys=facts)
def get_bucket_cors(ctx: Context, req: api.GetBucketCorsRequest) -> dict[str, Any]:
    """Fault: NoSuchCORSConfiguration."""
    text = "The CORS configuration does not exist"
    return dict(need_setting(ctx, req, "Cors", "NoSuchCORSConfiguration", text))


@ops.on(targets=on_bucket("PutBucketCORS"), keys=facts)
def delete_bucket_cors(ctx: Context, req: api.DeleteBucketCorsRequest) -> dict[str, Any]:
    return drop_setting(ctx, req, "Cors")


@ops.on(targets=on_bucket("PutBucketWebsite"), keys=facts)
def put_bucket_website(ctx: Context, req: api.PutBucketWebsiteRequest) -> dict[str, Any]:
    """Serve the bucket as a web site at its website host."""
    wanted = req.get("WebsiteConfiguration")
    checks.website(wanted)
    put_setting(ctx, req, "Website", wanted)
    return {}


@ops.on(targets=on_bucket("GetBucketWebsite"), keys=facts)
def get_bucket_website(ctx: Context, req: api.GetBucketWebsiteRequest) -> dict[str, Any]:
    """Fault: NoSuchWebsiteConfiguration."""
    text = "The specified bucket does not have a website configuration"
    return dict(need_setting(ctx, req, "Website", "NoSuchWebsiteConfiguration", text))


@ops.on(targets=on_bucket("DeleteBucketWebsite"), keys=facts)
def delete_bucket_website(ctx: Context, req: api.DeleteBucketWebsiteRequest) -> dict[str, Any]:
    return drop_setting(ctx, req, "Website")


@ops.on(targets=on_bucket("PutBucketLogging"), keys=facts)
def put_bucket_logging(ctx: Context, req: api.PutBucketLoggingRequest) -> dict[str, Any]:
    """Deliver access logs to another bucket, or no longer."""
    wanted = (req.get("BucketLoggingStatus") or {}).get("LoggingEnabled")
    if wanted is None:
        intact(ctx, req)
        return drop_setting(ctx, req, "Logging")
    there = ctx.table(Bucket).get(wanted.get("TargetBucket", ""))
    bucket = versions.bucket_of(ctx, req)
    if there is None or there.owner != bucket.owner:
        text = (
            "The target bucket for logging does not exist, is not owned by you, or does not have the appropriate "
            "grants for the log-delivery group"
        )
        raise Fault(
            "InvalidTargetBucketForLogging", text, status=400, TargetBucket=wanted.get("TargetBucket", "")
        )
    put_setting(ctx, req, "Logging", {**wanted, "TargetPrefix": wanted.get("TargetPrefix", "")})
    return {}


@ops.on(targets=on_bucket("GetBucketLogging"), keys=facts)
def get_bucket_logging(ctx: Context, req: api.GetBucketLoggingRequest) -> dict[str, Any]:
    """Where access logs go; nothing where nowhere."""
    found = versions.bucket_of(ctx, req).settings.get("Logging")
    return {"LoggingEnabled": found} if found else {}


@ops.on(targets=on_bucket("PutLifecycleConfiguration"), keys=facts)
def put_bucket_lifecycle_configuration(
    ctx: Context, req: api.PutBucketLifecycleConfigurationRequest
) -> dict[str, Any]:
    """Say what expires, and what moves to colder storage, when."""
    wanted = req.get("LifecycleConfiguration")
    checks.lifecycle(wanted)
    assert wanted is not None
    rules = [rule if rule.get("ID") else {**rule, "ID": ids.uuid()} for rule in wanted["Rules"]]
    value: dict[str, Any] = {"Rules": rules}
    size = req.get("TransitionDefaultMinimumObjectSize", "all_storage_classes_128K")
    value["TransitionDefaultMinimumObjectSize"] = size
    bucket = put_setting(ctx, req, "Lifecycle", value)
    ctx.table(Sweep).put(Sweep(bucket=bucket.name, at=ids.uuid()))
    return {"TransitionDefaultMinimumObjectSize": size}


@ops.on(targets=on_bucket("GetLifecycleConfiguration"), keys=facts)
def get_bucket_lifecycle_configuration(
    ctx: Context, req: api.GetBucketLifecycleConfigurationRequest
) -> dict[str, Any]:
    """Fault: NoSuchLifecycleConfiguration."""
    text = "The lifecycle configuration does not exist"
    return dict(need_setting(ctx, req, "Lifecycle", "NoSuchLifecycleConfiguration", text))


@ops.on(targets=on_bucket("PutLifecycleConfiguration"), keys=facts)
def delete_bucket_lifecycle(ctx: Context, req: api.DeleteBucketLifecycleRequest) -> dict[str, Any]:
    return drop_setting(ctx, req, "Lifecycle")


@ops.on(targets=on_bucket("PutReplicationConfiguration"), keys=facts)
def put_bucket_replication(ctx: Context, req: api.PutBucketReplicationRequest) -> dict[str, Any]:
    """Send new versions to other buckets. Both sides must be versioned."""
    bucket = versions.bucket_of(ctx, req)
    wanted = req.get("ReplicationConfiguration")
    checks.replication(wanted)
    assert wanted is not None
    if "Token" in req or bucket.versioning != "Enabled":
        text = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
        raise Fault("InvalidRequest", text, status=400)
    for rule in wanted["Rules"]:
        there = ctx.table(Bucket).get(rule["Destination"]["Bucket"].rpartition(":")[2])
        if there is None:
            raise Fault("InvalidRequest", "Destination bucket must exist.", status=400)
        if there.versioning != "Enabled":
            raise Fault("InvalidRequest", "Destination bucket must have versioning enabled.", status=400)
    rules = [rule if rule.get("ID") else {**rule, "ID": ids.uuid()} for rule in wanted["Rules"]]
    put_setting(ctx, req, "Replication", {"Role": wanted["Role"], "Rules": rules})
    return {}


@ops.on(targets=on_bucket("GetReplicationConfiguration"), keys=facts)
def get_bucket_replication(ctx: Context, req: api.GetBucketReplicationRequest) -> dict[str, Any]:
    """Fault: ReplicationConfigurationNotFoundError."""
    text = "The replication configuration was not found"
    found = need_setting(ctx, req, "Replication", "ReplicationConfigurationNotFoundError", text)
    return {"ReplicationConfiguration": found}


@ops.on(targets=on_bucket("PutReplicationConfiguration"), keys=facts)
def delete_bucket_replication(ctx: Context, req: api.DeleteBucketReplicationRequest) -> dict[str, Any]:
    return drop_setting(ctx, req, "Replication")


@ops.live
@ops.on(targets=on_bucket("PutBucketNotification"), keys=facts)
def put_bucket_notification_configuration(
    ctx: Context, req: api.PutBucketNotificationConfigurationRequest
) -> dict[str, Any]:
    """Tell destinations of events. Each is tried out first: by a test event, a function by a dry run."""
    bucket = versions.bucket_of(ctx, req)
    wanted = req.get("NotificationConfiguration") or {}
    checks.notification(wanted)
    value: dict[str, Any] = {}
    for group, items in wanted.items():
        value[group] = items
        if isinstance(items, list):
            value[group] = [one if one.get("Id") else {**one, "Id": ids.uuid()} for one in items]
            if not req.get("SkipDestinationValidation"):
                _try_out(ctx, bucket, group, value[group])
    change(ctx, bucket, settings={**bucket.settings, "Notification": value})
    return {}


def _try_out(ctx: Context, bucket: Bucket, group: str, items: list[dict[str, Any]]) -> None:
    event = {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso(ctx.now),
        "Bucket": bucket.name,
        "RequestId": ctx.request_id,
        "HostId": ctx.request_id,
    }
    body = documents.write(event)
    for item in items:
        arn = next(value for name, value in item.items() if name.endswith("Arn"))
        kind = {"QueueConfigurations": "Queue", "TopicConfigurations": "Topic"}.get(group, "Lambda")
        try:
            send_to(ctx, bucket.name, kind, arn, body, dry=True)
        except Fault as fault:
            raise Fault(
                "InvalidArgument",
                "Unable to validate the following destination configurations",
                status=400,
                ArgumentName1=arn,
                ArgumentValue1=fault.message,
            ) from fault


@ops.on(targets=on_bucket("GetBucketNotification"), keys=facts)
def get_bucket_notification_configuration(
    ctx: Context, req: api.GetBucketNotificationConfigurationRequest
) -> dict[str, Any]:
    """What events are told to whom."""
    return dict(versions.bucket_of(ctx, req).settings.get("Notification", {}))
