"""Server access logs: what was asked of a bucket, in lines, delivered to the bucket that its owner names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.events import Called, listener
from gureum.kernel.faults import Fault
from gureum.kernel.models import load
from gureum.kernel.principal import service_principal
from gureum.services.s3.acl_rules import canonical_id
from gureum.services.s3.records import (
    Bucket,
    bucket_arn,
)

DELIVERY = "logging.s3.amazonaws.com"


@listener("called", "s3")
def deliver_logs(ctx: Context, events: Sequence[Any]) -> None:
    """One object of lines for each logged bucket in the batch. What may not be delivered is lost, as on AWS."""
    lines: dict[str, list[str]] = {}
    buckets: dict[str, Bucket | None] = {}
    for event in events:
        name = (event.request or {}).get("Bucket", "")
        if not name or event.source_ip == DELIVERY:
            continue
        if name not in buckets:
            found = ctx.table(Bucket).get(name)
            buckets[name] = found if found is not None and "Logging" in found.settings else None
        if (bucket := buckets[name]) is not None:
            lines.setdefault(name, []).append(_line(bucket, event))
    for name, listed in lines.items():
        if (bucket := buckets[name]) is not None:
            _deliver(ctx, bucket, listed)


def _deliver(ctx: Context, bucket: Bucket, lines: list[str]) -> None:
    logging = bucket.settings["Logging"]
    moment = time.gmtime(ctx.now)
    stamp = f"{time.strftime('%Y-%m-%d-%H-%M-%S', moment)}-{ids.hexadecimal(16).upper()}"
    key = logging["TargetPrefix"] + stamp
    form = (logging.get("TargetObjectKeyFormat") or {}).get("PartitionedPrefix")
    if form is not None:
        day = time.strftime("%Y/%m/%d", moment)
        key = f"{logging['TargetPrefix']}{bucket.owner}/{bucket.region}/{bucket.name}/{day}/{stamp}"
    principal = service_principal(DELIVERY, source_arn=bucket_arn(bucket.name), source_account=bucket.owner)
    try:
        ctx.aws.as_(principal, bucket.region).s3.put_object(
            Bucket=logging["TargetBucket"], Key=key, Body="".join(lines).encode(), ContentType="text/plain"
        )
    except Fault as fault:
        if fault.status is not None and fault.status >= 500:
            raise


def _line(bucket: Bucket, event: Called) -> str:
    request = event.request or {}
    key = quote(request["Key"]) if "Key" in request else "-"
    requester = event.identity.get("arn") or "-"
    method, operation, status = _named(event.operation)
    path = f"/{bucket.name}" + (f"/{key}" if key != "-" else "")
    fields = [
        canonical_id(bucket.owner),
        bucket.name,
        time.strftime("[%d/%b/%Y:%H:%M:%S +0000]", time.gmtime(event.at)),
        event.source_ip or "-",
        requester,
        event.request_id,
        operation,
        key,
        f'"{method} {path} HTTP/1.1"',
        "-" if event.error else str(status),
        event.error[0] if event.error else "-",
        *(["-"] * 5),  # sizes and times are not in the trail
        f'"{event.user_agent}"' if event.user_agent else "-",
        request.get("VersionId", "-"),
        "-",
        "SigV4" if requester != "-" else "-",
        "-",
        "AuthHeader" if requester != "-" else "-",
        "-",
        "TLSv1.3" if event.tls else "-",
        "-",
        "-",
    ]
    return " ".join(fields) + "\n"


@lru_cache(maxsize=256)
def _named(operation: str) -> tuple[str, str, int]:
    """(HTTP method, `REST.GET.OBJECT`, status of a success) of an operation."""
    model = load("s3").operations[operation]
    path, _, query = model.uri.partition("?")
    part = query.partition("&")[0].partition("=")[0].upper().replace("-", "_")
    plain = "OBJECT" if "{Key" in path else "BUCKET"
    resource = plain if part in {"", "LIST_TYPE", "X_ID"} else part
    return model.method, f"REST.{model.method}.{resource}", model.status
