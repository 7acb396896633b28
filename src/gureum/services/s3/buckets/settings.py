"""Configuration documents: they come whole, are kept in AWS's own words, and go back as they came."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import checksums, versions
from gureum.services.s3.content import Kept
from gureum.services.s3.door_policy import with_door_policy
from gureum.services.s3.drafts import check_digests, declared_checksum
from gureum.services.s3.faults import malformed
from gureum.services.s3.records import Bucket


def intact(ctx: Context, req: Mapping[str, Any]) -> None:
    """The document must have arrived as it was sent: Content-MD5 and checksum headers. Fault: BadDigest."""
    algorithm, declared = declared_checksum(ctx, req)
    if ctx.request is None or (not declared and "ContentMD5" not in req):
        return
    body = ctx.request.body
    text = body if isinstance(body, bytes) else body.read()
    checksum = ""
    if algorithm:
        digest = checksums.start(algorithm)
        digest.update(text)
        checksum = base64.b64encode(digest.digest()).decode()
    md5 = hashlib.md5(text, usedforsecurity=False).hexdigest()
    check_digests(req, Kept(len(text), md5, checksum), algorithm, declared)


def put_setting(ctx: Context, req: Mapping[str, Any], name: str, value: Any) -> Bucket:
    """Keep a document under a name. Faults: MalformedXML where it is missing, BadDigest, NoSuchBucket."""
    bucket = versions.bucket_of(ctx, dict(req))
    intact(ctx, req)
    if value is None:
        raise malformed()
    return change(ctx, bucket, settings={**bucket.settings, name: value})


def change(ctx: Context, bucket: Bucket, **fields: Any) -> Bucket:
    """Keep a bucket with other fields, and what the front door evaluates for it."""
    return ctx.table(Bucket).put(with_door_policy(msgspec.structs.replace(bucket, **fields)))


def need_setting(ctx: Context, req: Mapping[str, Any], name: str, code: str, text: str) -> Any:
    """The document of a name, or the fault that says that there is none."""
    bucket = versions.bucket_of(ctx, dict(req))
    if name not in bucket.settings:
        raise Fault(code, text, status=404, BucketName=bucket.name)
    return bucket.settings[name]


def drop_setting(ctx: Context, req: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Forget the document of a name; there need be none."""
    bucket = versions.bucket_of(ctx, dict(req))
    if name in bucket.settings:
        change(ctx, bucket, settings={k: v for k, v in bucket.settings.items() if k != name})
    return {}
