"""Resources by their tags: what has been tagged in an account and region, keys and values in use.

https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from gureum.kernel import pages, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.tags import Tagged
from gureum.services.resourcegroupstaggingapi import arns, compliance
from gureum.services.resourcegroupstaggingapi.operations import ops

if TYPE_CHECKING:
    from gureum.api import resourcegroupstaggingapi as api

HOME_REGION = "us-east-1"
"""Where resources that lie in no region are listed."""
_MOST_RESOURCES = 100
_PAGE = 50


@ops.on()
def get_resources(ctx: Context, req: api.GetResourcesInput) -> api.GetResourcesOutput:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html"""
    _check(req)
    detailed = bool(req.get("IncludeComplianceDetails"))
    rules = compliance.rules_of(ctx, ctx.principal) if detailed else None
    listed = req.get("ResourceARNList")
    if listed:
        found = [one for arn in dict.fromkeys(listed) if (one := _known(ctx, arn)) is not None]
        shown = [show(one, rules) for one in found if _wanted(req, one, rules)]
        return {"ResourceTagMappingList": shown, "PaginationToken": ""}
    most, most_tags = req.get("ResourcesPerPage") or _MOST_RESOURCES, req.get("TagsPerPage")
    after = pages.read_token(req.get("PaginationToken"), ops.bad_token)
    page: list[api.ResourceTagMapping] = []
    last, counted = "", 0
    for place, one in tagged(ctx, after):
        if not _wanted(req, one, rules):
            continue
        counted += len(one.tags) or 1
        if len(page) == most or (most_tags and page and counted > most_tags):
            return {"ResourceTagMappingList": page, "PaginationToken": pages.token(last)}
        page.append(show(one, rules))
        last = place
    return {"ResourceTagMappingList": page, "PaginationToken": ""}


def _check(req: api.GetResourcesInput) -> None:
    """Refuse what cannot be asked for together. Fault: InvalidParameterException."""
    if req.get("ResourceARNList"):
        others = ("ResourceTypeFilters", "TagFilters", "ResourcesPerPage", "TagsPerPage", "PaginationToken")
        for other in others:
            if req.get(other):
                raise _invalid(f"You can't specify both ResourceARNList and {other} in the same request.")
    if not 1 <= req.get("ResourcesPerPage", 1) <= _MOST_RESOURCES:
        raise _invalid("ResourcesPerPage must be between 1 and 100.")
    if "TagsPerPage" in req and not 100 <= req["TagsPerPage"] <= 500:
        raise _invalid("TagsPerPage must be between 100 and 500.")
    if req.get("ExcludeCompliantResources") and not req.get("IncludeComplianceDetails"):
        raise _invalid("ExcludeCompliantResources can be used only with IncludeComplianceDetails.")
    for one in req.get("TagFilters") or []:
        if not one.get("Key"):
            raise _invalid("A tag filter must have a key.")


def _invalid(text: str) -> Fault:
    return Fault("InvalidParameterException", text)


def tagged(ctx: Context, after: str = "") -> Iterator[tuple[str, Tagged]]:
    """All that has ever been tagged here, with its place in the order, from a place on.

    Resources of the region first; in the home region then those that lie in none.
    """
    regions = [ctx.region, ""] if ctx.region == HOME_REGION else [ctx.region]
    number, _, last = after.partition("|")
    for at, region in enumerate(regions):
        if at < int(number or 0):
            continue
        start = last if at == int(number or 0) else ""
        for one in ctx.table(Tagged, region=region).scan(after=start):
            yield f"{at}|{one.arn}", one


def _known(ctx: Context, arn: str) -> Tagged | None:
    found = arns.read(arn)
    if found is None:
        raise _invalid(f"{arn} is not a valid ARN.")
    here = found.region == ctx.region or (not found.region and ctx.region == HOME_REGION)
    return ctx.table(Tagged, region=found.region).get(arn) if here else None


def _wanted(req: api.GetResourcesInput, one: Tagged, rules: compliance.Rules | None) -> bool:
    """Whether a resource passes all filters."""
    for tag in req.get("TagFilters") or []:
        value = one.tags.get(tag["Key"])
        if value is None or (tag.get("Values") and value not in tag["Values"]):
            return False
    types = req.get("ResourceTypeFilters")
    if types:
        arn = arns.read(one.arn)
        if arn is None or not any(arns.is_of(arn, wanted) for wanted in types):
            return False
    if rules is not None and req.get("ExcludeCompliantResources"):
        return not compliance.judge(rules, one).compliant
    return True


def show(one: Tagged, rules: compliance.Rules | None) -> api.ResourceTagMapping:
    shown = {"ResourceARN": one.arn, "Tags": tags.show(one.tags)}
    if rules is not None:
        shown["ComplianceDetails"] = compliance.judge(rules, one).show()  # type: ignore[assignment]
    return cast("api.ResourceTagMapping", shown)


@ops.on()
def get_tag_keys(ctx: Context, req: api.GetTagKeysInput) -> api.GetTagKeysOutput:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetTagKeys.html"""
    keys = {key for _, one in tagged(ctx) for key in one.tags}
    found = ctx.page(req, _PAGE).items(keys, str, str)
    return cast("api.GetTagKeysOutput", {"PaginationToken": "", **found})


@ops.on()
def get_tag_values(ctx: Context, req: api.GetTagValuesInput) -> api.GetTagValuesOutput:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetTagValues.html"""
    key = req["Key"]
    values = {one.tags[key] for _, one in tagged(ctx) if key in one.tags}
    # "" is a value too, and a place in an order that begins after "".
    found = ctx.page(req, _PAGE).items(values, lambda value: "=" + value, str)
    return cast("api.GetTagValuesOutput", {"PaginationToken": "", **found})
