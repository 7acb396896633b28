"""Digest files: each hour's log files with their hashes, signed, each naming the one before.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
"""

from __future__ import annotations

import gzip
import hashlib
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.events import Called
from gureum.kernel.faults import Fault
from gureum.kernel.reconcile import Again, reconciler
from gureum.services.cloudtrail import destination, signing
from gureum.services.cloudtrail.event import iso
from gureum.services.cloudtrail.records import Delivery, Digest, Trail

_PERIOD_SECONDS = 3600
_RETRY_SECONDS = 5.0
_ALGORITHM = "SHA256withRSA"


def list_file(
    ctx: Context,
    trail: Trail,
    delivery: Delivery,
    source: str,
    key: str,
    plain: bytes,
    calls: Sequence[Called],
) -> None:
    """Put a delivered file on the list of the next digest, in the same unit of work."""
    table = ctx.table(Digest)
    digest = table.get(trail.name, source) or Digest(name=trail.name, source=source, start=delivery.started)
    entry = {
        "s3Bucket": trail.bucket,
        "s3Object": key,
        "hashValue": hashlib.sha256(plain).hexdigest(),
        "hashAlgorithm": "SHA-256",
        "newestEventTime": iso(calls[-1].at),
        "oldestEventTime": iso(calls[0].at),
    }
    table.put(replace(digest, files=(*digest.files, entry)))


def close_all(ctx: Context, name: str) -> None:
    """The trail is stopped and delivered: its last digests are due."""
    table = ctx.table(Digest)
    for digest in list(table.scan(prefix=f"{name}\x1f")):
        table.put(digest)


@reconciler(Digest)
def write_digest(ctx: Context, digest: Digest) -> Again[Digest] | Digest | None:
    """Once an hour while the trail is on, and once more when it is stopped."""
    trail, delivery = ctx.table(Trail).get(digest.name), ctx.table(Delivery).get(digest.name)
    if trail is None or delivery is None or not trail.validated:
        return None
    end = (digest.start // _PERIOD_SECONDS + 1) * _PERIOD_SECONDS
    if delivery.logging and ctx.now < end:
        return Again(digest, after=end - ctx.now)
    if not delivery.logging and not (delivery.drained and digest.files):
        return digest
    key = _key(ctx, trail, digest)
    if key == digest.previous_object:
        return Again(digest, after=1.0)
    try:
        after = _write(ctx, trail, digest, key)
    except Fault as fault:
        return Again(replace(digest, error=fault.code), after=_RETRY_SECONDS)
    return Again(after, after=_PERIOD_SECONDS - ctx.now % _PERIOD_SECONDS) if delivery.logging else after


def _write(ctx: Context, trail: Trail, digest: Digest, key: str) -> Digest:
    signer = signing.key_of(ctx)
    plain = msgspec.json.encode(_content(ctx, trail, digest, key, signer.fingerprint))
    hashed = hashlib.sha256(plain).hexdigest()
    text = f"{iso(ctx.now)}\n{trail.bucket}/{key}\n{hashed}\n{digest.previous_signature or 'null'}"
    signature = signing.sign(ctx, signer, text.encode())
    arn = ctx.table(Trail).arn(trail)
    metadata = {"signature": signature, "signature-algorithm": _ALGORITHM}
    destination.put(ctx, arn, trail.bucket, key, gzip.compress(plain), metadata)
    return replace(
        digest,
        start=ctx.now,
        files=(),
        previous_bucket=trail.bucket,
        previous_object=key,
        previous_hash=hashed,
        previous_signature=signature,
        delivered=ctx.now,
        error="",
    )


def _content(ctx: Context, trail: Trail, digest: Digest, key: str, fingerprint: str) -> dict[str, Any]:
    files = digest.files
    return {
        "awsAccountId": ctx.account,
        "digestStartTime": iso(digest.start),
        "digestEndTime": iso(ctx.now),
        "digestS3Bucket": trail.bucket,
        "digestS3Object": key,
        "digestPublicKeyFingerprint": fingerprint,
        "digestSignatureAlgorithm": _ALGORITHM,
        "newestEventTime": max((f["newestEventTime"] for f in files), default=None),
        "oldestEventTime": min((f["oldestEventTime"] for f in files), default=None),
        "previousDigestS3Bucket": digest.previous_bucket or None,
        "previousDigestS3Object": digest.previous_object or None,
        "previousDigestHashValue": digest.previous_hash or None,
        "previousDigestHashAlgorithm": "SHA-256" if digest.previous_hash else None,
        "previousDigestSignature": digest.previous_signature or None,
        "logFiles": list(files),
    }


def _key(ctx: Context, trail: Trail, digest: Digest) -> str:
    at = time.gmtime(ctx.now)
    return (
        f"{destination.folder(trail.prefix, ctx.account)}-Digest/{digest.source}/{time.strftime('%Y/%m/%d', at)}/"
        f"{ctx.account}_CloudTrail-Digest_{digest.source}_{trail.name}_{ctx.region}_"
        f"{time.strftime('%Y%m%dT%H%M%SZ', at)}.json.gz"
    )
