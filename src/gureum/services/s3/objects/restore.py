"""Bringing archived objects back for a time, as GLACIER and DEEP_ARCHIVE ask for.

The bytes never left this machine, so a restore has nothing to wait for: it is done in the same moment.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_RestoreObject.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import versions
from gureum.services.s3.buckets.settings import intact
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_argument, malformed
from gureum.services.s3.lifecycle import DAY, midnight
from gureum.services.s3.objects.get import ARCHIVED, need_entry
from gureum.services.s3.operations import on_object, ops
from gureum.services.s3.work.notify import announce

if TYPE_CHECKING:
    from gureum.api import s3 as api


@ops.on(targets=on_object("RestoreObject"), keys=facts, data_event=True)
def restore_object(ctx: Context, req: api.RestoreObjectRequest) -> dict[str, Any]:
    """Make an archived object readable for some days; 202 where it was not, 200 where it already was."""
    bucket = versions.bucket_of(ctx, req)
    intact(ctx, req)
    entry = need_entry(ctx, bucket, req, "POST")
    wanted = req.get("RestoreRequest") or {}
    if wanted.get("Type") == "SELECT" or "SelectParameters" in wanted or "OutputLocation" in wanted:
        raise Fault("NotImplemented", "Select restores are not offered; use SelectObjectContent.", status=501)
    job: dict[str, Any] = dict(wanted.get("GlacierJobParameters") or {})
    tier = wanted.get("Tier") or job.get("Tier", "Standard")
    if tier not in {"Standard", "Bulk", "Expedited"}:
        raise malformed()
    if entry.storage_class not in ARCHIVED:
        text = "Restore is not allowed for the object's current storage class"
        raise Fault("InvalidObjectState", text, status=403, StorageClass=entry.storage_class)
    if tier == "Expedited" and entry.storage_class == "DEEP_ARCHIVE":
        raise invalid_argument("Retrieval option is not supported by this storage class", "Tier", tier)
    days = wanted.get("Days", 0)
    if days < 1:
        raise malformed()
    was_there = entry.restored_until > ctx.now
    entry = msgspec.structs.replace(entry, restored_until=midnight(ctx.now + days * DAY))
    versions.change_entry(ctx, bucket.name, req["Key"], entry)
    announce(ctx, bucket, "ObjectRestore:Post", req["Key"], entry)
    announce(ctx, bucket, "ObjectRestore:Completed", req["Key"], entry)
    ctx.response_status = 200 if was_there else 202
    return {}
