"""What hangs on an object: its tags, its ACL, its lock.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import acl_rules, versions
from gureum.services.s3.buckets.settings import intact
from gureum.services.s3.drafts import (
    MOST_OBJECT_TAGS,
    check_retention,
    checked_tags,
    refuse_acl,
    refuse_public,
)
from gureum.services.s3.facts import Facts, facts
from gureum.services.s3.faults import invalid_request, malformed
from gureum.services.s3.objects.get import need_entry
from gureum.services.s3.operations import on_object, ops, target
from gureum.services.s3.records import Bucket, Entry
from gureum.services.s3.work.notify import announce

if TYPE_CHECKING:
    from gureum.api import s3 as api

_replace = msgspec.structs.replace


def _found(ctx: Context, req: Mapping[str, Any], method: str) -> tuple[Bucket, Entry]:
    bucket = versions.bucket_of(ctx, dict(req))
    return bucket, need_entry(ctx, bucket, req, method)


def _version(bucket: Bucket, entry: Entry) -> dict[str, Any]:
    return {"VersionId": entry.version_id} if bucket.versioning else {}


@ops.on(targets=on_object("GetObjectTagging", "GetObjectVersionTagging"), keys=facts)
def get_object_tagging(ctx: Context, req: api.GetObjectTaggingRequest) -> dict[str, Any]:
    """A version's tags."""
    bucket, entry = _found(ctx, req, "GET")
    return {**_version(bucket, entry), "TagSet": tags.show(entry.tags)}


@ops.on(targets=on_object("PutObjectTagging", "PutObjectVersionTagging"), keys=facts)
def put_object_tagging(ctx: Context, req: api.PutObjectTaggingRequest) -> dict[str, Any]:
    """Let these be all the tags of a version."""
    bucket, entry = _found(ctx, req, "PUT")
    intact(ctx, req)
    listed = (req.get("Tagging") or {}).get("TagSet")
    if listed is None:
        raise malformed()
    found = checked_tags([(tag["Key"], tag["Value"]) for tag in listed], MOST_OBJECT_TAGS)
    entry = _replace(entry, tags=found)
    versions.change_entry(ctx, bucket.name, req["Key"], entry)
    announce(ctx, bucket, "ObjectTagging:Put", req["Key"], entry)
    return _version(bucket, entry)


@ops.on(targets=on_object("DeleteObjectTagging", "DeleteObjectVersionTagging"), keys=facts)
def delete_object_tagging(ctx: Context, req: api.DeleteObjectTaggingRequest) -> dict[str, Any]:
    """Take a version's tags away."""
    bucket, entry = _found(ctx, req, "DELETE")
    entry = _replace(entry, tags={})
    versions.change_entry(ctx, bucket.name, req["Key"], entry)
    announce(ctx, bucket, "ObjectTagging:Delete", req["Key"], entry)
    return _version(bucket, entry)


@ops.on(targets=on_object("GetObjectAcl", "GetObjectVersionAcl"), keys=facts)
def get_object_acl(ctx: Context, req: api.GetObjectAclRequest) -> dict[str, Any]:
    """A version's access control list."""
    _, entry = _found(ctx, req, "GET")
    grants = entry.grants or acl_rules.canned_grants("private", entry.owner, entry.owner)
    return {"Owner": {"ID": acl_rules.canonical_id(entry.owner)}, "Grants": acl_rules.show(grants)}


@ops.on(targets=on_object("PutObjectAcl", "PutObjectVersionAcl"), keys=facts)
def put_object_acl(ctx: Context, req: api.PutObjectAclRequest) -> dict[str, Any]:
    """Replace a version's ACL, unless ACLs are disabled or public ones blocked."""
    bucket, entry = _found(ctx, req, "PUT")
    intact(ctx, req)
    grants = acl_rules.asked(req, entry.owner, bucket.owner)
    if grants is None:
        raise Fault("MissingSecurityHeader", "Your request was missing a required header", status=400)
    if "GrantWrite" in req:
        raise invalid_request("WRITE is a permission of buckets, not of objects.")
    if bucket.ownership == "BucketOwnerEnforced":
        refuse_acl(req, grants, bucket)
        return {}
    refuse_public(bucket, grants)
    entry = _replace(entry, grants=grants)
    versions.change_entry(ctx, bucket.name, req["Key"], entry)
    announce(ctx, bucket, "ObjectAcl:Put", req["Key"], entry)
    return {}


def _lockable(bucket: Bucket) -> None:
    if not bucket.lock:
        raise invalid_request("Bucket is missing Object Lock Configuration")


@ops.on(targets=on_object("GetObjectRetention"), keys=facts)
def get_object_retention(ctx: Context, req: api.GetObjectRetentionRequest) -> dict[str, Any]:
    """Until when a version is kept, and how strictly."""
    bucket, entry = _found(ctx, req, "GET")
    _lockable(bucket)
    if not entry.lock_mode:
        raise _no_lock()
    return {"Retention": {"Mode": entry.lock_mode, "RetainUntilDate": entry.lock_until}}


def _no_lock() -> Fault:
    text = "The specified object does not have a ObjectLock configuration"
    return Fault("NoSuchObjectLockConfiguration", text, status=404)


@ops.on(targets=on_object("PutObjectRetention"), keys=facts)
def put_object_retention(ctx: Context, req: api.PutObjectRetentionRequest) -> dict[str, Any]:
    """Keep a version until a date. A governance lock is loosened only by those who may bypass it."""
    bucket, entry = _found(ctx, req, "PUT")
    _lockable(bucket)
    intact(ctx, req)
    wanted = req.get("Retention") or {}
    mode, until = wanted.get("Mode", ""), wanted.get("RetainUntilDate", 0.0)
    if bool(mode) != bool(until):
        raise malformed()
    if mode:
        check_retention(ctx, mode, until)
    if entry.lock_until > ctx.now:
        looser = until < entry.lock_until or (entry.lock_mode == "COMPLIANCE" and mode != "COMPLIANCE")
        if looser or mode != entry.lock_mode:
            _may_loosen(ctx, bucket, req, entry, looser=looser)
    entry = _replace(entry, lock_mode=mode, lock_until=until)
    versions.change_entry(ctx, bucket.name, req["Key"], entry)
    announce(ctx, bucket, "ObjectRetention:Put", req["Key"], entry)
    return {}


def _may_loosen(ctx: Context, bucket: Bucket, req: Mapping[str, Any], entry: Entry, *, looser: bool) -> None:
    if entry.lock_mode == "COMPLIANCE":
        raise Fault("AccessDenied", "Access Denied because object protected by object lock.", status=403)
    if not looser:
        return
    bypass = target("s3:BypassGovernanceRetention", bucket.name, req["Key"])
    if not req.get("BypassGovernanceRetention") or not ctx.may(bypass, Facts(ctx, req)):
        raise Fault("AccessDenied", "Access Denied because object protected by object lock.", status=403)


@ops.on(targets=on_object("GetObjectLegalHold"), keys=facts)
def get_object_legal_hold(ctx: Context, req: api.GetObjectLegalHoldRequest) -> dict[str, Any]:
    """Whether a version is held."""
    bucket, entry = _found(ctx, req, "GET")
    _lockable(bucket)
    if not entry.legal_hold and not entry.hold_set:
        raise _no_lock()
    return {"LegalHold": {"Status": "ON" if entry.legal_hold else "OFF"}}


@ops.on(targets=on_object("PutObjectLegalHold"), keys=facts)
def put_object_legal_hold(ctx: Context, req: api.PutObjectLegalHoldRequest) -> dict[str, Any]:
    """Hold a version until somebody says otherwise."""
    bucket, entry = _found(ctx, req, "PUT")
    _lockable(bucket)
    intact(ctx, req)
    status = (req.get("LegalHold") or {}).get("Status")
    if status not in {"ON", "OFF"}:
        raise malformed()
    entry = _replace(entry, legal_hold=status == "ON", hold_set=True)
    versions.change_entry(ctx, bucket.name, req["Key"], entry)
    return {}
