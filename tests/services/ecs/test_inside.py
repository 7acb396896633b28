"""What a task finds inside: metadata, credentials of its role, the API."""

from __future__ import annotations

import json
import uuid
from typing import Any

from .conftest import run, until

TELL = """
import json, os, urllib.request
def get(path):
    return json.load(urllib.request.urlopen(path, timeout=10))
base = os.environ["ECS_CONTAINER_METADATA_URI_V4"]
told = {"container": get(base), "task": get(base + "/task"), "stats": get(base + "/stats"), "all": get(base + "/task/stats")}
try:
    get("http://169.254.170.2/v2/credentials/" + "0" * 36)
except urllib.error.HTTPError as error:
    told["foreign"] = error.code
if "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" in os.environ:
    import boto3
    told["arn"] = boto3.client("sts").get_caller_identity()["Arn"]
    try:
        boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(told))
        boto3.client("sqs").delete_queue(QueueUrl=os.environ["QUEUE"])
    except Exception as error:
        print(error)
        raise SystemExit(9)
raise SystemExit(8)
"""


def make_role(gureum: Any, statement: dict[str, Any]) -> str:
    iam = gureum.client("iam")
    name = f"r-{uuid.uuid4().hex[:8]}"
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    made = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    return made["Role"]["Arn"]


def test_metadata_and_the_role_of_the_task(gureum, ecs, cluster, define):
    sqs = gureum.client("sqs")
    queue = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    role = make_role(gureum, {"Action": "sqs:SendMessage", "Resource": "*"})
    definition = define(
        command=["python3", "-c", TELL],
        environment=[{"name": "QUEUE", "value": queue}],
        task={"taskRoleArn": role},
    )
    arn = run(ecs, cluster, definition)
    one = until(ecs, cluster, arn, "STOPPED", 60)
    assert one["containers"][0]["exitCode"] == 9  # it may send, and may not delete the queue
    told = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    id = arn.rpartition("/")[2]
    assert told["arn"] == role.replace(":iam:", ":sts:").replace("role/", "assumed-role/") + f"/{id}"
    container, task = told["container"], told["task"]
    assert (container["Name"], container["KnownStatus"], container["Type"]) == ("app", "RUNNING", "NORMAL")
    assert container["DockerId"] == one["containers"][0]["runtimeId"]
    assert container["Networks"][0]["IPv4Addresses"] == [
        one["containers"][0]["networkInterfaces"][0]["privateIpv4Address"]
    ]
    assert (task["TaskARN"], task["Family"], task["LaunchType"]) == (
        arn,
        definition.partition(":")[0],
        "FARGATE",
    )
    assert task["Limits"] == {"CPU": 0.25, "Memory": 512} and task["Cluster"].endswith(f"cluster/{cluster}")
    assert told["stats"]["memory_stats"]["usage"] > 1 << 20 and list(told["all"]) == [container["DockerId"]]
    assert told["foreign"] == 400


def test_a_role_that_does_not_trust_tasks_gives_no_credentials(gureum, ecs, cluster, define):
    iam = gureum.client("iam")
    name = f"r-{uuid.uuid4().hex[:8]}"
    trust = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    line = 'wget -qO- "http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" && exit 1; exit 6'
    one = until(ecs, cluster, run(ecs, cluster, define(line, task={"taskRoleArn": role})), "STOPPED")
    assert one["containers"][0]["exitCode"] == 6


def test_environment_files_are_read_by_the_execution_role(gureum, ecs, cluster, define):
    s3 = gureum.client("s3")
    bucket = f"b-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="a.env", Body=b"# codes\nCODE=5\nOTHER=1\n")
    role = make_role(gureum, {"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"})
    files = [{"type": "s3", "value": f"arn:aws:s3:::{bucket}/a.env"}]
    plain = [{"name": "OTHER", "value": "2"}]
    line = 'exit "$CODE$OTHER"'
    definition = define(line, task={"executionRoleArn": role}, environmentFiles=files, environment=plain)
    one = until(ecs, cluster, run(ecs, cluster, definition), "STOPPED")
    assert one["containers"][0]["exitCode"] == 52

    stranger = make_role(gureum, {"Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"})
    definition = define(line, task={"executionRoleArn": stranger}, environmentFiles=files)
    one = until(ecs, cluster, run(ecs, cluster, definition), "STOPPED")
    assert one["stopCode"] == "TaskFailedToStart" and "AccessDenied" in one["stoppedReason"]
