"""CloudWatch Logs as data."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog, Column, Resource, Table

_NO_CLOUDWATCH = "CloudWatch, to which it would publish, is not built yet"
_NO_TARGET = "none of the services that it would deliver to is built yet"

CATALOG = Catalog(
    service="logs",
    title="CloudWatch Logs",
    group="Management and governance",
    purpose={
        "en": "Keeps the log lines of programs, and finds, filters and counts them.",
        "ko": "프로그램의 로그를 보관하고 검색, 필터링, 집계합니다.",
    },
    tables=(
        Table(
            name="LogGroup",
            title={"en": "Log groups", "ko": "로그 그룹"},
            list="DescribeLogGroups",
            items="logGroups",
            id="logGroupName",
            create="CreateLogGroup",
            delete="DeleteLogGroup",
            arn_from="logGroupArn",
            columns=(
                Column(
                    member="retentionInDays",
                    title={"en": "Retention (days)", "ko": "보존(일)"},
                    kind="number",
                ),
                Column(member="storedBytes", title={"en": "Stored", "ko": "저장 용량"}, kind="bytes"),
                Column(member="creationTime", title={"en": "Created", "ko": "생성 시각"}, kind="time"),
            ),
        ),
        Table(
            name="LogStream",
            title={"en": "Log streams", "ko": "로그 스트림"},
            list="DescribeLogStreams",
            items="logStreams",
            id="logStreamName",
            create="CreateLogStream",
            delete="DeleteLogStream",
            parent="LogGroup",
            parent_id="logGroupName",
            columns=(
                Column(
                    member="lastEventTimestamp",
                    title={"en": "Last event", "ko": "마지막 이벤트"},
                    kind="time",
                ),
            ),
        ),
    ),
    cloudformation=(
        Resource(
            type="AWS::Logs::LogGroup",
            create="CreateLogGroup",
            delete="DeleteLogGroup",
            id="LogGroupName",
            ref="LogGroupName",
            attributes={"Arn": "arn"},
        ),
        Resource(
            type="AWS::Logs::LogStream",
            create="CreateLogStream",
            delete="DeleteLogStream",
            id="LogStreamName",
        ),
    ),
    absent={
        "PutMetricFilter": _NO_CLOUDWATCH,
        "PutSubscriptionFilter": _NO_TARGET,
        "PutDestination": _NO_TARGET,
        "CreateDelivery": _NO_TARGET,
    },
)

UNREAD = {
    "PutLogEvents.sequenceToken": "AWS ignores it since 2023",
    "PutLogEvents.entity": "entities are Application Signals', which is not built",
    "FilterLogEvents.interleaved": "AWS ignores it: events are always interleaved",
    "*.nextToken": "read by the pager",
    "*.maxItems": "read by the pager",
    "*.maxResults": "read by the pager",
    "*.limit": "read by the pager",
}
