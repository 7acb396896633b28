"""Where a trail's files go: whether CloudTrail may put them there, and putting them."""

from __future__ import annotations

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import KINDS
from gureum.services.cloudtrail.records import Trail

_ACL = "bucket-owner-full-control"


def folder(prefix: str, account: str) -> str:
    """The folder of an account's log files in the bucket, without a closing slash.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
    """
    start = f"{prefix}/" if prefix else ""
    return f"{start}AWSLogs/{account}/CloudTrail"


def put(
    ctx: Context, arn: str, bucket: str, key: str, body: bytes, metadata: dict[str, str] | None = None
) -> None:
    """Put a gzip file of JSON into the bucket, as CloudTrail on behalf of the trail. Faults: S3's."""
    ctx.aws.for_(arn).s3.put_object(
        Bucket=bucket,
        Key=key,
        Body=body,
        ContentType="application/json",
        ContentEncoding="gzip",
        ACL=_ACL,
        Metadata=metadata or {},
    )


def check(ctx: Context, arn: str, trail: Trail) -> None:
    """See for oneself that the bucket is there and takes files: CloudTrail leaves an empty folder object.

    Faults: S3BucketDoesNotExistException, InsufficientS3BucketPolicyException, InvalidS3PrefixException.
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
    """
    if len(trail.prefix) > 200:
        raise Fault("InvalidS3PrefixException", "The maximum length of an S3 key prefix is 200 characters.")
    s3 = ctx.aws.for_(arn).s3
    try:
        s3.get_bucket_acl(Bucket=trail.bucket)
        s3.put_object(Bucket=trail.bucket, Key=f"{folder(trail.prefix, ctx.account)}/", Body=b"", ACL=_ACL)
    except Fault as fault:
        if fault.code == "NoSuchBucket" or not _exists(ctx, trail.bucket):
            raise Fault(
                "S3BucketDoesNotExistException", f"S3 bucket {trail.bucket} does not exist!"
            ) from None
        if fault.code.startswith("AccessDenied"):
            raise Fault(
                "InsufficientS3BucketPolicyException",
                f"Incorrect S3 bucket policy is detected for bucket: {trail.bucket}",
            ) from None
        raise


def _exists(ctx: Context, bucket: str) -> bool:
    """S3 tells those without permission no more than that they have none."""
    kind = KINDS["s3:Bucket"]
    return ctx.home.store.read(kind, (kind.name, *kind.place(ctx.account, ctx.region), bucket)) is not None
