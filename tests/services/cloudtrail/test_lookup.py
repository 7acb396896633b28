"""LookupEvents through boto3: who did what, found by each attribute, newest first, in pages."""

import json
import time

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def trail(gureum):
    return gureum.client("cloudtrail")


def lookup(trail, key, value, **more):
    return trail.lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}], **more)[
        "Events"
    ]


def test_a_call_is_found_as_an_event(gureum, trail):
    gureum.client("sqs").create_queue(QueueName="looked-up", tags={"Name": "x"})
    (event,) = lookup(trail, "ResourceName", "looked-up")
    assert (event["EventName"], event["EventSource"], event["Username"], event["ReadOnly"]) == (
        "CreateQueue",
        "sqs.amazonaws.com",
        "root",
        "false",
    )
    assert event["Resources"] == [{"ResourceType": "AWS::SQS::Queue", "ResourceName": "looked-up"}]
    record = json.loads(event["CloudTrailEvent"])
    assert record["eventID"] == event["EventId"]
    assert record["requestParameters"] == {"queueName": "looked-up", "tags": {"Name": "x"}}
    assert record["responseElements"]["queueUrl"].endswith("/looked-up")
    assert record["userIdentity"]["type"] == "Root"
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in record["userAgent"]
    assert (record["eventCategory"], record["managementEvent"], record["eventType"]) == (
        "Management",
        True,
        "AwsApiCall",
    )
    assert lookup(trail, "EventId", event["EventId"]) == [event]
    assert event in lookup(trail, "AccessKeyId", event["AccessKeyId"])
    assert event in lookup(trail, "EventSource", "sqs.amazonaws.com")
    assert event in lookup(trail, "ResourceType", "AWS::SQS::Queue")


def test_a_refused_call_is_an_event_with_its_error(gureum, trail):
    with pytest.raises(ClientError):
        gureum.client("sqs").get_queue_attributes(QueueUrl=f"{gureum.endpoint}/000000000000/never-there")
    (event,) = lookup(trail, "ResourceName", "never-there")
    record = json.loads(event["CloudTrailEvent"])
    assert record["errorCode"] == "QueueDoesNotExist"
    assert record["errorMessage"] == "The specified queue does not exist."
    assert record["responseElements"] is None
    assert record["readOnly"] is True


def test_a_user_is_found_by_name_and_iam_is_global(gureum, trail):
    iam = gureum.client("iam")
    iam.create_user(UserName="watched")
    key = iam.create_access_key(UserName="watched")["AccessKey"]
    theirs = gureum.client(
        "sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    theirs.get_caller_identity()
    (event,) = lookup(trail, "Username", "watched")
    assert event["EventName"] == "GetCallerIdentity"
    names = [e["EventName"] for e in lookup(trail, "ResourceName", "watched")]
    assert names == ["CreateAccessKey", "CreateUser"]
    (made, _) = lookup(trail, "ResourceName", "watched")
    assert key["SecretAccessKey"] not in made["CloudTrailEvent"]
    assert "createDate" in json.loads(made["CloudTrailEvent"])["responseElements"]["accessKey"]
    elsewhere = gureum.client("cloudtrail", region_name="eu-west-1")
    assert lookup(elsewhere, "ResourceName", "watched") == []


def test_pages_and_times(gureum, trail):
    sqs = gureum.client("sqs")
    for n in range(5):
        sqs.create_queue(QueueName=f"paged-{n}")
    attribute = [{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}]
    first = trail.lookup_events(LookupAttributes=attribute, MaxResults=2)
    sqs.create_queue(QueueName="paged-late")  # moves no page
    second = trail.lookup_events(LookupAttributes=attribute, MaxResults=2, NextToken=first["NextToken"])
    found = [e["Resources"][0]["ResourceName"] for page in (first, second) for e in page["Events"]]
    assert found == ["paged-4", "paged-3", "paged-2", "paged-1"]
    assert trail.lookup_events(LookupAttributes=attribute, EndTime=time.time() - 3600)["Events"] == []
    assert trail.lookup_events(StartTime=time.time() + 60)["Events"] == []


def test_data_events_are_not_looked_up(gureum, trail):
    s3 = gureum.client("s3")
    s3.create_bucket(Bucket="lookup-data")
    s3.put_object(Bucket="lookup-data", Key="k", Body=b"x")
    assert [e["EventName"] for e in lookup(trail, "ResourceName", "lookup-data")] == ["CreateBucket"]
    assert lookup(trail, "EventName", "PutObject") == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"StartTime": 2_000_000, "EndTime": 1_000_000}, "InvalidTimeRangeException"),
        ({"NextToken": "nonsense"}, "InvalidNextTokenException"),
        ({"NextToken": "MW5vdGhpbmc="}, "InvalidNextTokenException"),
        (
            {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "x"}] * 2},
            "InvalidLookupAttributesException",
        ),
    ],
)
def test_bad_lookups_are_refused(trail, params, code):
    with pytest.raises(ClientError) as caught:
        trail.lookup_events(**params)
    assert caught.value.response["Error"]["Code"] == code


def test_too_many_results_are_refused(gureum):
    from botocore.config import Config

    trail = gureum.client("cloudtrail", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as caught:
        trail.lookup_events(MaxResults=51)
    assert caught.value.response["Error"]["Code"] == "InvalidMaxResultsException"
