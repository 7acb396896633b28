"""Annotations: named notes of up to a megabyte on one version of an object.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAnnotation.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel import pages
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import encryption, versions
from gureum.services.s3.checksums import DEFAULT, MEMBERS
from gureum.services.s3.content import keep_small, small
from gureum.services.s3.drafts import check_digests, declared_checksum
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import precondition
from gureum.services.s3.objects.get import need_entry
from gureum.services.s3.operations import on_object, ops
from gureum.services.s3.records import Annotation, Bucket, Entry
from gureum.services.s3.work.notify import announce

if TYPE_CHECKING:
    from gureum.api import s3 as api

_LARGEST_BYTES = 1024 * 1024
_MOST = 1000
_LONGEST_NAME = 512


def _note(ctx: Context, req: Mapping[str, Any], method: str) -> tuple[Bucket, Entry, Annotation | None]:
    bucket = versions.bucket_of(ctx, dict(req))
    entry = need_entry(ctx, bucket, req, method)
    place = f"{bucket.name}\x00{req['Key']}\x00{entry.order}\x00{req['AnnotationName']}"
    return bucket, entry, ctx.table(Annotation).get(place)


def _need(found: Annotation | None) -> Annotation:
    if found is None:
        raise Fault("NoSuchAnnotation", "The specified annotation does not exist.", status=404)
    return found


def _key(ctx: Context) -> bytes:
    return encryption.new_key(ctx, encryption.SSE_S3, {}, "")[0]


@ops.on(targets=on_object("PutObjectAnnotation", "PutObjectVersionAnnotation"), keys=facts, data_event=True)
def put_object_annotation(ctx: Context, req: api.PutObjectAnnotationRequest) -> dict[str, Any]:
    """Put a note on a version. Faults: InvalidAnnotationName, AnnotationNameTooLong, AnnotationLimitExceeded."""
    bucket, entry, before = _note(ctx, req, "PUT")
    name, payload = req["AnnotationName"], req.get("AnnotationPayload", b"")
    if not name or "\x00" in name:
        raise Fault("InvalidAnnotationName", "The annotation name is not valid.", status=400)
    if len(name.encode()) > _LONGEST_NAME:
        raise Fault("AnnotationNameTooLong", "The annotation name is too long.", status=400)
    if "ObjectIfMatch" in req and req["ObjectIfMatch"].strip('"') != entry.etag:
        raise precondition("x-amz-object-if-match")
    body = payload if isinstance(payload, bytes) else payload.read()
    prefix = f"{bucket.name}\x00{req['Key']}\x00{entry.order}\x00"
    there = len(list(ctx.table(Annotation).scan(prefix=prefix)))
    if not _is_text(body):
        raise Fault("UnsupportedMediaType", "The annotation payload must be UTF-8 text.", status=415)
    if not 1 <= len(body) <= _LARGEST_BYTES or (before is None and there >= _MOST):
        raise Fault(
            "AnnotationLimitExceeded", "The annotations of this object exceed the limits.", status=400
        )
    algorithm, declared = declared_checksum(ctx, req)
    kept = keep_small(body, _key(ctx), algorithm or DEFAULT)
    check_digests(req, kept, algorithm, declared)
    note = Annotation(
        bucket=bucket.name,
        key=req["Key"],
        order=entry.order,
        name=name,
        modified=ctx.now,
        etag=kept.md5,
        data=kept.data,
        nonce=kept.nonce,
        size=kept.size,
        checksums={algorithm or DEFAULT: kept.checksum},
    )
    ctx.table(Annotation).put(note)
    if not entry.annotated:
        entry = msgspec.structs.replace(entry, annotated=True)
        versions.change_entry(ctx, bucket.name, req["Key"], entry)
    announce(ctx, bucket, "ObjectAnnotation:Put", req["Key"], entry)
    answer = {"Key": req["Key"], "AnnotationName": name, "ETag": f'"{note.etag}"', **_sums(note)}
    if bucket.versioning:
        answer["ObjectVersionId"] = entry.version_id
    return {**answer, "ServerSideEncryption": "AES256"}


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _sums(note: Annotation) -> dict[str, str]:
    found = {MEMBERS[name]: value for name, value in note.checksums.items()}
    return {**found, "ChecksumType": "FULL_OBJECT"}


@ops.on(targets=on_object("GetObjectAnnotation", "GetObjectVersionAnnotation"), keys=facts, data_event=True)
def get_object_annotation(ctx: Context, req: api.GetObjectAnnotationRequest) -> dict[str, Any]:
    """A note's bytes."""
    bucket, entry, found = _note(ctx, req, "GET")
    note = _need(found)
    answer: dict[str, Any] = {
        "AnnotationPayload": small(note, _key(ctx), 0, note.size),
        "ContentLength": note.size,
        "ETag": f'"{note.etag}"',
        "LastModified": note.modified,
        "ServerSideEncryption": "AES256",
    }
    if bucket.versioning:
        answer["ObjectVersionId"] = entry.version_id
    if req.get("ChecksumMode") == "ENABLED":
        answer |= _sums(note)
    return answer


@ops.on(
    targets=on_object("DeleteObjectAnnotation", "DeleteObjectVersionAnnotation"), keys=facts, data_event=True
)
def delete_object_annotation(ctx: Context, req: api.DeleteObjectAnnotationRequest) -> dict[str, Any]:
    """Take a note away."""
    bucket, entry, found = _note(ctx, req, "DELETE")
    if "ObjectIfMatch" in req and req["ObjectIfMatch"].strip('"') != entry.etag:
        raise precondition("x-amz-object-if-match")
    if found is not None:
        ctx.table(Annotation).drop(found)
        announce(ctx, bucket, "ObjectAnnotation:Delete", req["Key"], entry)
    return {"ObjectVersionId": entry.version_id} if bucket.versioning else {}


@ops.on(targets=on_object("ListObjectAnnotations", "ListObjectVersionAnnotations"), keys=facts)
def list_object_annotations(ctx: Context, req: api.ListObjectAnnotationsRequest) -> dict[str, Any]:
    """A page of a version's notes."""
    bucket = versions.bucket_of(ctx, req)
    entry = need_entry(ctx, bucket, req, "GET")
    most = min(req.get("MaxAnnotationResults", _MOST), _MOST)
    head = f"{bucket.name}\x00{req['Key']}\x00{entry.order}\x00"
    found, last = ctx.table(Annotation).page(
        most,
        pages.read_token(req.get("ContinuationToken"), "InvalidArgument"),
        prefix=f"{head}{req.get('AnnotationPrefix', '')}",
    )
    answer: dict[str, Any] = {
        "Annotations": [
            {
                "AnnotationName": note.name,
                "Size": note.size,
                "ETag": f'"{note.etag}"',
                "LastModified": note.modified,
            }
            for note in found
        ]
    }
    if last:
        answer["NextContinuationToken"] = pages.token(last)
    return answer
