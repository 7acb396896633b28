"""Regions and whether an account can use them. Here all can be used, those too that AWS has one opt in to.

https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.account import standing
from gureum.services.account.operations import on_account, ops

if TYPE_CHECKING:
    from gureum.api import account as api

_DEFAULT = [
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ca-central-1",
    "eu-central-1",
    "eu-north-1",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
]
_OPT_IN = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
]
REGIONS: dict[str, str] = dict.fromkeys(_DEFAULT, "ENABLED_BY_DEFAULT") | dict.fromkeys(_OPT_IN, "ENABLED")


@ops.on(targets=on_account("ListRegions"))
def list_regions(ctx: Context, req: api.ListRegionsRequest) -> api.ListRegionsResponse:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html"""
    standing.account(ctx, req.get("AccountId"))
    wanted = req.get("RegionOptStatusContains")
    found = ctx.page(req, 50).items(
        (name for name, status in REGIONS.items() if not wanted or status in wanted),
        str,
        lambda name: {"RegionName": name, "RegionOptStatus": REGIONS[name]},
    )
    return cast("api.ListRegionsResponse", found)


@ops.on(targets=on_account("GetRegionOptStatus"))
def get_region_opt_status(ctx: Context, req: api.GetRegionOptStatusRequest) -> api.GetRegionOptStatusResponse:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_GetRegionOptStatus.html"""
    standing.account(ctx, req.get("AccountId"))
    name = req["RegionName"]
    if name not in REGIONS:
        raise Fault("ValidationException", f"The region {name} is not a valid region.")
    return {"RegionName": name, "RegionOptStatus": cast("api.RegionOptStatus", REGIONS[name])}
