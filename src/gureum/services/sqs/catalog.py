"""SQS as data."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog, Column, Metric, Resource, Table

_SIZES = (
    "NumberOfMessagesSent",
    "NumberOfMessagesReceived",
    "NumberOfMessagesDeleted",
    "NumberOfEmptyReceives",
)
_DEPTHS = (
    "ApproximateNumberOfMessagesVisible",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)

CATALOG = Catalog(
    service="sqs",
    title="Simple Queue Service",
    group="Application integration",
    purpose={
        "en": "Queues that keep messages until a receiver has dealt with them.",
        "ko": "수신자가 처리할 때까지 메시지를 보관하는 대기열입니다.",
    },
    tables=(
        Table(
            name="Queue",
            title={"en": "Queues", "ko": "대기열"},
            list="ListQueues",
            items="QueueUrls",
            id="QueueUrl",
            id_from="",
            describe="GetQueueAttributes",
            create="CreateQueue",
            update="SetQueueAttributes",
            delete="DeleteQueue",
            arn_from="Attributes.QueueArn",
            columns=(
                Column(
                    member="Attributes.ApproximateNumberOfMessages",
                    title={"en": "Messages available", "ko": "사용 가능한 메시지"},
                    kind="number",
                ),
                Column(
                    member="Attributes.ApproximateNumberOfMessagesNotVisible",
                    title={"en": "Messages in flight", "ko": "처리 중인 메시지"},
                    kind="number",
                ),
                Column(
                    member="Attributes.CreatedTimestamp",
                    title={"en": "Created", "ko": "생성 시각"},
                    kind="time",
                ),
            ),
        ),
    ),
    cloudformation=(
        Resource(
            type="AWS::SQS::Queue",
            create="CreateQueue",
            read="GetQueueAttributes",
            update="SetQueueAttributes",
            delete="DeleteQueue",
            id="QueueUrl",
            ref="QueueUrl",
            attributes={"Arn": "Attributes.QueueArn", "QueueName": "QueueName", "QueueUrl": "QueueUrl"},
        ),
        Resource(
            type="AWS::SQS::QueuePolicy",
            create="SetQueueAttributes",
            update="SetQueueAttributes",
            delete="SetQueueAttributes",
            id="Queues",
        ),
    ),
    metrics=tuple(
        Metric(namespace="AWS/SQS", name=name, unit="Count", dimensions=("QueueName",))
        for name in (*_SIZES, *_DEPTHS)
    ),
)
