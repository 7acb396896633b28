"""Copying objects inside the cloud. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import encryption, versions
from gureum.services.s3.checksums import DEFAULT, MEMBERS
from gureum.services.s3.conditions import check_read, check_write
from gureum.services.s3.content import INLINE_BYTES, Kept, keep, keep_stream, link, read
from gureum.services.s3.drafts import draft, etag_of
from gureum.services.s3.facts import Facts, facts
from gureum.services.s3.faults import denied, invalid_argument, invalid_request
from gureum.services.s3.objects.get import ARCHIVED, need_entry
from gureum.services.s3.objects.put import store_entry, told
from gureum.services.s3.operations import copy_source, ops, target, writes
from gureum.services.s3.records import (
    Annotation,
    Bucket,
    Entry,
    Object,
    Sse,
    object_arn,
)
from gureum.services.s3.turns import Later, in_thread

if TYPE_CHECKING:
    from gureum.api import s3 as api

_replace = msgspec.structs.replace
_LARGEST_COPY = 5 * 1024**3


class Source(NamedTuple):
    """Where a copy comes from."""

    bucket: Bucket
    key: str
    entry: Entry
    version: str


@ops.inline
@ops.on(targets=writes(source=True), keys=facts, data_event=True)
def copy_object(ctx: Context, req: api.CopyObjectRequest) -> Later:
    """Copy an object, with its metadata and tags or with others."""
    bucket = versions.bucket_of(ctx, req)
    source = source_of(ctx, req)
    if source.entry.size > _LARGEST_COPY:
        raise invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy source: 5368709120"
        )
    described = _described(ctx, bucket, req, source)

    def prepare() -> tuple[Entry, Kept]:
        return _with_bytes(ctx, bucket, req, source, described)

    def step(ready: tuple[Entry, Kept]) -> dict[str, Any]:
        into = versions.bucket_of(ctx, req)
        if "IfMatch" in req or "IfNoneMatch" in req:
            found = ctx.table(Object).get(into.name, req["Key"])
            check_write(req, found.entry if found is not None else None, req["Key"])
        entry = store_entry(ctx, into, req["Key"], ready[0], "ObjectCreated:Copy")
        if req.get("AnnotationDirective", "COPY") == "COPY" and source.entry.annotated:
            entry = _copy_annotations(ctx, source, into, req["Key"], entry)
        return _answer(ctx, into, req["Key"], entry, source)

    return in_thread(ctx, prepare, step, lambda ready: ready[1])


def source_of(ctx: Context, req: Mapping[str, Any]) -> Source:
    """The version that `CopySource` names. Faults: NoSuchKey, PreconditionFailed, InvalidArgument, ..."""
    name, key, version = copy_source(req["CopySource"])
    if not name or not key:
        raise invalid_argument(
            "Invalid copy source object key" if name else "Invalid copy source bucket name",
            "x-amz-copy-source",
            req["CopySource"],
        )
    owner = req.get("ExpectedSourceBucketOwner", "")
    payer = {"RequestPayer": req["RequestPayer"]} if "RequestPayer" in req else {}
    bucket = versions.bucket_of(ctx, payer, name, owner)
    named = {"Key": key, **({"VersionId": version} if version else {})}
    if version and (found := versions.find_entry(ctx, name, key, version)) is not None and found.marker:
        raise invalid_request(
            "The source of a copy request may not specifically refer to a delete marker by version id."
        )
    entry = need_entry(ctx, bucket, named, "GET")
    check_read(req, entry, "CopySource")
    if entry.storage_class in ARCHIVED and entry.restored_until <= ctx.now:
        raise Fault(
            "ObjectNotInActiveTierError",
            "The source object of the COPY action is not in the active tier",
            status=403,
        )
    return Source(bucket, key, entry, version)


def _described(ctx: Context, bucket: Bucket, req: Mapping[str, Any], source: Source) -> Entry:
    """The copy without bytes: what is taken from the source, and what the request gives instead."""
    meta, tagging = req.get("MetadataDirective", "COPY"), req.get("TaggingDirective", "COPY")
    for value, name in ((meta, "x-amz-metadata-directive"), (tagging, "x-amz-tagging-directive")):
        if value not in {"COPY", "REPLACE"}:
            raise invalid_argument(f"Unknown directive: {value}", name, value)
    found = draft(ctx, bucket, req, tags=tagging == "REPLACE")
    entry = source.entry
    if meta == "COPY":
        kept = {k: v for k, v in entry.headers.items() if k != "WebsiteRedirectLocation"}
        redirect = {k: v for k, v in found.headers.items() if k == "WebsiteRedirectLocation"}
        found = _replace(found, headers=kept | redirect, metadata=entry.metadata)
    if tagging == "COPY":
        found = _replace(found, tags=entry.tags)
    changes = ("StorageClass", "ServerSideEncryption", "SSECustomerAlgorithm", "WebsiteRedirectLocation")
    same = source.bucket.name == bucket.name and source.key == req["Key"]
    if same and not source.version and meta == "COPY" and not any(name in req for name in changes):
        raise invalid_request(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )
    return found


def _with_bytes(
    ctx: Context, bucket: Bucket, req: Mapping[str, Any], source: Source, described: Entry
) -> tuple[Entry, Kept]:
    """Bytes of its own: the same files under new names where the key is the same, else encrypted anew."""
    entry = source.entry
    wanted = req.get("ChecksumAlgorithm", "")
    if wanted and wanted not in MEMBERS:
        raise invalid_request("Checksum algorithm provided is unsupported.")
    plain = described.sse.kind == "AES256" == entry.sse.kind
    if plain and not entry.parts and (not wanted or wanted in entry.checksums):
        pieces = link(ctx.home, entry.pieces)
        kept = Kept(entry.size, entry.etag, "", entry.data, entry.nonce, pieces)
        return _filled(described, kept, described.sse, entry.etag, entry.checksums), kept
    algorithm = wanted or next(iter(entry.checksums), DEFAULT)
    opened = encryption.key_of(ctx, entry.sse, req, object_arn(source.bucket.name, source.key), "CopySource")
    key, sse = encryption.new_key(ctx, described.sse, req, object_arn(bucket.name, req["Key"]))
    kept = keep_copy(ctx, read(ctx.home, entry, opened), entry.size, key, algorithm)
    return _filled(described, kept, sse, etag_of(sse, kept.md5), {algorithm: kept.checksum}), kept


def _copy_annotations(ctx: Context, source: Source, into: Bucket, key: str, entry: Entry) -> Entry:
    """The notes on the source go with it. Raises Fault AccessDenied where the caller may not read or write them."""
    wanted = (
        target("s3:GetObjectAnnotation", source.bucket.name, source.key),
        target("s3:PutObjectAnnotation", into.name, key),
    )
    if not all(ctx.may(one, Facts(ctx, {"Bucket": into.name, "Key": key})) for one in wanted):
        raise denied()
    table = ctx.table(Annotation)
    prefix = f"{source.bucket.name}\x00{source.key}\x00{source.entry.order}\x00"
    for note in list(table.scan(prefix=prefix)):
        table.put(_replace(note, bucket=into.name, key=key, order=entry.order))
    entry = _replace(entry, annotated=True)
    versions.change_entry(ctx, into.name, key, entry)
    return entry


def keep_copy(ctx: Context, chunks: Iterator[bytes], size: int, key: bytes, algorithm: str) -> Kept:
    """Keep bytes that come in chunks."""
    if size <= INLINE_BYTES:
        return keep(ctx.home, b"".join(chunks), key, algorithm)
    return keep_stream(ctx.home, chunks, key, algorithm)


def _filled(described: Entry, kept: Kept, sse: Sse, etag: str, sums: dict[str, str]) -> Entry:
    return _replace(
        described,
        size=kept.size,
        etag=etag,
        data=kept.data,
        nonce=kept.nonce,
        pieces=kept.pieces,
        sse=sse,
        checksums=sums,
    )


def _answer(ctx: Context, bucket: Bucket, key: str, entry: Entry, source: Source) -> dict[str, Any]:
    answer = told(bucket, key, entry)
    result = {"ETag": answer.pop("ETag"), "LastModified": entry.modified}
    for name in (*MEMBERS.values(), "ChecksumType"):
        if name in answer:
            result[name] = answer.pop(name)
    answer["CopyObjectResult"] = result
    if source.bucket.versioning:
        answer["CopySourceVersionId"] = source.entry.version_id
    return answer
