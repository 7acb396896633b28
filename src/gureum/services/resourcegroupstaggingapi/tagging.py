"""Tags put on and taken off many resources of many services in one call.

Each is done by the service's own operation, through the front door, as the caller: so the service's own
permission is needed, its limits hold, and the trail shows it.
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.resourcegroupstaggingapi import arns, ways
from gureum.services.resourcegroupstaggingapi.arns import Arn
from gureum.services.resourcegroupstaggingapi.operations import ops

if TYPE_CHECKING:
    from gureum.api import resourcegroupstaggingapi as api

_INVOKED_BY = "tagging.amazonaws.com"
Change = Callable[[Context, str, Arn], None]


@ops.live
@ops.on()
def tag_resources(ctx: Context, req: api.TagResourcesInput) -> api.TagResourcesOutput:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html"""
    wanted = req["Tags"]
    tags.check(wanted, "InvalidParameterException")

    def change(ctx: Context, text: str, arn: Arn) -> None:
        if arn.service == "s3":
            return _tag_bucket(ctx, arn, lambda held: {**held, **wanted})
        way = _way(arn)
        _call(ctx, arn, way.tag, way.tagging(_named(ctx, text, arn), arn.id, wanted))

    return {"FailedResourcesMap": _each(ctx, req["ResourceARNList"], change)}


@ops.live
@ops.on()
def untag_resources(ctx: Context, req: api.UntagResourcesInput) -> api.UntagResourcesOutput:
    """https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_UntagResources.html"""
    names = req["TagKeys"]

    def change(ctx: Context, text: str, arn: Arn) -> None:
        if arn.service == "s3":
            return _tag_bucket(ctx, arn, lambda held: {k: v for k, v in held.items() if k not in names})
        way = _way(arn)
        _call(ctx, arn, way.untag, way.untagging(_named(ctx, text, arn), arn.id, names))

    return {"FailedResourcesMap": _each(ctx, req["ResourceARNList"], change)}


def _each(ctx: Context, listed: list[str], change: Change) -> dict[str, api.FailureInfo]:
    """Change each resource; what could not be done, by ARN, with the reason."""
    failed: dict[str, api.FailureInfo] = {}
    for text in dict.fromkeys(listed):
        try:
            change(ctx, text, _checked(ctx, text))
        except Fault as fault:
            failed[text] = _failure(fault)
    return failed


def _checked(ctx: Context, text: str) -> Arn:
    """An ARN that may be asked for here. Fault: InvalidParameterException."""
    arn = arns.read(text)
    if arn is None:
        raise Fault("InvalidParameterException", f"{text} is not a valid ARN.")
    if arn.account and arn.account != ctx.account:
        raise Fault("InvalidParameterException", f"{text} does not belong to the account {ctx.account}.")
    if arn.region and arn.region != ctx.region:
        raise Fault("InvalidParameterException", f"{text} is not in the Region {ctx.region}.")
    return arn


def _way(arn: Arn) -> ways.Way:
    found = ways.find(arn)
    if found is None:
        raise Fault(
            "InvalidParameterException", f"Resources of {arn.service}:{arn.type} cannot be tagged here."
        )
    return found


def _named(ctx: Context, text: str, arn: Arn) -> str:
    """What names a resource to its service where it takes neither ARN nor bare name: a queue's URL."""
    return f"{ctx.endpoint}/{arn.account}/{arn.id}" if arn.service == "sqs" else text


def _tag_bucket(ctx: Context, arn: Arn, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    """S3 knows only the whole set of a bucket's tags."""
    try:
        held = tags.read(_call(ctx, arn, "GetBucketTagging", {"Bucket": arn.id})["TagSet"])
    except Fault as fault:
        if fault.code != "NoSuchTagSet":
            raise
        held = {}
    wanted = change(held)
    if wanted:
        _call(ctx, arn, "PutBucketTagging", {"Bucket": arn.id, "Tagging": {"TagSet": tags.show(wanted)}})
    elif held:
        _call(ctx, arn, "DeleteBucketTagging", {"Bucket": arn.id})


def _call(ctx: Context, arn: Arn, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    caller = replace(ctx.principal, invoked_by=_INVOKED_BY)
    answer: dict[str, Any] = ctx.home.call(
        arn.api, operation, params, caller, ctx.account, arn.region or ctx.region
    )
    return answer


def _failure(fault: Fault) -> api.FailureInfo:
    status = fault.status or 400
    return {
        "StatusCode": status,
        "ErrorCode": "InternalServiceException" if status >= 500 else "InvalidParameterException",
        "ErrorMessage": fault.message or fault.code,
    }
