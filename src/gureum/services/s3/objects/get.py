"""Reading an object: whole, a range, one part of it, or only its headers.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import encryption, versions
from gureum.services.s3.checksums import MEMBERS
from gureum.services.s3.conditions import byte_range, check_read
from gureum.services.s3.content import small, stream
from gureum.services.s3.facts import Facts, facts
from gureum.services.s3.faults import (
    denied,
    invalid_argument,
    invalid_request,
    method_not_allowed,
    no_such_key,
    no_such_version,
)
from gureum.services.s3.lifecycle import expiration_header
from gureum.services.s3.operations import on_object, ops, target
from gureum.services.s3.records import (
    Bucket,
    Entry,
    object_arn,
)
from gureum.services.s3.turns import Later

if TYPE_CHECKING:
    from gureum.api import s3 as api

_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})


@ops.inline
@ops.on(targets=on_object("GetObject", "GetObjectVersion"), keys=facts, data_event=True)
def get_object(ctx: Context, req: api.GetObjectRequest) -> dict[str, Any] | Later:
    """The bytes of an object, and what is known of it."""
    bucket = versions.bucket_of(ctx, req)
    entry = need_entry(ctx, bucket, req, "GET")
    if not check_read(req, entry):
        return _not_modified(ctx, entry)
    if entry.storage_class in ARCHIVED and entry.restored_until <= ctx.now:
        raise Fault(
            "InvalidObjectState",
            "The operation is not valid for the object's storage class",
            status=403,
            StorageClass=entry.storage_class,
        )
    answer, start, end = _described(ctx, bucket, entry, req)
    arn = object_arn(bucket.name, req["Key"])
    if encryption.slow(entry.sse):
        return _later(ctx, entry, req, answer, start, end, arn)
    return _with_body(ctx, entry, encryption.key_of(ctx, entry.sse, req, arn), answer, start, end)


@ops.inline
@ops.on(targets=on_object("GetObject", "GetObjectVersion"), keys=facts, data_event=True)
def head_object(ctx: Context, req: api.HeadObjectRequest) -> dict[str, Any]:
    """What GetObject would tell, without the bytes."""
    bucket = versions.bucket_of(ctx, req)
    entry = need_entry(ctx, bucket, req, "HEAD")
    if not check_read(req, entry):
        return _not_modified(ctx, entry)
    if entry.sse.kind == "customer":
        encryption.key_of(ctx, entry.sse, req, "")
    answer, _, _ = _described(ctx, bucket, entry, req)
    return answer


async def _later(
    ctx: Context, entry: Entry, req: Mapping[str, Any], answer: dict[str, Any], start: int, end: int, arn: str
) -> dict[str, Any]:
    key = await ctx.home.loop.run_in_executor(ctx.home.pool, encryption.key_of, ctx, entry.sse, req, arn)
    return _with_body(ctx, entry, key, answer, start, end)


def _with_body(
    ctx: Context, entry: Entry, key: bytes, answer: dict[str, Any], start: int, end: int
) -> dict[str, Any]:
    if entry.pieces:
        answer["Body"] = stream(ctx.home, entry.pieces, key, start, end)
    else:
        answer["Body"] = small(entry, key, start, end)
    return answer


def need_entry(ctx: Context, bucket: Bucket, req: Mapping[str, Any], method: str) -> Entry:
    """The version that a request names. Faults: NoSuchKey, NoSuchVersion, MethodNotAllowed on a delete marker."""
    key, version = req["Key"], req.get("VersionId", "")
    entry = versions.find_entry(ctx, bucket.name, key, version)
    if entry is None:
        if not ctx.may(
            target("s3:ListBucket", bucket.name), Facts(ctx, {"Bucket": bucket.name, "Prefix": key})
        ):
            raise denied()  # whether there is such a key is for those who may list
        if version:
            raise no_such_version(key, version)
        marker = versions.latest_marker(ctx, bucket.name, key) if bucket.versioning else None
        if marker is not None:
            ctx.response_headers += [("x-amz-delete-marker", "true"), ("x-amz-version-id", marker.version_id)]
        raise no_such_key(key)
    if entry.marker:
        ctx.response_headers += [
            ("x-amz-delete-marker", "true"),
            ("Allow", "DELETE"),
            ("Last-Modified", formatdate(entry.modified, usegmt=True)),
        ]
        raise method_not_allowed(method, "DeleteMarker")
    return entry


def _not_modified(ctx: Context, entry: Entry) -> dict[str, Any]:
    ctx.response_status = 304
    told = {"ETag": f'"{entry.etag}"', "LastModified": entry.modified}
    told |= {name: entry.headers[name] for name in ("CacheControl", "Expires") if name in entry.headers}
    return told


def _described(
    ctx: Context, bucket: Bucket, entry: Entry, req: Mapping[str, Any]
) -> tuple[dict[str, Any], int, int]:
    """The answer without its body, and the range of bytes asked for."""
    found = _stretch(entry, req)
    start, end = found if found is not None else (0, entry.size)
    answer: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": entry.modified,
        "ContentLength": end - start,
        "ETag": f'"{entry.etag}"',
        **entry.headers,
        **encryption.show(entry.sse),
    }
    if found is not None:
        ctx.response_status = 206
        answer["ContentRange"] = f"bytes {start}-{end - 1}/{entry.size}"
    elif req.get("ChecksumMode") == "ENABLED":
        for algorithm, value in entry.checksums.items():
            answer[MEMBERS[algorithm]] = value
            answer["ChecksumType"] = entry.checksum_type
    if entry.metadata:
        answer["Metadata"] = entry.metadata
    if bucket.versioning:
        answer["VersionId"] = entry.version_id
    if "PartNumber" in req and entry.parts:
        answer["PartsCount"] = len(entry.parts)
    _rare(ctx, bucket, entry, req, answer)
    return answer, start, end


def _rare(ctx: Context, bucket: Bucket, entry: Entry, req: Mapping[str, Any], answer: dict[str, Any]) -> None:
    """What most objects do not have."""
    if entry.storage_class != "STANDARD":
        answer["StorageClass"] = entry.storage_class
        if entry.restoring or entry.restored_until > ctx.now:
            answer["Restore"] = restore_header(entry)
    if entry.tags:
        answer["TagCount"] = len(entry.tags)
    if entry.lock_mode:
        answer["ObjectLockMode"] = entry.lock_mode
        answer["ObjectLockRetainUntilDate"] = entry.lock_until
    if entry.legal_hold:
        answer["ObjectLockLegalHoldStatus"] = "ON"
    if entry.replication:
        answer["ReplicationStatus"] = entry.replication
    if "Lifecycle" in bucket.settings and (header := expiration_header(bucket, req["Key"], entry)):
        answer["Expiration"] = header
    for member, name in _OVERRIDES.items():
        if member in req:
            if ctx.principal.kind == "anonymous":
                raise invalid_request(
                    "Request specific response headers cannot be used for anonymous GET requests."
                )
            answer[name] = req[member]


def restore_header(entry: Entry) -> str:
    if entry.restoring:
        return 'ongoing-request="true"'
    return f'ongoing-request="false", expiry-date="{formatdate(entry.restored_until, usegmt=True)}"'


def _stretch(entry: Entry, req: Mapping[str, Any]) -> tuple[int, int] | None:
    """The bytes that a request wants, by range or by part; None for the whole."""
    number = req.get("PartNumber")
    if number is None:
        return byte_range(req.get("Range"), entry.size) if "Range" in req else None
    if "Range" in req:
        raise invalid_request("Cannot specify both Range header and partNumber query parameter")
    if not 1 <= number <= 10_000:
        raise invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive", "partNumber", number
        )
    at = 0
    for part in entry.parts:
        if part.number == number:
            return at, at + part.size
        at += part.size
    if not entry.parts and number == 1:
        return (0, entry.size) if entry.size else None
    raise Fault(
        "InvalidPartNumber",
        "The requested partnumber is not satisfiable",
        status=416,
        ActualPartCount=len(entry.parts) or 1,
        PartNumberRequested=number,
    )
