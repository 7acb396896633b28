"""The parts of an upload: sent, copied, listed. https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import encryption, versions
from gureum.services.s3.checksums import DEFAULT, MEMBERS
from gureum.services.s3.conditions import byte_range
from gureum.services.s3.content import Kept, keep, link, read
from gureum.services.s3.drafts import check_digests, declared_checksum, etag_of
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_argument, invalid_request
from gureum.services.s3.multipart.uploads import owner_of, parts_of, upload_of
from gureum.services.s3.objects.copy import Source, keep_copy, source_of
from gureum.services.s3.operations import copy_source, on_object, ops, target
from gureum.services.s3.records import (
    Part,
    Upload,
    object_arn,
)
from gureum.services.s3.turns import Later, in_thread

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gureum.api import s3 as api
    from gureum.kernel.operations import Target

MOST_PARTS = 10_000


@ops.inline
@ops.on(targets=on_object("PutObject"), keys=facts, data_event=True)
def upload_part(ctx: Context, req: api.UploadPartRequest) -> Later:
    """Keep one part; one of the same number is replaced."""
    versions.bucket_of(ctx, req)
    upload = upload_of(ctx, req)
    number = _number(req)
    algorithm, declared = declared_checksum(ctx, req)
    algorithm = _algorithm(upload, algorithm)

    def prepare() -> Kept:
        key = _key(ctx, upload, req)
        return keep(ctx.home, req.get("Body", b""), key, algorithm)

    def step(kept: Kept) -> dict[str, Any]:
        check_digests(req, kept, algorithm, declared)
        part = _store(ctx, upload_of(ctx, req), number, kept, algorithm)
        shown = {MEMBERS[algorithm]: kept.checksum} if declared or upload.algorithm else {}
        return {"ETag": f'"{part.etag}"', **shown, **encryption.show(upload.draft.sse)}

    return in_thread(ctx, prepare, step, lambda kept: kept)


def _number(req: Mapping[str, Any]) -> int:
    number: int = req["PartNumber"]
    if not 1 <= number <= MOST_PARTS:
        raise invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive", "partNumber", number
        )
    return number


def _algorithm(upload: Upload, given: str) -> str:
    if upload.algorithm and given and given != upload.algorithm:
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.algorithm.lower()}, actual checksum "
            f"Type: {given.lower()}"
        )
    return upload.algorithm or given or DEFAULT


def _key(ctx: Context, upload: Upload, req: Mapping[str, Any]) -> bytes:
    sse = upload.draft.sse
    if sse.kind == "customer" and "SSECustomerKey" not in req:
        raise invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the "
            "appropriate encryption parameters."
        )
    return encryption.key_of(ctx, sse, req, object_arn(upload.bucket, upload.key))


def _store(ctx: Context, upload: Upload, number: int, kept: Kept, algorithm: str) -> Part:
    table = ctx.table(Part)
    written = f"{number:05d}"
    before = table.get(upload.id, written)
    if before is not None:
        versions.leave(ctx, tuple(piece.id for piece in before.pieces))
    return table.put(
        Part(
            bucket=upload.bucket,
            upload=upload.id,
            number=written,
            modified=ctx.now,
            etag=etag_of(upload.draft.sse, kept.md5),
            size=kept.size,
            data=kept.data,
            nonce=kept.nonce,
            pieces=kept.pieces,
            checksums={algorithm: kept.checksum},
        )
    )


def _copies(_account: str, _region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    bucket, key, version = copy_source(req.get("CopySource", ""))
    action = "s3:GetObjectVersion" if version else "s3:GetObject"
    return (target("s3:PutObject", req["Bucket"], req["Key"]), target(action, bucket, key))


@ops.inline
@ops.on(targets=_copies, keys=facts, data_event=True)
def upload_part_copy(ctx: Context, req: api.UploadPartCopyRequest) -> Later:
    """Make a part of an object that is there, or of a range of it."""
    versions.bucket_of(ctx, req)
    upload = upload_of(ctx, req)
    number = _number(req)
    source = source_of(ctx, req)
    start, end = _range(req, source)
    algorithm = _algorithm(upload, "")

    def prepare() -> Kept:
        entry = source.entry
        key = _key(ctx, upload, req)
        whole = (start, end) == (0, entry.size) and not entry.parts
        if whole and entry.sse.kind == "AES256" == upload.draft.sse.kind and algorithm in entry.checksums:
            pieces = link(ctx.home, entry.pieces)
            return Kept(entry.size, entry.etag, entry.checksums[algorithm], entry.data, entry.nonce, pieces)
        arn = object_arn(source.bucket.name, source.key)
        opened = encryption.key_of(ctx, entry.sse, req, arn, "CopySource")
        return keep_copy(ctx, read(ctx.home, entry, opened, start, end), end - start, key, algorithm)

    def step(kept: Kept) -> dict[str, Any]:
        part = _store(ctx, upload_of(ctx, req), number, kept, algorithm)
        shown = {MEMBERS[algorithm]: kept.checksum} if upload.algorithm else {}
        answer: dict[str, Any] = {
            "CopyPartResult": {"ETag": f'"{part.etag}"', "LastModified": part.modified, **shown},
            **encryption.show(upload.draft.sse),
        }
        if source.bucket.versioning:
            answer["CopySourceVersionId"] = source.entry.version_id
        return answer

    return in_thread(ctx, prepare, step, lambda kept: kept)


def _range(req: Mapping[str, Any], source: Source) -> tuple[int, int]:
    text = req.get("CopySourceRange")
    if text is None:
        return 0, source.entry.size
    try:
        found = byte_range(text, source.entry.size)
    except Fault:
        found = None
    last = text.rpartition("-")[2]
    if found is None or not last.isdigit() or int(last) >= source.entry.size:
        raise invalid_argument(
            f"Range specified is not valid for source object of size: {source.entry.size}",
            "x-amz-copy-source-range",
            text,
        )
    return found


@ops.on(targets=on_object("ListMultipartUploadParts"), keys=facts)
def list_parts(ctx: Context, req: api.ListPartsRequest) -> dict[str, Any]:
    """A page of the parts that have arrived."""
    bucket = versions.bucket_of(ctx, req)
    upload = upload_of(ctx, req)
    if upload.draft.sse.kind == "customer" and "SSECustomerKey" in req:
        _key(ctx, upload, req)
    most, after = min(req.get("MaxParts", 1000), 1000), int(req.get("PartNumberMarker") or 0)
    if most < 0:
        raise invalid_argument(
            "Argument max-parts must be an integer between 0 and 2147483647", "max-parts", most
        )
    waiting = [part for part in parts_of(ctx, upload) if int(part.number) > after]
    page = waiting[:most]
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.id,
        "PartNumberMarker": after,
        "MaxParts": most,
        "IsTruncated": len(waiting) > most,
        "StorageClass": upload.draft.storage_class,
        "Owner": owner_of(bucket),
        "Initiator": {"ID": upload.initiator, "DisplayName": upload.initiator.rpartition("/")[2]},
        "Parts": [_show(part, upload) for part in page],
    }
    if page:
        answer["NextPartNumberMarker"] = int(page[-1].number)
    if upload.algorithm:
        answer |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_type}
    return answer


def _show(part: Part, upload: Upload) -> dict[str, Any]:
    told: dict[str, Any] = {
        "PartNumber": int(part.number),
        "LastModified": part.modified,
        "ETag": f'"{part.etag}"',
        "Size": part.size,
    }
    if upload.algorithm:
        told |= {MEMBERS[name]: value for name, value in part.checksums.items()}
    return told
