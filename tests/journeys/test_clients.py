"""Unmodified clients: the AWS CLI and Terraform make, use and destroy the same resources."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TERRAFORM = shutil.which("terraform")
PROVIDERS = next(
    (p for p in (Path("/opt/tf-plugins"), Path.home() / ".terraform.d/plugins") if p.is_dir()), None
)


def environment(cloud, **more):
    key = cloud.credentials
    return (
        os.environ
        | {
            "AWS_ENDPOINT_URL": cloud.endpoint,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }
        | more
    )


@pytest.fixture
def aws(gureum, tmp_path):
    def run(*words, fails=False, parse=True, env=None):
        # Version 1 of the CLI sends SQS to a host of its own making unless it is told on the command line.
        command = [Path(sys.executable).parent / "aws", "--endpoint-url", gureum.endpoint, *words]
        done = subprocess.run(
            command,
            env=environment(gureum, **(env or {})),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stderr
        if fails:
            return done.stderr
        return json.loads(done.stdout) if parse and done.stdout.strip() else done.stdout

    return run


def test_the_readme_s_five_minutes_with_the_aws_cli(aws, tmp_path, gureum):
    assert aws("sts", "get-caller-identity")["Arn"].endswith(":root")
    aws("s3", "mb", "s3://results", parse=False)
    url = aws("sqs", "create-queue", "--queue-name", "cli-jobs")["QueueUrl"]
    key = aws("kms", "create-key")["KeyMetadata"]["KeyId"]
    aws("iam", "create-user", "--user-name", "worker")
    narrow = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
                "Resource": "arn:aws:sqs:*:*:cli-jobs",
            },
            {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::results/*"},
            {"Effect": "Allow", "Action": "kms:GenerateDataKey", "Resource": "*"},
        ],
    }
    aws(
        "iam",
        "put-user-policy",
        "--user-name",
        "worker",
        "--policy-name",
        "narrow",
        "--policy-document",
        json.dumps(narrow),
    )
    made = aws("iam", "create-access-key", "--user-name", "worker")["AccessKey"]
    aws("sqs", "send-message", "--queue-url", url, "--message-body", '{"job": 1}')
    worker = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
    message = aws("sqs", "receive-message", "--queue-url", url, env=worker)["Messages"][0]
    assert message["Body"] == '{"job": 1}'
    (tmp_path / "done").write_text("done\n")
    aws(
        "s3",
        "cp",
        "done",
        "s3://results/1",
        "--sse",
        "aws:kms",
        "--sse-kms-key-id",
        key,
        parse=False,
        env=worker,
    )
    denied = aws("s3", "ls", "s3://results", fails=True, env=worker)
    assert (
        "User: arn:aws:iam::000000000000:user/worker is not authorized to perform: s3:ListBucket on resource: "
        "arn:aws:s3:::results because no identity-based policy allows the s3:ListBucket action" in denied
    )
    assert "1" in aws("s3", "ls", "s3://results", parse=False)
    head = aws("s3api", "head-object", "--bucket", "results", "--key", "1")
    assert head["ServerSideEncryption"] == "aws:kms"
    aws("s3", "cp", "s3://results/1", "back", parse=False)
    assert (tmp_path / "back").read_text() == "done\n"


def test_the_cli_copies_folders_and_large_files(aws, tmp_path):
    aws("s3", "mb", "s3://sync-bucket", parse=False)
    source = tmp_path / "source"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "small").write_bytes(b"x")
    (source / "large").write_bytes(os.urandom(20 * 1024 * 1024))  # multipart
    aws("s3", "sync", "source", "s3://sync-bucket/here", parse=False)
    aws("s3", "sync", "s3://sync-bucket/here", "back", parse=False)
    for name in ("deep/small", "large"):
        assert (tmp_path / "back" / name).read_bytes() == (source / name).read_bytes()
    aws("s3", "rb", "s3://sync-bucket", "--force", parse=False)


MAIN = """
terraform {
  required_providers { aws = { source = "hashicorp/aws" } }
}
provider "aws" {
  region = "us-east-1"
  skip_metadata_api_check = true
  s3_use_path_style = true
}
resource "aws_sqs_queue" "dead" { name = "tf-dead" }
resource "aws_sqs_queue" "jobs" {
  name = "tf-jobs"
  visibility_timeout_seconds = 45
  redrive_policy = jsonencode({ deadLetterTargetArn = aws_sqs_queue.dead.arn, maxReceiveCount = 3 })
  tags = { team = "구름" }
}
resource "aws_kms_key" "key" {
  description = "for results"
  deletion_window_in_days = 7
  enable_key_rotation = true
}
resource "aws_kms_alias" "alias" {
  name = "alias/tf-results"
  target_key_id = aws_kms_key.key.key_id
}
resource "aws_s3_bucket" "results" { bucket = "tf-results-bucket" }
resource "aws_s3_bucket_versioning" "results" {
  bucket = aws_s3_bucket.results.id
  versioning_configuration { status = "Enabled" }
}
resource "aws_s3_object" "hello" {
  bucket = aws_s3_bucket.results.id
  key = "hello"
  content = "world"
}
resource "aws_iam_role" "worker" {
  name = "tf-worker"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sts:AssumeRole", Principal = { Service = "ecs-tasks.amazonaws.com" } }] })
}
resource "aws_iam_role_policy" "worker" {
  role = aws_iam_role.worker.id
  policy = jsonencode({ Version = "2012-10-17", Statement = [
    { Effect = "Allow", Action = "sqs:ReceiveMessage", Resource = aws_sqs_queue.jobs.arn }] })
}
"""


@pytest.mark.skipif(
    not (TERRAFORM and PROVIDERS), reason="Terraform and its AWS provider are not on this machine"
)
def test_terraform_makes_changes_and_destroys(gureum, tmp_path):
    (tmp_path / "main.tf").write_text(MAIN)
    settings = tmp_path / "terraform.rc"
    settings.write_text(f'provider_installation {{ filesystem_mirror {{ path = "{PROVIDERS}" }} }}')
    env = environment(gureum, TF_CLI_CONFIG_FILE=str(settings), TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1")

    def terraform(*words, code=0):
        done = subprocess.run(
            [TERRAFORM, *words], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout[-1500:] + done.stderr[-3000:]
        return done.stdout

    terraform("init", "-no-color")
    assert "9 added" in terraform("apply", "-auto-approve", "-no-color")
    # What was made is what was asked for: a second look finds nothing to do.
    assert "No changes" in terraform("plan", "-detailed-exitcode", "-no-color")
    sqs = gureum.client("sqs")
    url = sqs.get_queue_url(QueueName="tf-jobs")["QueueUrl"]
    assert (
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"]
        == "45"
    )
    (tmp_path / "main.tf").write_text(MAIN.replace("= 45", "= 60"))
    assert "1 changed" in terraform("apply", "-auto-approve", "-no-color")
    assert (
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["VisibilityTimeout"]
        == "60"
    )
    assert "destroyed" in terraform("destroy", "-auto-approve", "-no-color")
    assert not sqs.list_queues(QueueNamePrefix="tf-").get("QueueUrls")
