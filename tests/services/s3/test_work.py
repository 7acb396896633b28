"""What S3 does by itself: notifications, lifecycle, inventories, access logs, clearing up."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import refused

ACCOUNT = "000000000000"


def until(look: Callable[[], Any], seconds: float = 20.0) -> Any:
    """What `look` finds, as soon as it finds anything."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come about in time")


@pytest.fixture
def queue(gureum: Any, bucket: str) -> tuple[Any, str, str]:
    sqs = gureum.client("sqs")
    name = f"q-{uuid.uuid4()}"
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"]
    return sqs, url, arn


def take(sqs: Any, url: str) -> list[dict[str, Any]]:
    got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=5).get("Messages", [])
    for message in got:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return [json.loads(message["Body"]) for message in got]


def test_events_reach_a_queue(s3: Any, bucket: str, queue: tuple[Any, str, str]) -> None:
    sqs, url, arn = queue
    rules = {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".jpg"}]}}
    wanted = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"], "Filter": rules}
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [wanted]}
    )
    assert take(sqs, url)[0]["Event"] == "s3:TestEvent"
    s3.put_object(Bucket=bucket, Key="no.txt", Body=b"")
    s3.put_object(Bucket=bucket, Key="a b.jpg", Body=b"123")
    s3.delete_object(Bucket=bucket, Key="a b.jpg")
    records: list[dict[str, Any]] = []
    until(lambda: records.extend(r for m in take(sqs, url) for r in m["Records"]) or len(records) >= 2)
    found = {record["eventName"]: record["s3"] for record in records}
    assert set(found) == {"ObjectCreated:Put", "ObjectRemoved:Delete"}
    assert found["ObjectCreated:Put"]["object"]["key"] == "a+b.jpg"
    assert found["ObjectCreated:Put"]["object"]["size"] == 3
    assert found["ObjectCreated:Put"]["bucket"]["name"] == bucket


def test_a_queue_that_does_not_let_s3_in(gureum: Any, s3: Any, bucket: str) -> None:
    name = f"shut-{uuid.uuid4()}"
    gureum.client("sqs").create_queue(QueueName=name)
    wanted = {"QueueArn": f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}", "Events": ["s3:ObjectCreated:*"]}
    code, status, text = refused(
        s3.put_bucket_notification_configuration,
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [wanted]},
    )
    assert (code, status) == ("InvalidArgument", 400)
    assert text == "Unable to validate the following destination configurations"
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)


def test_destinations_must_be_arns(s3: Any, bucket: str) -> None:
    wanted = {"QueueArn": "https://a.queue", "Events": ["s3:ObjectCreated:*"]}
    found = refused(
        s3.put_bucket_notification_configuration,
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [wanted]},
    )
    assert found == ("InvalidArgument", 400, "The ARN could not be parsed")


def rule(**more: Any) -> dict[str, Any]:
    return {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "old/"}, **more}]}


PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


def test_what_is_past_its_date_goes(s3: Any, bucket: str) -> None:
    for key in ("old/a", "old/b", "new/a"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration=rule(Expiration={"Date": PAST})
    )
    until(lambda: [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["new/a"])


def test_in_a_versioned_bucket_it_is_only_hidden(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    version = s3.put_object(Bucket=bucket, Key="old/a", Body=b"x")["VersionId"]
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration=rule(Expiration={"Date": PAST})
    )
    until(lambda: "Contents" not in s3.list_objects_v2(Bucket=bucket))
    assert s3.get_object(Bucket=bucket, Key="old/a", VersionId=version)["Body"].read() == b"x"


def test_transitions(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="old/a", Body=b"x")
    move = {"Date": PAST, "StorageClass": "GLACIER"}
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rule(Transitions=[move]))
    until(lambda: s3.head_object(Bucket=bucket, Key="old/a").get("StorageClass") == "GLACIER")
    assert refused(s3.get_object, Bucket=bucket, Key="old/a")[:2] == ("InvalidObjectState", 403)
    answer = s3.restore_object(Bucket=bucket, Key="old/a", RestoreRequest={"Days": 2})
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert s3.get_object(Bucket=bucket, Key="old/a")["Body"].read() == b"x"
    assert 'ongoing-request="false"' in s3.head_object(Bucket=bucket, Key="old/a")["Restore"]


def test_the_header_that_says_when(s3: Any, bucket: str) -> None:
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=rule(Expiration={"Days": 3}))
    put = s3.put_object(Bucket=bucket, Key="old/a", Body=b"x")
    assert 'rule-id="r"' in put["Expiration"]
    assert s3.head_object(Bucket=bucket, Key="old/a")["Expiration"] == put["Expiration"]
    assert "Expiration" not in s3.put_object(Bucket=bucket, Key="new", Body=b"x")


def deliveries(s3: Any, bucket: str, principal: str) -> str:
    """A bucket into which a service may write."""
    name = f"into-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": principal},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    return name


def test_inventories(s3: Any, bucket: str) -> None:
    into = deliveries(s3, bucket, "s3.amazonaws.com")
    for key in ("a", "b/c d"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"123")
    body = {
        "Id": "all",
        "IsEnabled": True,
        "IncludedObjectVersions": "Current",
        "Schedule": {"Frequency": "Daily"},
        "OptionalFields": ["Size", "StorageClass"],
        "Destination": {
            "S3BucketDestination": {"Bucket": f"arn:aws:s3:::{into}", "Format": "CSV", "Prefix": "inv"}
        },
    }
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id="all", InventoryConfiguration=body)
    keys = until(
        lambda: [
            k
            for k in (o["Key"] for o in s3.list_objects_v2(Bucket=into).get("Contents", []))
            if k.endswith("checksum")
        ]
    )
    manifest = json.loads(
        s3.get_object(Bucket=into, Key=keys[0].replace(".checksum", ".json"))["Body"].read()
    )
    assert manifest["fileSchema"] == "Bucket, Key, Size, StorageClass"
    data = gzip.decompress(s3.get_object(Bucket=into, Key=manifest["files"][0]["key"])["Body"].read())
    rows = list(csv.reader(io.StringIO(data.decode())))
    assert rows == [[bucket, "a", "3", "STANDARD"], [bucket, "b/c%20d", "3", "STANDARD"]]


def test_access_logs(s3: Any, bucket: str) -> None:
    into = deliveries(s3, bucket, "logging.s3.amazonaws.com")
    wanted = {"TargetBucket": into, "TargetPrefix": "log/"}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": wanted})
    s3.put_object(Bucket=bucket, Key="k", Body=b"123")
    refused(s3.get_object, Bucket=bucket, Key="none")

    def lines() -> list[str]:
        found = s3.list_objects_v2(Bucket=into, Prefix="log/").get("Contents", [])
        texts = [s3.get_object(Bucket=into, Key=one["Key"])["Body"].read().decode() for one in found]
        return [line for text in texts for line in text.splitlines()]

    found = until(lambda: got if len(got := [line for line in lines() if ".OBJECT" in line]) >= 2 else None)
    assert any("REST.PUT.OBJECT k" in line for line in found)
    assert any("REST.GET.OBJECT none" in line and "NoSuchKey" in line for line in found)


def test_select(s3: Any, bucket: str) -> None:
    pytest.importorskip("duckdb")
    s3.put_object(Bucket=bucket, Key="people.csv", Body=b"name,age\nAda,36\nBob,7\n")

    def ask(expression: str) -> str:
        answer = s3.select_object_content(
            Bucket=bucket,
            Key="people.csv",
            ExpressionType="SQL",
            Expression=expression,
            InputSerialization={"CSV": {"FileHeaderInfo": "USE"}},
            OutputSerialization={"JSON": {}},
        )
        events = list(answer["Payload"])
        assert "End" in events[-1]
        return "".join(one["Records"]["Payload"].decode() for one in events if "Records" in one)

    assert ask("SELECT s.name FROM S3Object s WHERE CAST(s.age AS INT) > 10") == '{"name":"Ada"}\n'
    assert refused(ask, expression="SELECT * FROM read_text('/etc/passwd')")[0] == "EvaluatorInvalidArguments"
    assert refused(ask, expression="DROP TABLE S3Object")[0] == "UnsupportedSyntax"


def test_annotations(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    s3.put_object_annotation(Bucket=bucket, Key="k", AnnotationName="note", AnnotationPayload=b"remember")
    got = s3.get_object_annotation(Bucket=bucket, Key="k", AnnotationName="note")
    assert got["AnnotationPayload"].read() == b"remember"
    listed = s3.list_object_annotations(Bucket=bucket, Key="k")["Annotations"]
    assert [(one["AnnotationName"], one["Size"]) for one in listed] == [("note", 8)]
    s3.delete_object_annotation(Bucket=bucket, Key="k", AnnotationName="note")
    found = refused(s3.get_object_annotation, Bucket=bucket, Key="k", AnnotationName="note")
    assert found[:2] == ("NoSuchAnnotation", 404)


def test_tags(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Tagging="a=1")
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": [{"Key": "b", "Value": "2"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "b", "Value": "2"}]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    many = {"TagSet": [{"Key": f"{at}", "Value": ""} for at in range(11)]}
    assert refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging=many)[:2] == ("BadRequest", 400)
