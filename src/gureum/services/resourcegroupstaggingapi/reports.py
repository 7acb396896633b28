"""An organization's tags against its tag policies: the summary, and the report in a bucket.

https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-policies-orgs.html
"""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import Principal, root_of
from gureum.kernel.reconcile import reconciler
from gureum.kernel.store import rows_everywhere
from gureum.kernel.tags import TAGGED, Tagged
from gureum.services.resourcegroupstaggingapi import arns, compliance
from gureum.services.resourcegroupstaggingapi.operations import ops
from gureum.services.resourcegroupstaggingapi.records import Report
from gureum.services.resourcegroupstaggingapi.resources import HOME_REGION

if TYPE_CHECKING:
    from gureum.api import resourcegroupstaggingapi as api

_KEPT_SECONDS = 90 * 86400.0
_SERVICE = "tagpolicies.tag.amazonaws.com"
_COLUMNS = (
    "AccountId",
    "Region",
    "ResourceType",
    "ResourceARN",
    "Compliant",
    "NoncompliantKeys",
    "KeysWithNoncompliantValues",
    "MissingTagKeys",
    "Tags",
)


class Judged(NamedTuple):
    """A tagged resource of the organization, and what its account's policy says of it."""

    account: str
    region: str
    type: str
    resource: Tagged
    verdict: compliance.Verdict


@ops.on()
def start_report_creation(ctx: Context, req: api.StartReportCreationInput) -> None:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_StartReportCreation.html"""
    organization = _organization(ctx)
    table = ctx.table(Report)
    held = table.get("report")
    if held is not None and held.status == "RUNNING":
        raise Fault("ConcurrentModificationException", "A report is already being created. Try again later.")
    table.put(Report(bucket=req["S3Bucket"], organization=organization["Id"], started=ctx.now))


@ops.on()
def describe_report_creation(ctx: Context, req: object) -> api.DescribeReportCreationOutput:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_DescribeReportCreation.html"""
    _organization(ctx)
    held = ctx.table(Report).get("report")
    if held is None or ctx.now - held.started > _KEPT_SECONDS:
        return {"Status": "NO REPORT"}
    shown: api.DescribeReportCreationOutput = {"Status": held.status}
    if held.location:
        shown["S3Location"] = held.location
    if held.error:
        shown["ErrorMessage"] = held.error
    return shown


@ops.on()
def get_compliance_summary(
    ctx: Context, req: api.GetComplianceSummaryInput
) -> api.GetComplianceSummaryOutput:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetComplianceSummary.html

    Counted when asked, so `LastUpdated` is now.
    """
    _organization(ctx)
    accounts = _accounts(ctx, ctx.principal)
    if targets := req.get("TargetIdFilters"):
        inside = {one for target in targets for one in _beneath(ctx, target)}
        accounts = [one for one in accounts if one in inside]
    groups = req.get("GroupBy") or []
    counted: Counter[tuple[str, str, str]] = Counter()
    for one in _judged(ctx, ctx.principal, accounts):
        if not one.verdict.compliant and _wanted(req, one):
            counted[
                one.account if "TARGET_ID" in groups else "",
                one.region if "REGION" in groups else "",
                one.type if "RESOURCE_TYPE" in groups else "",
            ] += 1
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ctx.now))
    found = ctx.page(req, 1000).items(
        counted.items(), lambda pair: "|".join(pair[0]) + "|", lambda pair: _summary(pair[0], pair[1], at)
    )
    return cast("api.GetComplianceSummaryOutput", {"PaginationToken": "", **found})


def _summary(group: tuple[str, str, str], count: int, at: str) -> dict[str, Any]:
    account, region, kind = group
    shown: dict[str, Any] = {"LastUpdated": at, "NonCompliantResources": count}
    if account:
        shown |= {"TargetId": account, "TargetIdType": "ACCOUNT"}
    if region:
        shown["Region"] = region
    if kind:
        shown["ResourceType"] = kind
    return shown


def _wanted(req: api.GetComplianceSummaryInput, one: Judged) -> bool:
    regions, types = req.get("RegionFilters"), req.get("ResourceTypeFilters")
    if regions and one.region not in regions:
        return False
    arn = arns.read(one.resource.arn)
    if types and (arn is None or not any(arns.is_of(arn, kind) for kind in types)):
        return False
    keys = req.get("TagKeyFilters")
    return not keys or any(key in one.resource.tags for key in keys)


@reconciler(Report)
def write(ctx: Context, report: Report) -> Report:
    """Write the report into the bucket. A refusal of the bucket ends it, and is told."""
    if report.status != "RUNNING":
        return report
    # What is started by the management account is read with its rights.
    caller = replace(root_of(ctx.account), invoked_by=_SERVICE)
    ctx.region = HOME_REGION
    try:
        body = _csv(_judged(ctx, caller, _accounts(ctx, caller)))
        location = _put(ctx, report, caller, body)
    except Fault as fault:
        return replace(report, status="FAILED", error=fault.message or fault.code)
    return replace(report, status="SUCCEEDED", location=location)


def _put(ctx: Context, report: Report, caller: Principal, body: bytes) -> str:
    """Store the report: as the service where the bucket's policy lets it, else with the account's own rights."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(report.started))
    key = f"AwsTagPolicies/{report.organization}/{at}/report.csv"
    content: dict[str, Any] = {"Bucket": report.bucket, "Key": key, "Body": body, "ContentType": "text/csv"}
    try:
        ctx.aws.s3.put_object(**content)
    except Fault as fault:
        if not fault.code.startswith("AccessDenied"):
            raise
        ctx.aws.as_(caller, HOME_REGION).s3.put_object(**content)
    return f"s3://{report.bucket}/{key}"


def _csv(judged: Iterator[Judged]) -> bytes:
    text = io.StringIO(newline="")
    rows = csv.writer(text)
    rows.writerow(_COLUMNS)
    for one in judged:
        verdict = one.verdict
        rows.writerow(
            (
                one.account,
                one.region,
                one.type,
                one.resource.arn,
                str(verdict.compliant).lower(),
                ";".join(verdict.miswritten),
                ";".join(verdict.bad_values),
                ";".join(verdict.missing),
                ";".join(f"{key}={value}" for key, value in one.resource.tags.items()),
            )
        )
    return text.getvalue().encode()


def _judged(ctx: Context, caller: Principal, accounts: list[str]) -> Iterator[Judged]:
    """Every tagged resource of these accounts, against the policy in effect for its account."""
    rules = {account: compliance.rules_of(ctx, caller, account) for account in accounts}
    for row in rows_everywhere(ctx.home.store, TAGGED):
        _, account, region, _ = row.key
        if account in rules and isinstance(row.record, Tagged):
            arn = arns.read(row.record.arn)
            kind = f"{arn.service}:{arn.type}" if arn is not None and arn.type else arn.service if arn else ""
            yield Judged(
                account, region or "global", kind, row.record, compliance.judge(rules[account], row.record)
            )


def _organization(ctx: Context) -> dict[str, Any]:
    """The organization, which its management account alone may ask about, in us-east-1.

    Faults: ConstraintViolationException, InvalidParameterException.
    """
    try:
        found = ctx.aws.as_(ctx.principal).organizations.describe_organization()["Organization"]
    except Fault as fault:
        raise Fault("ConstraintViolationException", fault.message or fault.code) from None
    if found["MasterAccountId"] != ctx.account:
        raise Fault(
            "ConstraintViolationException",
            "You can call this operation only from the organization's management account.",
        )
    if ctx.region != HOME_REGION:
        raise Fault(
            "InvalidParameterException", f"You can call this operation only from the {HOME_REGION} Region."
        )
    organization: dict[str, Any] = found
    return organization


def _accounts(ctx: Context, caller: Principal) -> list[str]:
    return [one["Id"] for one in _all(ctx, caller, "list_accounts", "Accounts")]


def _beneath(ctx: Context, target: str) -> Iterator[str]:
    """The accounts in an account, unit or root."""
    if target.isdigit():
        yield target
        return
    yield from (
        one["Id"] for one in _all(ctx, ctx.principal, "list_accounts_for_parent", "Accounts", ParentId=target)
    )
    units = _all(
        ctx, ctx.principal, "list_organizational_units_for_parent", "OrganizationalUnits", ParentId=target
    )
    for unit in units:
        yield from _beneath(ctx, unit["Id"])


def _all(
    ctx: Context, caller: Principal, method: str, result: str, **params: Any
) -> Iterator[dict[str, Any]]:
    """Every entry of a list of Organizations, page after page."""
    call, token = getattr(ctx.aws.as_(caller).organizations, method), None
    while True:
        answer = call(**params, **({"NextToken": token} if token else {}))
        yield from answer[result]
        token = answer.get("NextToken")
        if not token:
            return
