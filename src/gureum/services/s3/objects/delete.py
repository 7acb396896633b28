"""Deleting objects and versions. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import Target
from gureum.services.s3 import versions
from gureum.services.s3.buckets.settings import intact
from gureum.services.s3.conditions import check_write
from gureum.services.s3.facts import Facts, facts
from gureum.services.s3.faults import denied, malformed, no_such_version
from gureum.services.s3.operations import on_object, ops, target
from gureum.services.s3.records import Bucket, Entry
from gureum.services.s3.work.notify import announce
from gureum.services.s3.work.replicate import send_marker

if TYPE_CHECKING:
    from gureum.api import s3 as api

MOST_KEYS = 1000


@ops.inline
@ops.on(targets=on_object("DeleteObject", "DeleteObjectVersion"), keys=facts, data_event=True)
def delete_object(ctx: Context, req: api.DeleteObjectRequest) -> dict[str, Any]:
    """Delete an object, put a delete marker over it, or delete one version for good."""
    bucket = versions.bucket_of(ctx, req)
    if "IfMatchLastModifiedTime" in req or "IfMatchSize" in req:
        text = (
            "A header you provided implies functionality that is not implemented: it is for directory buckets"
        )
        raise Fault("NotImplemented", text, status=501)
    return delete(ctx, bucket, req["Key"], req.get("VersionId", ""), req)


def _nothing(_account: str, _region: str, _req: Mapping[str, Any]) -> Sequence[Target]:
    return ()


@ops.on(targets=_nothing, keys=facts, data_event=True)
def delete_objects(ctx: Context, req: api.DeleteObjectsRequest) -> dict[str, Any]:
    """Delete up to a thousand objects; each is authorised, and answered, by itself."""
    bucket = versions.bucket_of(ctx, req)
    intact(ctx, req)
    listed = (req.get("Delete") or {}).get("Objects") or []
    if not 1 <= len(listed) <= MOST_KEYS:
        raise malformed()
    quiet = bool(req["Delete"].get("Quiet"))
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for item in listed:
        named = {"Key": item.get("Key", "")}
        if item.get("VersionId"):
            named["VersionId"] = item["VersionId"]
        try:
            result = _delete_listed(ctx, bucket, item, req)
        except Fault as fault:
            errors.append({**named, "Code": fault.code, "Message": fault.message})
            continue
        if result.get("DeleteMarker"):
            named_marker = {"DeleteMarker": True, "DeleteMarkerVersionId": result["VersionId"]}
            named = {**named, **named_marker}
        if not quiet:
            deleted.append(named)
    return {"Deleted": deleted, "Errors": errors}


def _delete_listed(
    ctx: Context, bucket: Bucket, item: Mapping[str, Any], req: Mapping[str, Any]
) -> dict[str, Any]:
    key, version = item.get("Key") or "", item.get("VersionId") or ""
    if not key:
        raise malformed()
    action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
    about = {"Bucket": bucket.name, "Key": key, **({"VersionId": version} if version else {})}
    if not ctx.may(target(action, bucket.name, key), Facts(ctx, about)):
        raise denied()
    conditions = {"IfMatch": item["ETag"]} if item.get("ETag") else {}
    return delete(ctx, bucket, key, version, {**conditions, **_bypass(req)})


def _bypass(req: Mapping[str, Any]) -> dict[str, Any]:
    return {"BypassGovernanceRetention": True} if req.get("BypassGovernanceRetention") else {}


def delete(ctx: Context, bucket: Bucket, key: str, version: str, req: Mapping[str, Any]) -> dict[str, Any]:
    """Delete a key or one of its versions, by the bucket's versioning."""
    current = versions.find_entry(ctx, bucket.name, key, version)
    if "IfMatch" in req:
        check_write(req, current, key)
    if version:
        return _delete_version(ctx, bucket, key, version, current, req)
    if not bucket.versioning:
        if versions.drop_current(ctx, bucket, key) is not None:
            announce(ctx, bucket, "ObjectRemoved:Delete", key, current)
        return {}
    marker = Entry(order="", modified=ctx.now, marker=True, owner=bucket.owner)
    marker = versions.put_entry(ctx, bucket, key, marker)
    announce(ctx, bucket, "ObjectRemoved:DeleteMarkerCreated", key, marker)
    send_marker(ctx, bucket, key, marker)
    return {"DeleteMarker": True, "VersionId": marker.version_id}


def _delete_version(
    ctx: Context, bucket: Bucket, key: str, version: str, found: Entry | None, req: Mapping[str, Any]
) -> dict[str, Any]:
    if found is None:
        if version != "null" and len(version) != 32:
            raise (
                no_such_version(key, version)
                if not bucket.versioning
                else Fault(
                    "InvalidArgument",
                    "Invalid version id specified",
                    status=400,
                    ArgumentName="versionId",
                    ArgumentValue=version,
                )
            )
        return {"VersionId": version}
    check_lock(ctx, bucket, key, found, bypass=bool(req.get("BypassGovernanceRetention")))
    versions.drop_version(ctx, bucket.name, key, version)
    announce(ctx, bucket, "ObjectRemoved:Delete", key, found)
    return {"VersionId": version, **({"DeleteMarker": True} if found.marker else {})}


def check_lock(ctx: Context, bucket: Bucket, key: str, entry: Entry, *, bypass: bool) -> None:
    """Refuse to take away what object lock protects. Raises Fault AccessDenied."""
    if entry.legal_hold:
        raise _locked()
    if entry.lock_until <= ctx.now:
        return
    if entry.lock_mode == "GOVERNANCE" and bypass:
        may_bypass = target("s3:BypassGovernanceRetention", bucket.name, key)
        if ctx.may(may_bypass, Facts(ctx, {"Bucket": bucket.name, "Key": key})):
            return
        raise denied()
    raise _locked()


def _locked() -> Fault:
    return Fault("AccessDenied", "Access Denied because object protected by object lock.", status=403)
