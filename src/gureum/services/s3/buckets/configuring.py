"""A bucket's versioning, encryption, tags, lock, acceleration and payment.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-config-options-intro.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import versions
from gureum.services.s3.buckets.settings import change, drop_setting, intact, put_setting
from gureum.services.s3.drafts import checked_tags
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_argument, malformed
from gureum.services.s3.operations import on_bucket, ops
from gureum.services.s3.records import bucket_arn

if TYPE_CHECKING:
    from gureum.api import s3 as api

_MOST_BUCKET_TAGS = 50
_ALGORITHMS = frozenset({"AES256", "aws:kms", "aws:kms:dsse"})


@ops.on(targets=on_bucket("GetBucketVersioning"), keys=facts)
def get_bucket_versioning(ctx: Context, req: api.GetBucketVersioningRequest) -> dict[str, Any]:
    """Nothing where versioning was never on."""
    bucket = versions.bucket_of(ctx, req)
    return {"Status": bucket.versioning} if bucket.versioning else {}


@ops.on(targets=on_bucket("PutBucketVersioning"), keys=facts)
def put_bucket_versioning(ctx: Context, req: api.PutBucketVersioningRequest) -> dict[str, Any]:
    """Turn versioning on or suspend it; never off again."""
    bucket = versions.bucket_of(ctx, req)
    intact(ctx, req)
    wanted = req.get("VersioningConfiguration") or {}
    status = wanted.get("Status")
    if status not in {"Enabled", "Suspended"}:
        raise Fault(
            "IllegalVersioningConfigurationException",
            "The Versioning element must be specified",
            status=400,
        )
    if wanted.get("MFADelete") == "Enabled" or "MFA" in req:
        raise Fault(
            "NotImplemented",
            "A header you provided implies functionality that is not implemented: MFA delete",
            status=501,
        )
    if status == "Suspended" and (bucket.lock or "Replication" in bucket.settings):
        what = "An Object Lock configuration" if bucket.lock else "A replication configuration"
        raise Fault(
            "InvalidBucketState",
            f"{what} is present on this bucket, so the versioning state cannot be changed.",
            status=409,
        )
    change(ctx, bucket, versioning=status)
    return {}


@ops.on(targets=on_bucket("GetEncryptionConfiguration"), keys=facts)
def get_bucket_encryption(ctx: Context, req: api.GetBucketEncryptionRequest) -> dict[str, Any]:
    """The default encryption: SSE-S3 where nothing else was said."""
    found = versions.bucket_of(ctx, req).settings.get("Encryption")
    if found is None:
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
        found = {"Rules": [rule]}
    return {"ServerSideEncryptionConfiguration": found}


@ops.on(targets=on_bucket("PutEncryptionConfiguration"), keys=facts)
def put_bucket_encryption(ctx: Context, req: api.PutBucketEncryptionRequest) -> dict[str, Any]:
    """Say how objects are encrypted that do not say it themselves."""
    wanted = req.get("ServerSideEncryptionConfiguration") or {}
    rules = wanted.get("Rules") or []
    if len(rules) != 1:
        raise malformed()
    default = rules[0].get("ApplyServerSideEncryptionByDefault")
    if default is None or default.get("SSEAlgorithm") not in _ALGORITHMS:
        raise malformed()
    if default.get("KMSMasterKeyID") and default["SSEAlgorithm"] == "AES256":
        raise invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "ApplyServerSideEncryptionByDefault",
            default["KMSMasterKeyID"],
        )
    rule = {**rules[0], "BucketKeyEnabled": bool(rules[0].get("BucketKeyEnabled"))}
    put_setting(ctx, req, "Encryption", {"Rules": [rule]})
    return {}


@ops.on(targets=on_bucket("PutEncryptionConfiguration"), keys=facts)
def delete_bucket_encryption(ctx: Context, req: api.DeleteBucketEncryptionRequest) -> dict[str, Any]:
    """Back to SSE-S3."""
    return drop_setting(ctx, req, "Encryption")


@ops.on(targets=on_bucket("GetBucketTagging"), keys=facts)
def get_bucket_tagging(ctx: Context, req: api.GetBucketTaggingRequest) -> dict[str, Any]:
    """The bucket's tags. Fault: NoSuchTagSet."""
    bucket = versions.bucket_of(ctx, req)
    found = ctx.tags.of(bucket_arn(bucket.name))
    if not found:
        raise Fault("NoSuchTagSet", "The TagSet does not exist", status=404, BucketName=bucket.name)
    return {"TagSet": tags.show(found)}


@ops.on(targets=on_bucket("PutBucketTagging"), keys=facts)
def put_bucket_tagging(ctx: Context, req: api.PutBucketTaggingRequest) -> dict[str, Any]:
    """Let these be all the bucket's tags."""
    bucket = versions.bucket_of(ctx, req)
    intact(ctx, req)
    listed = (req.get("Tagging") or {}).get("TagSet")
    if listed is None:
        raise malformed()
    found = checked_tags([(tag["Key"], tag["Value"]) for tag in listed], _MOST_BUCKET_TAGS)
    ctx.tags.replace(bucket_arn(bucket.name), found)
    return {}


@ops.on(targets=on_bucket("PutBucketTagging"), keys=facts)
def delete_bucket_tagging(ctx: Context, req: api.DeleteBucketTaggingRequest) -> dict[str, Any]:
    """Take the bucket's tags away."""
    ctx.tags.forget(bucket_arn(versions.bucket_of(ctx, req).name))
    return {}


@ops.on(targets=on_bucket("GetBucketObjectLockConfiguration"), keys=facts)
def get_object_lock_configuration(ctx: Context, req: api.GetObjectLockConfigurationRequest) -> dict[str, Any]:
    """Whether object lock is on, and the default retention."""
    bucket = versions.bucket_of(ctx, req)
    if not bucket.lock:
        text = "Object Lock configuration does not exist for this bucket"
        raise Fault("ObjectLockConfigurationNotFoundError", text, status=404, BucketName=bucket.name)
    found = bucket.settings.get("ObjectLock", {})
    return {"ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", **found}}


@ops.on(targets=on_bucket("PutBucketObjectLockConfiguration"), keys=facts)
def put_object_lock_configuration(ctx: Context, req: api.PutObjectLockConfigurationRequest) -> dict[str, Any]:
    """Turn object lock on for good, and set the default retention."""
    bucket = versions.bucket_of(ctx, req)
    intact(ctx, req)
    wanted = req.get("ObjectLockConfiguration") or {}
    if wanted.get("ObjectLockEnabled") != "Enabled" or "Token" in req:
        raise malformed()
    if bucket.versioning != "Enabled":
        text = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        raise Fault("InvalidBucketState", text, status=409)
    value: dict[str, Any] = {}
    if rule := wanted.get("Rule"):
        default = rule.get("DefaultRetention") or {}
        times = [name for name in ("Days", "Years") if name in default]
        if default.get("Mode") not in {"GOVERNANCE", "COMPLIANCE"} or len(times) != 1:
            raise malformed()
        if default[times[0]] <= 0:
            raise invalid_argument(
                "Default retention period must be a positive integer value", times[0], default[times[0]]
            )
        value = {"Rule": rule}
    change(ctx, bucket, lock=True, settings={**bucket.settings, "ObjectLock": value})
    return {}


@ops.on(targets=on_bucket("GetAccelerateConfiguration"), keys=facts)
def get_bucket_accelerate_configuration(
    ctx: Context, req: api.GetBucketAccelerateConfigurationRequest
) -> dict[str, Any]:
    """Whether the accelerated endpoint is on; nothing where it never was."""
    return dict(versions.bucket_of(ctx, req).settings.get("Accelerate", {}))


@ops.on(targets=on_bucket("PutAccelerateConfiguration"), keys=facts)
def put_bucket_accelerate_configuration(
    ctx: Context, req: api.PutBucketAccelerateConfigurationRequest
) -> dict[str, Any]:
    """Let `bucket.s3-accelerate` hosts answer for the bucket, or not."""
    wanted = req.get("AccelerateConfiguration") or {}
    if wanted.get("Status") not in {"Enabled", "Suspended"}:
        raise malformed()
    if "." in req["Bucket"]:
        raise invalid_argument(
            "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names",
            "Bucket",
            req["Bucket"],
        )
    put_setting(ctx, req, "Accelerate", {"Status": wanted["Status"]})
    return {}


@ops.on(targets=on_bucket("GetBucketRequestPayment"), keys=facts)
def get_bucket_request_payment(ctx: Context, req: api.GetBucketRequestPaymentRequest) -> dict[str, Any]:
    """Who pays: the owner unless said otherwise."""
    return {
        "Payer": versions.bucket_of(ctx, req).settings.get("RequestPayment", {}).get("Payer", "BucketOwner")
    }


@ops.on(targets=on_bucket("PutBucketRequestPayment"), keys=facts)
def put_bucket_request_payment(ctx: Context, req: api.PutBucketRequestPaymentRequest) -> dict[str, Any]:
    """Let requesters pay: they then have to say that they know."""
    wanted = (req.get("RequestPaymentConfiguration") or {}).get("Payer")
    if wanted not in {"Requester", "BucketOwner"}:
        raise malformed()
    put_setting(ctx, req, "RequestPayment", {"Payer": wanted})
    return {}
