"""Delivery through boto3: files in the bucket, what they hold, and what a crash does not lose."""

import gzip
import json
import time

import pytest


def bucket_for(cloud, name):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_policy(Bucket=name, Policy=policy(name))
    return s3


def policy(name):
    service = {"Service": "cloudtrail.amazonaws.com"}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:GetBucketAcl",
                    "Resource": f"arn:aws:s3:::{name}",
                },
                {
                    "Effect": "Allow",
                    "Principal": service,
                    "Action": "s3:PutObject",
                    "Resource": f"arn:aws:s3:::{name}/*",
                    "Condition": {"StringEquals": {"s3:x-amz-acl": "bucket-owner-full-control"}},
                },
            ],
        }
    )


def logs(s3, bucket):
    """Every event in the bucket, by file."""
    found = {}
    for item in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        if item["Key"].endswith(".json.gz"):
            body = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            found[item["Key"]] = json.loads(gzip.decompress(body))["Records"]
    return found


def wait_for(s3, bucket, wanted, seconds=15.0):
    """The first delivered event that `wanted` accepts."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for records in logs(s3, bucket).values():
            for event in records:
                if wanted(event):
                    return event
        time.sleep(0.3)
    raise AssertionError(f"not delivered; there is {list(logs(s3, bucket).values())}")


def named(operation, **parameters):
    return lambda e: (
        e["eventName"] == operation and parameters.items() <= (e["requestParameters"] or {}).items()
    )


@pytest.fixture
def trail(gureum):
    return gureum.client("cloudtrail")


def test_events_reach_the_bucket_within_seconds(gureum, trail):
    s3 = bucket_for(gureum, "trail-plain")
    arn = trail.create_trail(Name="plain", S3BucketName="trail-plain", S3KeyPrefix="logs")["TrailARN"]
    trail.start_logging(Name="plain")
    gureum.client("sqs").create_queue(QueueName="delivered", Attributes={"DelaySeconds": "1"})
    event = wait_for(s3, "trail-plain", named("CreateQueue", queueName="delivered"))
    assert event["eventSource"] == "sqs.amazonaws.com"
    assert event["requestParameters"]["attributes"] == {"DelaySeconds": "1"}
    assert wait_for(s3, "trail-plain", named("StartLogging"))["requestParameters"] == {"name": "plain"}
    key = next(iter(logs(s3, "trail-plain")))
    account = arn.split(":")[4]
    day = time.strftime("%Y/%m/%d", time.gmtime())
    assert key.startswith(
        f"logs/AWSLogs/{account}/CloudTrail/us-east-1/{day}/{account}_CloudTrail_us-east-1_"
    )
    assert len(key.rpartition("_")[2]) == 16 + len(".json.gz")
    status = trail.get_trail_status(Name="plain")
    assert status["IsLogging"] is True
    assert status["LatestDeliveryTime"].timestamp() == pytest.approx(time.time(), abs=60)
    assert "LatestDeliveryError" not in status
    trail.delete_trail(Name="plain")


def test_stopping_is_the_last_event(gureum, trail):
    s3 = bucket_for(gureum, "trail-stop")
    trail.create_trail(Name="stopped", S3BucketName="trail-stop")
    trail.start_logging(Name="stopped")
    trail.stop_logging(Name="stopped")
    gureum.client("sqs").create_queue(QueueName="unwatched")
    wait_for(s3, "trail-stop", named("StopLogging", name="stopped"))
    time.sleep(1.5)
    names = [e["eventName"] for records in logs(s3, "trail-stop").values() for e in records]
    assert "CreateQueue" not in names
    assert trail.get_trail_status(Name="stopped")["IsLogging"] is False
    trail.delete_trail(Name="stopped")


def test_data_events_are_chosen_and_delivery_does_not_feed_itself(gureum, trail):
    s3 = bucket_for(gureum, "trail-data")
    s3.create_bucket(Bucket="watched-data")
    trail.create_trail(Name="datas", S3BucketName="trail-data")
    trail.put_event_selectors(
        TrailName="datas",
        EventSelectors=[
            {
                "ReadWriteType": "WriteOnly",
                "IncludeManagementEvents": False,
                "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}],
            }
        ],
    )
    trail.start_logging(Name="datas")
    s3.put_object(Bucket="watched-data", Key="a", Body=b"x")
    event = wait_for(s3, "trail-data", named("PutObject", bucketName="watched-data"))
    assert event["eventCategory"] == "Data"
    assert event["managementEvent"] is False
    time.sleep(2.5)
    before = len(logs(s3, "trail-data"))
    time.sleep(2.5)
    assert len(logs(s3, "trail-data")) == before
    assert all(not e["readOnly"] for records in logs(s3, "trail-data").values() for e in records)
    # The delivery itself is on record once something else is.
    s3.put_object(Bucket="watched-data", Key="b", Body=b"x")
    own = wait_for(s3, "trail-data", named("PutObject", bucketName="trail-data"))
    assert own["userIdentity"] == {"type": "AWSService", "invokedBy": "cloudtrail.amazonaws.com"}
    trail.delete_trail(Name="datas")


def test_a_bucket_that_refuses_is_told_of_and_gets_the_events_later(gureum, trail):
    s3 = bucket_for(gureum, "trail-shut")
    trail.create_trail(Name="shut", S3BucketName="trail-shut")
    s3.delete_bucket_policy(Bucket="trail-shut")
    trail.start_logging(Name="shut")
    gureum.client("sqs").create_queue(QueueName="while-shut")
    end = time.monotonic() + 10
    while "LatestDeliveryError" not in (status := trail.get_trail_status(Name="shut")):
        assert time.monotonic() < end
        time.sleep(0.2)
    assert status["LatestDeliveryError"] == "AccessDenied"
    s3.put_bucket_policy(Bucket="trail-shut", Policy=policy("trail-shut"))
    wait_for(s3, "trail-shut", named("CreateQueue", queueName="while-shut"))
    trail.delete_trail(Name="shut")


def test_a_kill_loses_no_event(gureum_cloud):
    cloud = gureum_cloud(durability="fsync")
    s3 = bucket_for(cloud, "trail-kill")
    trail = cloud.client("cloudtrail")
    trail.create_trail(Name="killed", S3BucketName="trail-kill")
    trail.start_logging(Name="killed")
    for n in range(20):
        cloud.client("sqs").create_queue(QueueName=f"kept-{n}")
    cloud.kill()
    cloud.restart()
    s3 = cloud.client("s3")
    for n in range(20):
        wait_for(s3, "trail-kill", named("CreateQueue", queueName=f"kept-{n}"))


def test_a_multi_region_trail_hears_all_regions_and_may_leave_itself_out(gureum, trail):
    s3 = bucket_for(gureum, "trail-regions")
    trail.create_trail(
        Name="regions", S3BucketName="trail-regions", IsMultiRegionTrail=True, RecursiveLogging=False
    )
    trail.put_event_selectors(
        TrailName="regions",
        AdvancedEventSelectors=[
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
            {
                "FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Data"]},
                    {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                    {"Field": "eventName", "Equals": ["PutObject"]},
                ]
            },
        ],
    )
    trail.start_logging(Name="regions")
    gureum.client("sqs", region_name="eu-west-1").create_queue(QueueName="far")
    gureum.client("iam", region_name="eu-west-1").create_user(UserName="far")
    assert wait_for(s3, "trail-regions", named("CreateQueue", queueName="far"))["awsRegion"] == "eu-west-1"
    assert wait_for(s3, "trail-regions", named("CreateUser", userName="far"))["awsRegion"] == "us-east-1"
    files = logs(s3, "trail-regions")
    assert {key.split("/")[3] for key in files} == {"eu-west-1", "us-east-1"}
    for key, records in files.items():
        assert {e["awsRegion"] for e in records} == {key.split("/")[3]}
    gureum.client("sqs").create_queue(QueueName="later")
    wait_for(s3, "trail-regions", named("CreateQueue", queueName="later"))
    everything = [e for records in logs(s3, "trail-regions").values() for e in records]
    assert not [e for e in everything if e["eventName"] == "PutObject"]
    ids = [e["eventID"] for e in everything]
    assert len(ids) == len(set(ids))
    trail.delete_trail(Name="regions")
