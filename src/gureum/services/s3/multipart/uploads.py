"""Starting, listing and aborting uploads in parts.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.services.s3 import encryption, versions
from gureum.services.s3.acl_rules import canonical_id
from gureum.services.s3.checksums import ALGORITHMS, COMPOSITE_ONLY, FULL_ONLY
from gureum.services.s3.drafts import draft
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_request, no_such_upload
from gureum.services.s3.objects.list import coder, most_keys
from gureum.services.s3.operations import on_bucket, on_object, ops, writes
from gureum.services.s3.records import (
    Bucket,
    Part,
    Upload,
    object_arn,
)

if TYPE_CHECKING:
    from gureum.api import s3 as api


@ops.on(targets=writes(), keys=facts, data_event=True)
def create_multipart_upload(ctx: Context, req: api.CreateMultipartUploadRequest) -> dict[str, Any]:
    """Start an upload: everything but the bytes is said here."""
    bucket = versions.bucket_of(ctx, req)
    described = draft(ctx, bucket, req)
    algorithm, kind = _checksum(req)
    _, sse = encryption.new_key(ctx, described.sse, req, object_arn(bucket.name, req["Key"]))
    upload = Upload(
        bucket=bucket.name,
        key=req["Key"],
        id=ids.alphanumeric(64),
        started=ctx.now,
        initiator=ctx.principal.arn,
        draft=msgspec.structs.replace(described, sse=sse),
        algorithm=algorithm,
        checksum_type=kind,
    )
    ctx.table(Upload).add(upload)
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "Key": req["Key"],
        "UploadId": upload.id,
        **encryption.show(sse),
    }
    if algorithm:
        answer |= {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    return answer


def _checksum(req: Mapping[str, Any]) -> tuple[str, str]:
    """(algorithm, type) of the upload's checksum. Raises Fault InvalidRequest for what cannot go together."""
    algorithm, kind = req.get("ChecksumAlgorithm", ""), req.get("ChecksumType", "")
    if algorithm and algorithm not in ALGORITHMS:
        raise invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )
    if kind and not algorithm:
        raise invalid_request(
            "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
        )
    if not algorithm:
        return "", ""
    kind = kind or ("FULL_OBJECT" if algorithm in FULL_ONLY else "COMPOSITE")
    if (kind == "FULL_OBJECT" and algorithm in COMPOSITE_ONLY) or (
        kind == "COMPOSITE" and algorithm in FULL_ONLY
    ):
        raise invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return algorithm, kind


def upload_of(ctx: Context, req: Mapping[str, Any]) -> Upload:
    """The upload that a request names. Raises Fault NoSuchUpload."""
    found = ctx.table(Upload).get(f"{req['Bucket']}\x00{req['Key']}\x00{req['UploadId']}")
    if found is None:
        raise no_such_upload(req["UploadId"])
    return found


def parts_of(ctx: Context, upload: Upload) -> list[Part]:
    """The parts that have arrived, in order."""
    return list(ctx.table(Part).scan(prefix=f"{upload.id}\x1f"))


@ops.on(targets=on_object("AbortMultipartUpload"), keys=facts, data_event=True)
def abort_multipart_upload(ctx: Context, req: api.AbortMultipartUploadRequest) -> dict[str, Any]:
    """Give an upload up; its parts go."""
    versions.bucket_of(ctx, req)
    upload = upload_of(ctx, req)
    if "IfMatchInitiatedTime" in req and int(upload.started) != int(req["IfMatchInitiatedTime"]):
        raise invalid_request("The initiated time does not match the upload's.")
    abandon(ctx, upload)
    return {}


def abandon(ctx: Context, upload: Upload) -> None:
    """Drop an upload and its parts."""
    table = ctx.table(Part)
    for part in parts_of(ctx, upload):
        table.drop(part)
        versions.leave(ctx, tuple(piece.id for piece in part.pieces))
    ctx.table(Upload).drop(upload)


def owner_of(bucket: Bucket) -> dict[str, str]:
    return {"ID": canonical_id(bucket.owner)}


@ops.on(targets=on_bucket("ListBucketMultipartUploads"), keys=facts)
def list_multipart_uploads(ctx: Context, req: api.ListMultipartUploadsRequest) -> dict[str, Any]:
    """A page of the uploads in progress, by key and then by age."""
    bucket = versions.bucket_of(ctx, req)
    code, most = coder(req), most_keys(req.get("MaxUploads"))
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    key_marker, id_marker = req.get("KeyMarker", ""), req.get("UploadIdMarker", "")
    found = sorted(
        ctx.table(Upload).scan(prefix=f"{bucket.name}\x00{prefix}"),
        key=lambda up: (up.key, up.started, up.id),
    )
    found = _after(found, key_marker, id_marker)
    shown: list[dict[str, Any]] = []
    prefixes: list[str] = []
    last, truncated = ("", ""), False
    for upload in found:
        at = upload.key.find(delimiter, len(prefix)) if delimiter else -1
        common = upload.key[: at + len(delimiter)] if at >= 0 else ""
        if common and (common in prefixes or common == key_marker):
            continue
        if len(shown) + len(prefixes) == most:
            truncated = True
            break
        last = (common or upload.key, "" if common else upload.id)
        if common:
            prefixes.append(common)
        else:
            shown.append(_show(upload, bucket, code(upload.key)))
    answer: dict[str, Any] = {
        "Bucket": bucket.name,
        "KeyMarker": code(key_marker),
        "UploadIdMarker": id_marker,
        "MaxUploads": most,
        "IsTruncated": truncated,
        "Prefix": code(prefix),
        "Uploads": shown,
    }
    if truncated:
        answer |= {"NextKeyMarker": code(last[0]), "NextUploadIdMarker": last[1]}
    if delimiter:
        answer["Delimiter"] = code(delimiter)
        answer["CommonPrefixes"] = [{"Prefix": code(one)} for one in prefixes]
    if "EncodingType" in req:
        answer["EncodingType"] = req["EncodingType"]
    return answer


def _after(found: list[Upload], key_marker: str, id_marker: str) -> list[Upload]:
    if not key_marker:
        return found
    if not id_marker:
        return [upload for upload in found if upload.key > key_marker]
    at = next((i for i, up in enumerate(found) if (up.key, up.id) == (key_marker, id_marker)), None)
    if at is None:
        return [upload for upload in found if upload.key > key_marker]
    return found[at + 1 :]


def _show(upload: Upload, bucket: Bucket, key: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "UploadId": upload.id,
        "Key": key,
        "Initiated": upload.started,
        "StorageClass": upload.draft.storage_class,
        "Owner": owner_of(bucket),
        "Initiator": {"ID": upload.initiator, "DisplayName": upload.initiator.rpartition("/")[2]},
    }
    if upload.algorithm:
        told |= {"ChecksumAlgorithm": upload.algorithm, "ChecksumType": upload.checksum_type}
    return told
