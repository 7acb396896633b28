"""Inventory reports: lists of a bucket's objects as gzipped CSV, with a manifest, in another bucket.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.services.s3.lifecycle import DAY
from gureum.services.s3.objects.list_versions import Listed, merged
from gureum.services.s3.records import (
    Bucket,
    Configuration,
    bucket_arn,
)
from gureum.services.s3.work.notify import iso

_PERIODS = {"Daily": DAY, "Weekly": 7 * DAY}
Show = Callable[[Bucket, Listed], str]


def _flag(value: bool) -> str:
    return "true" if value else "false"


FIELDS: dict[str, Show] = {
    "Size": lambda bucket, one: "" if one.entry.marker else str(one.entry.size),
    "LastModifiedDate": lambda bucket, one: iso(one.entry.modified),
    "ETag": lambda bucket, one: one.entry.etag,
    "StorageClass": lambda bucket, one: "" if one.entry.marker else one.entry.storage_class,
    "IsMultipartUploaded": lambda bucket, one: _flag(bool(one.entry.parts)),
    "ReplicationStatus": lambda bucket, one: one.entry.replication,
    "EncryptionStatus": lambda bucket, one: {
        "AES256": "SSE-S3",
        "aws:kms": "SSE-KMS",
        "aws:kms:dsse": "DSSE-KMS",
        "customer": "SSE-C",
    }.get(one.entry.sse.kind, "NOT-SSE"),
    "ObjectLockRetainUntilDate": lambda bucket, one: (
        iso(one.entry.lock_until) if one.entry.lock_until else ""
    ),
    "ObjectLockMode": lambda bucket, one: one.entry.lock_mode,
    "ObjectLockLegalHoldStatus": lambda bucket, one: "On" if one.entry.legal_hold else "Off",
    "BucketKeyStatus": lambda bucket, one: "ENABLED" if one.entry.sse.bucket_key else "DISABLED",
    "ChecksumAlgorithm": lambda bucket, one: ",".join(one.entry.checksums),
}


def write_if_due(ctx: Context, bucket: Bucket, report: Configuration) -> None:
    """Write a report whose day has come."""
    body = report.body
    period = _PERIODS[body["Schedule"]["Frequency"]]
    if not body.get("IsEnabled") or ctx.now - report.ran < period:
        return
    destination = body["Destination"]["S3BucketDestination"]
    all_versions = body["IncludedObjectVersions"] == "All"
    fields = ["Bucket", "Key", *(["VersionId", "IsLatest", "IsDeleteMarker"] if all_versions else [])]
    optional = [name for name in body.get("OptionalFields") or () if name in FIELDS]
    prefix = (body.get("Filter") or {}).get("Prefix", "")
    text = io.StringIO()
    lines = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    for one in merged(ctx, bucket.name, prefix, "", ""):
        if not all_versions and (not one.latest or one.entry.marker):
            continue
        row = [bucket.name, quote(one.key)]
        if all_versions:
            row += [one.entry.version_id, _flag(one.latest), _flag(one.entry.marker)]
        lines.writerow([*row, *(FIELDS[name](bucket, one) for name in optional)])
    _deliver(ctx, bucket, report, destination, [*fields, *optional], gzip.compress(text.getvalue().encode()))
    ctx.table(Configuration).put(msgspec.structs.replace(report, ran=ctx.now))


def _deliver(
    ctx: Context,
    bucket: Bucket,
    report: Configuration,
    destination: dict[str, Any],
    fields: list[str],
    data: bytes,
) -> None:
    into = destination["Bucket"].rpartition(":")[2]
    head = f"{destination['Prefix']}/" if destination.get("Prefix") else ""
    base = f"{head}{bucket.name}/{report.id}"
    data_key = f"{base}/data/{ids.uuid()}.csv.gz"
    manifest = msgspec.json.encode(
        {
            "sourceBucket": bucket.name,
            "destinationBucket": destination["Bucket"],
            "version": "2016-11-30",
            "creationTimestamp": str(int(ctx.now * 1000)),
            "fileFormat": "CSV",
            "fileSchema": ", ".join(fields),
            "files": [
                {
                    "key": data_key,
                    "size": len(data),
                    "MD5checksum": hashlib.md5(data, usedforsecurity=False).hexdigest(),
                }
            ],
        }
    )
    at = f"{base}/{time.strftime('%Y-%m-%dT%H-%MZ', time.gmtime(ctx.now))}"
    checksum = hashlib.md5(manifest, usedforsecurity=False).hexdigest()
    s3 = ctx.aws.for_(bucket_arn(bucket.name), bucket.region).s3
    for key, content in (
        (data_key, data),
        (f"{at}/manifest.json", manifest),
        (f"{at}/manifest.checksum", checksum.encode()),
    ):
        s3.put_object(Bucket=into, Key=key, Body=content, ACL="bucket-owner-full-control")
