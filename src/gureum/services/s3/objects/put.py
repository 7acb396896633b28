"""Writing an object. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel.context import Context
from gureum.services.s3 import encryption, versions
from gureum.services.s3.checksums import DEFAULT, MEMBERS
from gureum.services.s3.conditions import check_write
from gureum.services.s3.content import INLINE_BYTES, Kept, keep, keep_small
from gureum.services.s3.drafts import check_digests, declared_checksum, draft, etag_of
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_request
from gureum.services.s3.lifecycle import expiration_header
from gureum.services.s3.operations import ops, writes
from gureum.services.s3.records import (
    Bucket,
    Entry,
    Object,
    object_arn,
)
from gureum.services.s3.turns import Later, in_thread
from gureum.services.s3.work.notify import announce
from gureum.services.s3.work.replicate import mark, send

if TYPE_CHECKING:
    from gureum.api import s3 as api

_replace = msgspec.structs.replace
Ready = tuple[Entry, Kept]


@ops.inline
@ops.on(targets=writes(), keys=facts, data_event=True)
def put_object(ctx: Context, req: api.PutObjectRequest) -> dict[str, Any] | Later:
    """Write an object whole. Small ones are done on the spot, larger ones in a thread."""
    bucket = versions.bucket_of(ctx, req)
    if "WriteOffsetBytes" in req:
        raise invalid_request("Appending is for directory buckets only.")
    described = draft(ctx, bucket, req)
    algorithm, declared = declared_checksum(ctx, req)
    algorithm = algorithm or DEFAULT
    body = req.get("Body", b"")
    arn = object_arn(bucket.name, req["Key"])
    event = (
        "ObjectCreated:Post"
        if ctx.request is not None and ctx.request.method == "POST"
        else "ObjectCreated:Put"
    )
    if isinstance(body, bytes) and len(body) <= INLINE_BYTES and not encryption.slow(described.sse):
        key, sse = encryption.new_key(ctx, described.sse, req, arn)
        kept = keep_small(body, key, algorithm)
        check_digests(req, kept, algorithm, declared)
        entry = with_bytes(described, kept, sse, algorithm)
        return _store(ctx, bucket, req, entry, event)

    def prepare() -> Ready:
        key, sse = encryption.new_key(ctx, described.sse, req, arn)
        kept = keep(ctx.home, body, key, algorithm)
        return with_bytes(described, kept, sse, algorithm), kept

    def step(ready: Ready) -> dict[str, Any]:
        check_digests(req, ready[1], algorithm, declared)
        return _store(ctx, versions.bucket_of(ctx, req), req, ready[0], event)

    return in_thread(ctx, prepare, step, lambda ready: ready[1])


def with_bytes(described: Entry, kept: Kept, sse: Any, algorithm: str) -> Entry:
    """The entry with its bytes in it."""
    return _replace(
        described,
        size=kept.size,
        etag=etag_of(sse, kept.md5),
        data=kept.data,
        nonce=kept.nonce,
        pieces=kept.pieces,
        sse=sse,
        checksums={algorithm: kept.checksum},
    )


def _store(ctx: Context, bucket: Bucket, req: Mapping[str, Any], entry: Entry, event: str) -> dict[str, Any]:
    key = req["Key"]
    if "IfMatch" in req or "IfNoneMatch" in req:
        found = ctx.table(Object).get(bucket.name, key)
        check_write(req, found.entry if found is not None else None, key)
    entry = store_entry(ctx, bucket, key, entry, event)
    return told(bucket, key, entry)


def store_entry(ctx: Context, bucket: Bucket, key: str, entry: Entry, event: str) -> Entry:
    """Make an entry current, tell those who want to know, and send it on its way to replicas."""
    if bucket.settings:
        entry = mark(ctx, bucket, key, entry)
    entry = versions.put_entry(ctx, bucket, key, entry)
    if bucket.settings:
        announce(ctx, bucket, event, key, entry)
        send(ctx, bucket, key, entry)
    return entry


def told(bucket: Bucket, key: str, entry: Entry) -> dict[str, Any]:
    """What an answer to a write tells of the object."""
    answer: dict[str, Any] = {"ETag": f'"{entry.etag}"', **encryption.show(entry.sse)}
    for algorithm, value in entry.checksums.items():
        answer[MEMBERS[algorithm]] = value
        answer["ChecksumType"] = entry.checksum_type
    if bucket.versioning:
        answer["VersionId"] = entry.version_id
    if "Lifecycle" in bucket.settings and (header := expiration_header(bucket, key, entry)):
        answer["Expiration"] = header
    return answer
