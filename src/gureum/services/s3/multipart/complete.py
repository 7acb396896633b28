"""Completing an upload: the object becomes the list of its parts' files, without copying a byte.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import checksums, encryption, versions
from gureum.services.s3.checksums import ALGORITHMS, DEFAULT, MEMBERS
from gureum.services.s3.conditions import check_write
from gureum.services.s3.content import Kept, keep_stream, read
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_request, malformed
from gureum.services.s3.multipart.uploads import parts_of, upload_of
from gureum.services.s3.objects.put import store_entry, told
from gureum.services.s3.operations import on_object, ops
from gureum.services.s3.records import (
    Entry,
    Object,
    Part,
    PartInfo,
    Piece,
    Upload,
    object_arn,
)
from gureum.services.s3.turns import Later, in_thread

if TYPE_CHECKING:
    from gureum.api import s3 as api

LEAST_PART_BYTES = 5 * 1024 * 1024
_replace = msgspec.structs.replace


@ops.inline
@ops.on(targets=on_object("PutObject"), keys=facts, data_event=True)
def complete_multipart_upload(ctx: Context, req: api.CompleteMultipartUploadRequest) -> Later:
    """Make the listed parts one object."""
    versions.bucket_of(ctx, req)
    upload = upload_of(ctx, req)

    def prepare() -> Kept:
        """A single small part lies in its record; so may the object. Of several, each gets a file."""
        parts = _listed(ctx, upload, req)
        loose = [part for part in parts if part.data]
        if not loose or len(parts) == 1:
            return Kept(0, "", "")
        key = encryption.key_of(ctx, upload.draft.sse, req, object_arn(upload.bucket, upload.key))
        pieces: tuple[Piece, ...] = ()
        for part in loose:
            pieces += _as_file(ctx, part, key)
        return Kept(0, "", "", pieces=pieces)

    def step(made: Kept) -> dict[str, Any]:
        return _complete(ctx, req, made)

    return in_thread(ctx, prepare, step, lambda made: made)


def _as_file(ctx: Context, part: Part, key: bytes) -> tuple[Piece, ...]:
    return keep_stream(ctx.home, read(ctx.home, part, key), key, "CRC32").pieces


def _complete(ctx: Context, req: Mapping[str, Any], made: Kept) -> dict[str, Any]:
    bucket = versions.bucket_of(ctx, dict(req))
    upload = upload_of(ctx, req)
    parts = _listed(ctx, upload, req)
    current = ctx.table(Object).get(bucket.name, upload.key)
    check_write(req, current.entry if current is not None else None, upload.key)
    entry = _joined(ctx, upload, parts, made)
    _check_declared(req, upload, entry)
    entry = store_entry(ctx, bucket, upload.key, entry, "ObjectCreated:CompleteMultipartUpload")
    table, used = ctx.table(Part), {part.number for part in parts}
    for part in parts_of(ctx, upload):
        table.drop(part)
        if part.number not in used:
            versions.leave(ctx, tuple(piece.id for piece in part.pieces))
    ctx.table(Upload).drop(upload)
    return {
        "Location": f"{ctx.endpoint}/{bucket.name}/{upload.key}",
        "Bucket": bucket.name,
        "Key": upload.key,
        **told(bucket, upload.key, entry),
    }


def _listed(ctx: Context, upload: Upload, req: Mapping[str, Any]) -> list[Part]:
    """The parts that the request lists, each there and as it says. Faults: InvalidPart, InvalidPartOrder, ..."""
    listed = (req.get("MultipartUpload") or {}).get("Parts") or []
    if not listed:
        raise malformed()
    there = {int(part.number): part for part in parts_of(ctx, upload)}
    found: list[Part] = []
    last = 0
    for item in listed:
        number = item.get("PartNumber", 0)
        if number <= last:
            raise Fault(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
                status=400,
                UploadId=upload.id,
            )
        last = number
        part = there.get(number)
        if part is None or part.etag != item.get("ETag", "").strip('"') or not _same_checksum(part, item):
            raise _invalid_part(upload, number, item.get("ETag", ""))
        found.append(part)
    for part in found[:-1]:
        if part.size < LEAST_PART_BYTES:
            raise Fault(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                status=400,
                ETag=part.etag,
                MinSizeAllowed=LEAST_PART_BYTES,
                PartNumber=int(part.number),
                ProposedSize=part.size,
            )
    size = sum(part.size for part in found)
    if "MpuObjectSize" in req and int(req["MpuObjectSize"]) != size:
        raise invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {req['MpuObjectSize']} does not match what was "
            f"computed: {size}"
        )
    return found


def _same_checksum(part: Part, item: Mapping[str, Any]) -> bool:
    return all(
        part.checksums.get(name) == item[MEMBERS[name]] for name in ALGORITHMS if item.get(MEMBERS[name])
    )


def _invalid_part(upload: Upload, number: int, etag: str) -> Fault:
    return Fault(
        "InvalidPart",
        "One or more of the specified parts could not be found.  The part may not have been uploaded, or the "
        "specified entity tag may not match the part's entity tag.",
        status=400,
        UploadId=upload.id,
        PartNumber=number,
        ETag=etag.strip('"'),
    )


def _joined(ctx: Context, upload: Upload, parts: list[Part], made: Kept) -> Entry:
    spare = list(made.pieces)
    pieces: list[Piece] = []
    data = nonce = b""
    for part in parts:
        if not part.data:
            pieces += part.pieces
        elif len(parts) == 1:
            data, nonce = part.data, part.nonce
        else:
            pieces.append(spare.pop(0))
    sums, kind = _checksum(upload, parts)
    per_part = upload.algorithm
    infos = tuple(
        PartInfo(int(part.number), part.size, part.checksums.get(per_part, "") if per_part else "")
        for part in parts
    )
    return _replace(
        upload.draft,
        modified=ctx.now,
        size=sum(part.size for part in parts),
        etag=joined_etag([part.etag for part in parts]),
        data=data,
        nonce=nonce,
        pieces=tuple(pieces),
        checksums=sums,
        checksum_type=kind,
        parts=infos,
    )


def joined_etag(etags: list[str]) -> str:
    """The MD5 of the parts' MD5s, a hyphen, and how many there are."""
    joined = hashlib.md5(b"".join(bytes.fromhex(etag) for etag in etags), usedforsecurity=False)
    return f"{joined.hexdigest()}-{len(etags)}"


def _checksum(upload: Upload, parts: list[Part]) -> tuple[dict[str, str], str]:
    algorithm = upload.algorithm
    kind = upload.checksum_type
    if not algorithm:  # what clients said of their parts by themselves
        names = {name for part in parts for name in part.checksums}
        algorithm = names.pop() if len(names) == 1 else ""
        kind = "FULL_OBJECT" if algorithm in {DEFAULT, "CRC32", "CRC32C"} else "COMPOSITE"
    if not algorithm:
        return {}, "FULL_OBJECT"
    values = [(part.checksums[algorithm], part.size) for part in parts if algorithm in part.checksums]
    if len(values) < len(parts):
        return {}, "FULL_OBJECT"
    if kind == "FULL_OBJECT":
        return {algorithm: checksums.combined(algorithm, values)}, kind
    return {algorithm: checksums.composite(algorithm, [value for value, _ in values])}, kind


def _check_declared(req: Mapping[str, Any], upload: Upload, entry: Entry) -> None:
    if req.get("ChecksumType") and upload.checksum_type and req["ChecksumType"] != upload.checksum_type:
        raise invalid_request(
            "The upload was created with another checksum type: the complete request must include the same one."
        )
    for name in ALGORITHMS:
        wanted = req.get(MEMBERS[name])
        there = entry.checksums.get(name, "")
        if wanted is not None and wanted not in {there, there.partition("-")[0]}:
            raise Fault(
                "BadDigest",
                f"The {name} you specified did not match the calculated checksum.",
                status=400,
            )
