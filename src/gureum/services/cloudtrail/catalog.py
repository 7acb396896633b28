"""CloudTrail as data."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog, Column, Resource, Table

CATALOG = Catalog(
    service="cloudtrail",
    title="CloudTrail",
    group="Management & governance",
    purpose={
        "en": "A record of every call: who did what, when and from where.",
        "ko": "누가 언제 어디서 무엇을 했는지 모든 호출을 기록합니다.",
    },
    tables=(
        Table(
            name="Trail",
            title={"en": "Trails", "ko": "추적"},
            list="DescribeTrails",
            items="trailList",
            id="Name",
            id_from="Name",
            describe="GetTrail",
            create="CreateTrail",
            update="UpdateTrail",
            delete="DeleteTrail",
            arn_from="TrailARN",
            columns=(
                Column(member="HomeRegion", title={"en": "Home Region", "ko": "홈 리전"}),
                Column(
                    member="IsMultiRegionTrail",
                    title={"en": "Multi-Region", "ko": "다중 리전"},
                    kind="status",
                ),
                Column(member="S3BucketName", title={"en": "Bucket", "ko": "버킷"}, kind="link"),
                Column(member="S3KeyPrefix", title={"en": "Prefix", "ko": "접두사"}),
            ),
        ),
        Table(
            name="Event",
            title={"en": "Event history", "ko": "이벤트 기록"},
            list="LookupEvents",
            items="Events",
            id="EventId",
            columns=(
                Column(member="EventName", title={"en": "Event", "ko": "이벤트"}),
                Column(member="EventTime", title={"en": "Time", "ko": "시각"}, kind="time"),
                Column(member="Username", title={"en": "User", "ko": "사용자"}),
                Column(member="EventSource", title={"en": "Source", "ko": "소스"}),
            ),
        ),
    ),
    cloudformation=(
        Resource(
            type="AWS::CloudTrail::Trail",
            create="CreateTrail",
            read="GetTrail",
            update="UpdateTrail",
            delete="DeleteTrail",
            id="Name",
            renames={"TrailName": "Name", "Tags": "TagsList"},
            ref="Name",
            attributes={"Arn": "TrailARN"},
        ),
    ),
    unread={
        "*.SnsTopicName": "read under a computed name (`trails._NOT_BUILT`), and refused",
        "*.CloudWatchLogsLogGroupArn": "read under a computed name (`trails._NOT_BUILT`), and refused",
        "*.CloudWatchLogsRoleArn": "read under a computed name (`trails._NOT_BUILT`), and refused",
        "*.KmsKeyId": "read under a computed name (`trails._NOT_BUILT`), and refused",
        "*.IsOrganizationTrail": "read under a computed name (`trails._NOT_BUILT`), and refused",
    },
)
