"""Named configurations: analytics, metrics, inventory and intelligent tiering.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory.html and its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gureum.kernel import ids, pages
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import versions
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import malformed
from gureum.services.s3.operations import on_bucket, ops
from gureum.services.s3.records import Configuration, Sweep
from gureum.services.s3.work.inventory import FIELDS

if TYPE_CHECKING:
    from gureum.api import s3 as api

_PAGE = 100
_MOST = 1000


def _put(ctx: Context, req: Mapping[str, Any], kind: str, body: Mapping[str, Any] | None) -> dict[str, Any]:
    """Keep one. Faults: MalformedXML, InvalidConfigurationId, TooManyConfigurations."""
    bucket = versions.bucket_of(ctx, dict(req))
    if body is None or not body.get("Id"):
        raise malformed()
    if body["Id"] != req["Id"]:
        text = "The specified configuration id does not match the one in the document."
        raise Fault("InvalidArgument", text, status=400, ArgumentName="Id", ArgumentValue=req["Id"])
    table = ctx.table(Configuration)
    there = table.get(f"{bucket.name}\x00{kind}\x00{req['Id']}")
    if there is None and len(list(table.scan(prefix=f"{bucket.name}\x00{kind}\x00"))) >= _MOST:
        text = (
            "You are attempting to create a new configuration but have already reached the 1,000-configuration "
            "limit."
        )
        raise Fault("TooManyConfigurations", text, status=400)
    table.put(Configuration(bucket=bucket.name, kind=kind, id=req["Id"], body=dict(body)))
    if kind == "inventory":
        _check_inventory(body)
        ctx.table(Sweep).put(Sweep(bucket=bucket.name, at=ids.uuid()))
    return {}


def _check_inventory(body: Mapping[str, Any]) -> None:
    """Refuse reports that could not be written as asked."""
    wanted = (body.get("Destination") or {}).get("S3BucketDestination") or {}
    if not wanted.get("Bucket") or (body.get("Schedule") or {}).get("Frequency") not in {"Daily", "Weekly"}:
        raise malformed()
    if wanted.get("Format") != "CSV" or "Encryption" in wanted:
        text = "Inventories are written here as CSV, encrypted as their bucket says."
        raise Fault("NotImplemented", text, status=501)
    unknown = [name for name in body.get("OptionalFields") or () if name not in FIELDS]
    if unknown:
        raise Fault("NotImplemented", f"Inventories have no {unknown[0]} here.", status=501)


def _need(ctx: Context, req: Mapping[str, Any], kind: str) -> Configuration:
    bucket = versions.bucket_of(ctx, dict(req))
    found = ctx.table(Configuration).get(f"{bucket.name}\x00{kind}\x00{req['Id']}")
    if found is None:
        raise Fault("NoSuchConfiguration", "The specified configuration does not exist.", status=404)
    return found


def _drop(ctx: Context, req: Mapping[str, Any], kind: str) -> dict[str, Any]:
    ctx.table(Configuration).drop(_need(ctx, req, kind))
    return {}


def _list(ctx: Context, req: Mapping[str, Any], kind: str, member: str) -> dict[str, Any]:
    bucket = versions.bucket_of(ctx, dict(req))
    token = req.get("ContinuationToken")
    found, last = ctx.table(Configuration).page(
        _PAGE, pages.read_token(token, "InvalidArgument"), prefix=f"{bucket.name}\x00{kind}\x00"
    )
    answer: dict[str, Any] = {"IsTruncated": bool(last), member: [one.body for one in found]}
    if token:
        answer["ContinuationToken"] = token
    if last:
        answer["NextContinuationToken"] = pages.token(last)
    return answer


@ops.on(targets=on_bucket("PutAnalyticsConfiguration"), keys=facts)
def put_bucket_analytics_configuration(
    ctx: Context, req: api.PutBucketAnalyticsConfigurationRequest
) -> dict[str, Any]:
    return _put(ctx, req, "analytics", req.get("AnalyticsConfiguration"))


@ops.on(targets=on_bucket("GetAnalyticsConfiguration"), keys=facts)
def get_bucket_analytics_configuration(
    ctx: Context, req: api.GetBucketAnalyticsConfigurationRequest
) -> dict[str, Any]:
    return {"AnalyticsConfiguration": _need(ctx, req, "analytics").body}


@ops.on(targets=on_bucket("PutAnalyticsConfiguration"), keys=facts)
def delete_bucket_analytics_configuration(
    ctx: Context, req: api.DeleteBucketAnalyticsConfigurationRequest
) -> dict[str, Any]:
    return _drop(ctx, req, "analytics")


@ops.on(targets=on_bucket("GetAnalyticsConfiguration"), keys=facts)
def list_bucket_analytics_configurations(
    ctx: Context, req: api.ListBucketAnalyticsConfigurationsRequest
) -> dict[str, Any]:
    return _list(ctx, req, "analytics", "AnalyticsConfigurationList")


@ops.on(targets=on_bucket("PutMetricsConfiguration"), keys=facts)
def put_bucket_metrics_configuration(
    ctx: Context, req: api.PutBucketMetricsConfigurationRequest
) -> dict[str, Any]:
    return _put(ctx, req, "metrics", req.get("MetricsConfiguration"))


@ops.on(targets=on_bucket("GetMetricsConfiguration"), keys=facts)
def get_bucket_metrics_configuration(
    ctx: Context, req: api.GetBucketMetricsConfigurationRequest
) -> dict[str, Any]:
    return {"MetricsConfiguration": _need(ctx, req, "metrics").body}


@ops.on(targets=on_bucket("PutMetricsConfiguration"), keys=facts)
def delete_bucket_metrics_configuration(
    ctx: Context, req: api.DeleteBucketMetricsConfigurationRequest
) -> dict[str, Any]:
    return _drop(ctx, req, "metrics")


@ops.on(targets=on_bucket("GetMetricsConfiguration"), keys=facts)
def list_bucket_metrics_configurations(
    ctx: Context, req: api.ListBucketMetricsConfigurationsRequest
) -> dict[str, Any]:
    return _list(ctx, req, "metrics", "MetricsConfigurationList")


@ops.on(targets=on_bucket("PutInventoryConfiguration"), keys=facts)
def put_bucket_inventory_configuration(
    ctx: Context, req: api.PutBucketInventoryConfigurationRequest
) -> dict[str, Any]:
    return _put(ctx, req, "inventory", req.get("InventoryConfiguration"))


@ops.on(targets=on_bucket("GetInventoryConfiguration"), keys=facts)
def get_bucket_inventory_configuration(
    ctx: Context, req: api.GetBucketInventoryConfigurationRequest
) -> dict[str, Any]:
    return {"InventoryConfiguration": _need(ctx, req, "inventory").body}


@ops.on(targets=on_bucket("PutInventoryConfiguration"), keys=facts)
def delete_bucket_inventory_configuration(
    ctx: Context, req: api.DeleteBucketInventoryConfigurationRequest
) -> dict[str, Any]:
    return _drop(ctx, req, "inventory")


@ops.on(targets=on_bucket("GetInventoryConfiguration"), keys=facts)
def list_bucket_inventory_configurations(
    ctx: Context, req: api.ListBucketInventoryConfigurationsRequest
) -> dict[str, Any]:
    return _list(ctx, req, "inventory", "InventoryConfigurationList")


@ops.on(targets=on_bucket("PutIntelligentTieringConfiguration"), keys=facts)
def put_bucket_intelligent_tiering_configuration(
    ctx: Context, req: api.PutBucketIntelligentTieringConfigurationRequest
) -> dict[str, Any]:
    return _put(ctx, req, "intelligent_tiering", req.get("IntelligentTieringConfiguration"))


@ops.on(targets=on_bucket("GetIntelligentTieringConfiguration"), keys=facts)
def get_bucket_intelligent_tiering_configuration(
    ctx: Context, req: api.GetBucketIntelligentTieringConfigurationRequest
) -> dict[str, Any]:
    return {"IntelligentTieringConfiguration": _need(ctx, req, "intelligent_tiering").body}


@ops.on(targets=on_bucket("PutIntelligentTieringConfiguration"), keys=facts)
def delete_bucket_intelligent_tiering_configuration(
    ctx: Context, req: api.DeleteBucketIntelligentTieringConfigurationRequest
) -> dict[str, Any]:
    return _drop(ctx, req, "intelligent_tiering")


@ops.on(targets=on_bucket("GetIntelligentTieringConfiguration"), keys=facts)
def list_bucket_intelligent_tiering_configurations(
    ctx: Context, req: api.ListBucketIntelligentTieringConfigurationsRequest
) -> dict[str, Any]:
    return _list(ctx, req, "intelligent_tiering", "IntelligentTieringConfigurationList")
