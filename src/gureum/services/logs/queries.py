"""Insights queries: started, watched, stopped, saved.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.pages import Paginator
from gureum.services.logs import insights
from gureum.services.logs.insights.compile import Clock
from gureum.services.logs.insights.run import check
from gureum.services.logs.journal import read
from gureum.services.logs.operations import by_identifier, ops
from gureum.services.logs.records import LogGroup, LogStream, Query, QueryDefinition

if TYPE_CHECKING:
    from gureum.api import logs as api

_MOST_GROUPS = 50


@ops.on(LogGroup, "logGroupName")
def start_query(ctx: Context, req: api.StartQueryInput) -> Any:
    """Start a query over groups and a time; a reconciler runs it. Faults: MalformedQueryException, and others."""
    if req.get("queryLanguage", "CWLI") != "CWLI":
        raise Fault(
            "InvalidParameterException", "Only the Logs Insights query language (CWLI) is built here."
        )
    named = [*([req["logGroupName"]] if req.get("logGroupName") else []), *(req.get("logGroupNames") or [])]
    named += [by_identifier(i, ctx.account, ctx.region).key for i in req.get("logGroupIdentifiers") or []]
    start, end = req["startTime"] * 1000, req["endTime"] * 1000
    try:
        query = insights.parse(req["queryString"])
        check(query, Clock(int(ctx.now * 1000), start, end))
    except insights.Malformed as malformed:
        location = {"startCharOffset": malformed.start, "endCharOffset": malformed.end}
        raise Fault(
            "MalformedQueryException",
            malformed.message,
            queryCompileError={"location": location, "message": malformed.message},
        ) from None
    if query.source is not None:
        raise Fault("InvalidParameterException", "SOURCE is not built here: name the log groups.")
    if not named or len(named) > _MOST_GROUPS:
        raise Fault("InvalidParameterException", f"Between 1 and {_MOST_GROUPS} log groups must be named.")
    if end < start:
        raise Fault("InvalidParameterException", "End time should not be less than start time.")
    for name in named:
        ctx.table(LogGroup).need(name)
    found = Query(
        id=ctx.new_id(),
        text=req["queryString"],
        groups=tuple(named),
        start=start,
        end=end + 999,  # seconds, the last one included
        limit=req.get("limit", 10_000),
        created=int(ctx.now * 1000),
    )
    ctx.table(Query).add(found)
    return {"queryId": found.id}


@ops.on()
def get_query_results(ctx: Context, req: api.GetQueryResultsInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetQueryResults.html"""
    found = ctx.table(Query).need(req["queryId"])
    names = Paginator("nextToken", "nextToken", "maxItems", "results", "")
    ranked = [(f"{at:09d}", row) for at, row in enumerate(found.rows)]
    shown = ctx.page(req, 10_000, names).items(ranked, lambda pair: pair[0], lambda pair: pair[1])
    statistics = {
        "recordsMatched": float(found.matched),
        "recordsScanned": float(found.scanned),
        "bytesScanned": float(found.scanned_bytes),
        "logGroupsScanned": float(len(found.groups)),
        "estimatedRecordsSkipped": 0.0,
        "estimatedBytesSkipped": 0.0,
    }
    return {**shown, "queryLanguage": "CWLI", "statistics": statistics, "status": found.status}


@ops.on()
def stop_query(ctx: Context, req: api.StopQueryInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StopQuery.html"""
    found = ctx.table(Query).need(req["queryId"])
    if found.status not in {"Scheduled", "Running"}:
        raise Fault("InvalidParameterException", f"Query {found.id} has ended with status {found.status}")
    ctx.table(Query).put(replace(found, status="Cancelled"))
    return {"success": True}


@ops.on()
def describe_queries(ctx: Context, req: api.DescribeQueriesInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeQueries.html"""
    group, status, language = req.get("logGroupName"), req.get("status"), req.get("queryLanguage", "CWLI")

    def where(query: Query) -> bool:
        return (
            language == "CWLI"
            and (not group or group in query.groups)
            and (not status or query.status == status)
        )

    return ctx.page(req, 1000).table(ctx.table(Query), _show, where=where)


@ops.on()
def put_query_definition(ctx: Context, req: api.PutQueryDefinitionInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutQueryDefinition.html"""
    if req.get("queryLanguage", "CWLI") != "CWLI" or req.get("parameters"):
        raise Fault("InvalidParameterException", "Only plain CWLI queries can be saved here.")
    known = req.get("queryDefinitionId")
    if known:
        ctx.table(QueryDefinition).need(known)
    # The same client token makes the same definition.
    made = (
        base64.b32encode(req["clientToken"].encode()).decode().rstrip("=") if req.get("clientToken") else ""
    )
    found = QueryDefinition(
        id=known or made or ctx.new_id(),
        name=req["name"],
        text=req["queryString"],
        groups=tuple(req.get("logGroupNames") or ()),
        modified=int(ctx.now * 1000),
    )
    ctx.table(QueryDefinition).put(found)
    return {"queryDefinitionId": found.id}


@ops.on()
def describe_query_definitions(ctx: Context, req: api.DescribeQueryDefinitionsInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeQueryDefinitions.html"""
    prefix, language = req.get("queryDefinitionNamePrefix") or "", req.get("queryLanguage", "CWLI")
    names = Paginator("nextToken", "nextToken", "maxResults", "queryDefinitions", "")

    def where(found: QueryDefinition) -> bool:
        return language == "CWLI" and found.name.startswith(prefix)

    return ctx.page(req, 1000, names).table(ctx.table(QueryDefinition), _show_definition, where=where)


@ops.on()
def delete_query_definition(ctx: Context, req: api.DeleteQueryDefinitionInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteQueryDefinition.html"""
    table = ctx.table(QueryDefinition)
    table.drop(table.need(req["queryDefinitionId"]))
    return {"success": True}


@ops.on()
def get_log_record(ctx: Context, req: api.GetLogRecordInput) -> Any:
    """https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogRecord.html"""
    if req.get("unmask"):
        raise Fault("InvalidParameterException", "Nothing is masked here: data protection is not built.")
    bad = Fault("InvalidParameterException", "The specified log record pointer is invalid.")
    try:
        group, name, key = base64.urlsafe_b64decode(req["logRecordPointer"]).decode().split("\x1f")
        at = int(key[:20])
    except ValueError:
        raise bad from None
    stream = ctx.table(LogStream).get(group, name)
    for line in read(ctx.home, [stream.id], at, at + 1) if stream is not None else ():
        if line.key == key:
            return {
                "logRecord": {
                    "@message": line.message,
                    "@timestamp": str(line.timestamp),
                    "@ingestionTime": str(line.ingested),
                    "@logStream": name,
                    "@log": f"{ctx.account}:{group}",
                }
            }
    raise bad


def pointer(group: str, stream: str, key: str) -> str:
    """What GetLogRecord takes back."""
    return base64.urlsafe_b64encode(f"{group}\x1f{stream}\x1f{key}".encode()).decode()


def _show(query: Query) -> dict[str, Any]:
    return {
        "queryId": query.id,
        "queryLanguage": "CWLI",
        "queryString": query.text,
        "status": query.status,
        "createTime": query.created,
        "logGroupName": query.groups[0],
        "queryDuration": query.took,
        "bytesScanned": float(query.scanned_bytes),
    }


def _show_definition(found: QueryDefinition) -> dict[str, Any]:
    return {
        "queryDefinitionId": found.id,
        "queryLanguage": "CWLI",
        "name": found.name,
        "queryString": found.text,
        "lastModified": found.modified,
        "logGroupNames": list(found.groups),
    }
