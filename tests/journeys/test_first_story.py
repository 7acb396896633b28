"""The first story: a task works jobs off a queue into a bucket, by its role's rights alone, through a killed server."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

JOBS = 30
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0a1b2c3d"]}}
WORKER = """
import os, sys, time
import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
config = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 1})
def patiently(call, **asked):
    for _ in range(300):
        try:
            return call(**asked)
        except (BotoCoreError, OSError) as error:
            time.sleep(0.2)
    raise SystemExit(5)
sqs, s3 = boto3.client("sqs", config=config), boto3.client("s3", config=config)
url, bucket, key = os.environ["QUEUE"], os.environ["BUCKET"], os.environ["KEY"]
try:
    s3.list_buckets()
    raise SystemExit(6)
except ClientError as error:
    assert error.response["Error"]["Code"] == "AccessDenied", error
left = int(os.environ["JOBS"])
done = set()
while len(done) < left:
    for message in patiently(sqs.receive_message, QueueUrl=url, MaxNumberOfMessages=1, WaitTimeSeconds=1).get("Messages", ()):
        job = message["Body"]
        patiently(s3.put_object, Bucket=bucket, Key=job, Body=(job * 3).encode(), ServerSideEncryption="aws:kms", SSEKMSKeyId=key)
        patiently(sqs.delete_message, QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        done.add(job)
        print("done", job, flush=True)
        time.sleep(0.1)
"""


def make_role(cloud: Any, name: str, rights: list[dict[str, Any]]) -> str:
    """A role for tasks with just these rights; its ARN."""
    iam = cloud.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    made = iam.create_role(
        RoleName=name,
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    policy = json.dumps({"Version": "2012-10-17", "Statement": rights})
    iam.put_role_policy(RoleName=name, PolicyName="just-these", PolicyDocument=policy)
    return made["Role"]["Arn"]


def rights_of_worker(queue_arn: str, key_arn: str) -> list[dict[str, Any]]:
    return [
        {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"], "Resource": queue_arn},
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::results/*"},
        {"Effect": "Allow", "Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key_arn},
    ]


WRITE_LOGS = [{"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": "*"}]
LOGS = {
    "logDriver": "awslogs",
    "options": {"awslogs-group": "/story", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "jobs"},
}


def stored(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="results").get("Contents", ())]


def wait(what: Any, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_nothing_acknowledged_is_lost(gureum_cloud: Any, image: str) -> None:
    cloud = gureum_cloud()
    sqs, s3, kms, ecs = (cloud.client(name) for name in ("sqs", "s3", "kms", "ecs"))
    s3.create_bucket(Bucket="results")
    queue = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "3"})["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    key = kms.create_key()["KeyMetadata"]["Arn"]
    role = make_role(cloud, "worker", rights_of_worker(queue_arn, key))
    cloud.client("logs").create_log_group(logGroupName="/story")
    for number in range(JOBS):
        sqs.send_message(QueueUrl=queue, MessageBody=f"job-{number:02}")
    ecs.create_cluster(clusterName="story")
    environment = {"QUEUE": queue, "BUCKET": "results", "KEY": key, "JOBS": str(JOBS)}
    container = {
        "name": "worker",
        "image": image,
        "command": ["python3", "-c", WORKER],
        "environment": [{"name": k, "value": v} for k, v in environment.items()],
        "logConfiguration": LOGS,
    }
    ecs.register_task_definition(
        family="worker",
        requiresCompatibilities=["FARGATE"],
        networkMode="awsvpc",
        cpu="256",
        memory="512",
        taskRoleArn=role,
        executionRoleArn=make_role(cloud, "execution", WRITE_LOGS),
        containerDefinitions=[container],
    )
    task = ecs.run_task(
        cluster="story", taskDefinition="worker", launchType="FARGATE", networkConfiguration=NETWORK
    )["tasks"][0]["taskArn"]

    def look() -> dict[str, Any]:
        return ecs.describe_tasks(cluster="story", tasks=[task])["tasks"][0]

    wait(lambda: len(stored(s3)) >= 3 or look()["lastStatus"] == "STOPPED")
    assert look()["lastStatus"] == "RUNNING", look()
    before = stored(s3)
    cloud.kill()
    cloud.restart()
    assert look()["lastStatus"] == "RUNNING"
    assert set(before) <= set(stored(s3))
    wait(lambda: look()["lastStatus"] == "STOPPED", 90)
    assert look()["containers"][0]["exitCode"] == 0, look()
    assert stored(s3) == [f"job-{number:02}" for number in range(JOBS)]
    # Its log, begun before the server died and ended after, has every line once.
    stream = f"jobs/worker/{task.rpartition('/')[2]}"
    told = cloud.client("logs").get_log_events(
        logGroupName="/story", logStreamName=stream, startFromHead=True
    )
    lines = [event["message"] for event in told["events"]]
    assert sorted(lines) == [f"done job-{number:02}" for number in range(JOBS)]
    # The trail knows its calls by the session of its role, the refused one too.
    history = cloud.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": task.rpartition("/")[2]}],
        MaxResults=50,
    )["Events"]
    events = [json.loads(event["CloudTrailEvent"]) for event in history]
    mine = [e for e in events if e["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == role]
    outcomes = {(event["eventName"], event.get("errorCode")) for event in mine}
    assert {("ListBuckets", "AccessDenied"), ("GenerateDataKey", None)} <= outcomes
    one = s3.get_object(Bucket="results", Key="job-07")
    assert one["Body"].read() == b"job-07" * 3
    assert (one["ServerSideEncryption"], one["SSEKMSKeyId"]) == ("aws:kms", key)
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError):
        s3.get_object(Bucket="results", Key="job-07")
