"""Log groups: made, listed, retained, tagged, deleted.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.pages import Paginator
from gureum.services.logs.journal import Journal
from gureum.services.logs.operations import by_identifier, ops
from gureum.services.logs.records import LogGroup, LogStream

if TYPE_CHECKING:
    from gureum.api import logs as api

_SEPARATOR = "\x1f"
_RETENTIONS = (
    1,
    3,
    5,
    7,
    14,
    30,
    60,
    90,
    120,
    150,
    180,
    365,
    400,
    545,
    731,
    1096,
    1827,
    2192,
    2557,
    2922,
    3288,
    3653,
)


def group_of(ctx: Context, req: Mapping[str, Any]) -> LogGroup:
    """The group that a request names by name or by identifier, whichever it gives; both or neither is a fault."""
    name, identifier = req.get("logGroupName"), req.get("logGroupIdentifier")
    if bool(name) is bool(identifier):
        raise Fault(
            "InvalidParameterException",
            "LogGroup name and LogGroup ARN are mutually exclusive parameters."
            if name
            else "Either logGroupName or logGroupIdentifier must be specified.",
        )
    if identifier:
        name = by_identifier(identifier, ctx.account, ctx.region).key
    return ctx.table(LogGroup).need(name or "")


def streams_of(ctx: Context, group: str, prefix: str = "") -> list[LogStream]:
    """A group's streams in order of their names."""
    return list(ctx.table(LogStream).scan(prefix=f"{group}{_SEPARATOR}{prefix}"))


@ops.on(LogGroup, "logGroupName")
def create_log_group(ctx: Context, req: api.CreateLogGroupInput) -> None:
    """Faults: ResourceAlreadyExistsException, InvalidParameterException."""
    if req.get("kmsKeyId"):
        raise Fault("InvalidParameterException", "Encryption of log groups by KMS is not built here.")
    table = ctx.table(LogGroup)
    group = LogGroup(
        name=req["logGroupName"],
        created=int(ctx.now * 1000),
        group_class=req.get("logGroupClass", "STANDARD"),
        protected=bool(req.get("deletionProtectionEnabled")),
    )
    table.add(group)
    ctx.tags.put(table.arn(group), tags.read(req.get("tags")))


@ops.on(LogGroup, "logGroupName")
def delete_log_group(ctx: Context, req: api.DeleteLogGroupInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html"""
    group = ctx.table(LogGroup).need(req["logGroupName"])
    if group.protected:
        raise Fault("ValidationException", "The log group is protected from deletion.")
    streams = streams_of(ctx, group.name)
    for stream in streams:
        ctx.table(LogStream).drop(stream)
    ctx.home.on_loop(ctx.part(Journal).forget, [stream.id for stream in streams])
    ctx.tags.forget(ctx.arn(group))
    ctx.table(LogGroup).drop(group)


@ops.on(LogGroup, "logGroupIdentifier", by=by_identifier)
def put_log_group_deletion_protection(ctx: Context, req: api.PutLogGroupDeletionProtectionInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogGroupDeletionProtection.html"""
    group = ctx.need(LogGroup)
    ctx.table(LogGroup).put(replace(group, protected=req["deletionProtectionEnabled"]))


@ops.on()
def describe_log_groups(ctx: Context, req: api.DescribeLogGroupsInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html"""
    prefix, pattern = req.get("logGroupNamePrefix"), req.get("logGroupNamePattern")
    if prefix and pattern:
        raise Fault(
            "InvalidParameterException",
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        )
    if req.get("includeLinkedAccounts") or req.get("accountIdentifiers"):
        raise Fault("InvalidParameterException", "Linked accounts are not built here.")
    named = {by_identifier(i, ctx.account, ctx.region).key for i in req.get("logGroupIdentifiers") or []}
    wanted = req.get("logGroupClass")

    def where(group: LogGroup) -> bool:
        return (
            (not pattern or pattern.lower() in group.name.lower())
            and (not wanted or group.group_class == wanted)
            and (not named or group.name in named)
        )

    return ctx.page(req, 50).table(
        ctx.table(LogGroup), lambda group: show(ctx, group), prefix=prefix or "", where=where
    )


@ops.on()
def list_log_groups(ctx: Context, req: api.ListLogGroupsInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListLogGroups.html"""
    for name in (
        "includeLinkedAccounts",
        "accountIdentifiers",
        "dataSources",
        "fieldIndexNames",
        "logGroupTags",
    ):
        if req.get(name):
            raise Fault("InvalidParameterException", f"{name} is not built here.")
    pattern, wanted = req.get("logGroupNamePattern"), req.get("logGroupClass")
    names = Paginator("nextToken", "nextToken", "limit", "logGroups", "")
    matches = re.compile(pattern).search if pattern else None

    def where(group: LogGroup) -> bool:
        return (matches is None or bool(matches(group.name))) and (not wanted or group.group_class == wanted)

    return ctx.page(req, 50, names).table(
        ctx.table(LogGroup),
        lambda group: {
            "logGroupName": group.name,
            "logGroupArn": ctx.arn(group),
            "logGroupClass": group.group_class,
        },
        where=where,
    )


@ops.on(LogGroup, "logGroupName")
def put_retention_policy(ctx: Context, req: api.PutRetentionPolicyInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""
    days = req["retentionInDays"]
    if days not in _RETENTIONS:
        text = ", ".join(str(each) for each in _RETENTIONS)
        raise Fault(
            "InvalidParameterException",
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member "
            f"must satisfy enum value set: [{text}]",
        )
    group = ctx.table(LogGroup).need(req["logGroupName"])
    ctx.table(LogGroup).put(replace(group, retention_days=days))


@ops.on(LogGroup, "logGroupName")
def delete_retention_policy(ctx: Context, req: api.DeleteRetentionPolicyInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteRetentionPolicy.html"""
    group = ctx.table(LogGroup).need(req["logGroupName"])
    ctx.table(LogGroup).put(replace(group, retention_days=0))


@ops.on(LogGroup, "logGroupName")
def tag_log_group(ctx: Context, req: api.TagLogGroupInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagLogGroup.html"""
    ctx.tags.put(ctx.arn(ctx.table(LogGroup).need(req["logGroupName"])), req["tags"])


@ops.on(LogGroup, "logGroupName")
def untag_log_group(ctx: Context, req: api.UntagLogGroupInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_UntagLogGroup.html"""
    ctx.tags.remove(ctx.arn(ctx.table(LogGroup).need(req["logGroupName"])), req["tags"])


@ops.on(LogGroup, "logGroupName")
def list_tags_log_group(ctx: Context, req: api.ListTagsLogGroupInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsLogGroup.html"""
    return {"tags": ctx.tags.of(ctx.arn(ctx.table(LogGroup).need(req["logGroupName"])))}


@ops.on(LogGroup, "resourceArn", by=by_identifier)
def tag_resource(ctx: Context, req: api.TagResourceInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html"""
    ctx.tags.put(_tagged(ctx, req["resourceArn"]), req["tags"])


@ops.on(LogGroup, "resourceArn", by=by_identifier)
def untag_resource(ctx: Context, req: api.UntagResourceInput) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_UntagResource.html"""
    ctx.tags.remove(_tagged(ctx, req["resourceArn"]), req["tagKeys"])


@ops.on(LogGroup, "resourceArn", by=by_identifier)
def list_tags_for_resource(ctx: Context, req: api.ListTagsForResourceInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_ListTagsForResource.html"""
    return {"tags": ctx.tags.of(_tagged(ctx, req["resourceArn"]))}


def _tagged(ctx: Context, arn: str) -> str:
    return ctx.arn(ctx.table(LogGroup).need(by_identifier(arn, ctx.account, ctx.region).key))


def show(ctx: Context, group: LogGroup) -> dict[str, Any]:
    """A group as DescribeLogGroups shows it."""
    journal = ctx.part(Journal)
    arn = ctx.arn(group)
    found: dict[str, Any] = {
        "logGroupName": group.name,
        "creationTime": group.created,
        "metricFilterCount": 0,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "logGroupClass": group.group_class,
        "deletionProtectionEnabled": group.protected,
        "storedBytes": sum(journal.index(stream.id).size for stream in streams_of(ctx, group.name)),
    }
    if group.retention_days:
        found["retentionInDays"] = group.retention_days
    return found
