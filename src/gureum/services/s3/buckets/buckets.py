"""Making, finding, listing and deleting buckets.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel import pages
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.store import Table
from gureum.services.s3 import acl_rules, versions
from gureum.services.s3.door_policy import with_door_policy
from gureum.services.s3.drafts import checked_tags
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_argument
from gureum.services.s3.multipart.uploads import abandon
from gureum.services.s3.names import is_bucket_name
from gureum.services.s3.operations import on_bucket, ops
from gureum.services.s3.records import (
    Bucket,
    Configuration,
    Object,
    Sweep,
    Upload,
    Version,
    bucket_arn,
)

if TYPE_CHECKING:
    from gureum.api import s3 as api

_OWNERSHIPS = frozenset({"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"})
_MOST_BUCKET_TAGS = 50
_CLOSED = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@ops.on(targets=on_bucket("CreateBucket"), keys=facts)
def create_bucket(ctx: Context, req: api.CreateBucketRequest) -> dict[str, Any]:
    """Make a bucket. Its name is its own in the whole cloud."""
    name = req["Bucket"]
    if not is_bucket_name(name):
        raise Fault("InvalidBucketName", "The specified bucket is not valid.", status=400, BucketName=name)
    if req.get("BucketNamespace", "global") != "global":
        raise invalid_argument(
            "Only the global namespace is offered.", "x-amz-bucket-namespace", req["BucketNamespace"]
        )
    account = ctx.principal.account
    wanted = req.get("CreateBucketConfiguration") or {}
    if "Bucket" in wanted or "Location" in wanted:
        raise invalid_argument("Directory buckets are not offered here.", "Bucket", name)
    region = _region(ctx, wanted)
    table = ctx.table(Bucket)
    there = table.get(name)
    if there is not None:
        return _there_already(ctx, there, region)
    ownership = req.get("ObjectOwnership", "BucketOwnerEnforced")
    if ownership not in _OWNERSHIPS:
        raise invalid_argument("Invalid x-amz-object-ownership header", "x-amz-object-ownership", ownership)
    grants = acl_rules.asked(req, account, account)
    bucket = Bucket(
        name=name,
        owner=account,
        region=region,
        created=ctx.now,
        ownership=ownership,
        lock=bool(req.get("ObjectLockEnabledForBucket")),
        versioning="Enabled" if req.get("ObjectLockEnabledForBucket") else "",
        settings={"PublicAccessBlock": dict(_CLOSED)},
    )
    if ownership == "BucketOwnerEnforced":
        if grants is not None and not acl_rules.is_owners_alone(grants, account):
            raise Fault(
                "InvalidBucketAclWithObjectOwnership",
                "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting",
                status=400,
            )
        grants = None
    elif grants is not None and acl_rules.is_public(grants):
        raise Fault(
            "InvalidBucketAclWithBlockPublicAccessError",
            "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
            status=400,
        )
    grants = grants or acl_rules.canned_grants("private", account, account)
    table.put(with_door_policy(msgspec.structs.replace(bucket, grants=grants)))
    if tags := wanted.get("Tags"):
        pairs = [(tag["Key"], tag["Value"]) for tag in tags]
        ctx.tags.put(bucket_arn(name), checked_tags(pairs, _MOST_BUCKET_TAGS))
    return {"Location": f"/{name}", "BucketArn": bucket_arn(name)}


def _region(ctx: Context, wanted: Mapping[str, Any]) -> str:
    region = wanted.get("LocationConstraint")
    if region is None:
        if ctx.region != "us-east-1":
            raise Fault(
                "IllegalLocationConstraintException",
                "The unspecified location constraint is incompatible for the region specific endpoint this request "
                "was sent to.",
                status=400,
            )
        return "us-east-1"
    if region == "EU":
        region = "eu-west-1"
    if region == "us-east-1" or not _is_region(region):
        raise Fault(
            "InvalidLocationConstraint",
            "The specified location-constraint is not valid",
            status=400,
            LocationConstraint=region,
        )
    if ctx.region not in {"us-east-1", region}:
        raise Fault(
            "IllegalLocationConstraintException",
            f"The {region} location constraint is incompatible for the region specific endpoint this request was "
            "sent to.",
            status=400,
        )
    return str(region)


def _is_region(text: str) -> bool:
    parts = text.split("-")
    return len(parts) >= 3 and parts[-1].isdigit() and all(part.isalnum() for part in parts)


def _there_already(ctx: Context, bucket: Bucket, region: str) -> dict[str, Any]:
    if bucket.owner != ctx.principal.account:
        text = (
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            "Please select a different name and try again."
        )
        raise Fault("BucketAlreadyExists", text, status=409, BucketName=bucket.name)
    if bucket.region == region == "us-east-1":
        # For the oldest region creating one's own bucket again has always succeeded.
        return {"Location": f"/{bucket.name}", "BucketArn": bucket_arn(bucket.name)}
    text = "Your previous request to create the named bucket succeeded and you already own it."
    raise Fault("BucketAlreadyOwnedByYou", text, status=409, BucketName=bucket.name)


@ops.inline
@ops.on(targets=on_bucket("ListBucket"), keys=facts)
def head_bucket(ctx: Context, req: api.HeadBucketRequest) -> dict[str, Any]:
    """Whether the bucket is there and the caller may list it."""
    bucket = versions.bucket_of(ctx, req)
    return {
        "BucketRegion": bucket.region,
        "AccessPointAlias": False,
        "BucketArn": bucket_arn(bucket.name),
    }


@ops.on(targets=on_bucket("GetBucketLocation"), keys=facts)
def get_bucket_location(ctx: Context, req: api.GetBucketLocationRequest) -> dict[str, Any]:
    """The bucket's region; nothing for us-east-1, as ever."""
    bucket = versions.bucket_of(ctx, req)
    return {"LocationConstraint": None if bucket.region == "us-east-1" else bucket.region}


@ops.on(targets=on_bucket("DeleteBucket"), keys=facts)
def delete_bucket(ctx: Context, req: api.DeleteBucketRequest) -> dict[str, Any]:
    """Delete an empty bucket, and its configuration."""
    bucket = versions.bucket_of(ctx, req)
    tables = ((ctx.table(Object), "\x1f"), (ctx.table(Version), "\x00"))
    if any(_has_rows(table, f"{bucket.name}{mark}") for table, mark in tables):
        text = "The bucket you tried to delete is not empty"
        if bucket.versioning:
            text += ". You must delete all versions in the bucket."
        raise Fault("BucketNotEmpty", text, status=409, BucketName=bucket.name)
    for upload in list(ctx.table(Upload).scan(prefix=f"{bucket.name}\x00")):
        abandon(ctx, upload)
    configurations = ctx.table(Configuration)
    for one in list(configurations.scan(prefix=f"{bucket.name}\x00")):
        configurations.drop(one)
    if (sweep := ctx.table(Sweep).get(bucket.name)) is not None:
        ctx.table(Sweep).drop(sweep)
    ctx.tags.forget(bucket_arn(bucket.name))
    ctx.table(Bucket).drop(bucket)
    return {}


def _has_rows(table: Table[Any], prefix: str) -> bool:
    found, _ = table.page(1, prefix=prefix)
    return bool(found)


@ops.on(action="ListAllMyBuckets", keys=facts)
def list_buckets(ctx: Context, req: api.ListBucketsRequest) -> dict[str, Any]:
    """The account's buckets, by name; in pages where asked."""
    most = req.get("MaxBuckets")
    if most is not None and not 1 <= most <= 10_000:
        raise invalid_argument(
            "Argument max-buckets must be an integer between 1 and 10000", "max-buckets", most
        )
    prefix, region = req.get("Prefix", ""), req.get("BucketRegion", "")
    after = pages.read_token(req.get("ContinuationToken"), "InvalidArgument")
    found, last = ctx.table(Bucket).page(
        most or 10_000,
        after,
        prefix=prefix,
        index=("owner", ctx.principal.account),
        where=(lambda bucket: bucket.region == region) if region else None,
    )
    answer: dict[str, Any] = {
        "Owner": {"ID": acl_rules.canonical_id(ctx.principal.account)},
        "Buckets": [
            {
                "Name": bucket.name,
                "CreationDate": bucket.created,
                "BucketArn": bucket_arn(bucket.name),
                **({"BucketRegion": bucket.region} if most or region else {}),
            }
            for bucket in found
        ],
    }
    if last:
        answer["ContinuationToken"] = pages.token(last)
    if prefix:
        answer["Prefix"] = prefix
    return answer
