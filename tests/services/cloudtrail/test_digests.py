"""Digests, as `aws cloudtrail validate-logs` sees them."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.services.cloudtrail.test_delivery import bucket_for


def validate(gureum, arn):
    key = gureum.credentials
    environment = os.environ | {
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": gureum.endpoint,
    }
    aws = str(Path(sys.executable).parent / "aws")
    start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 7200))
    found = subprocess.run(
        [aws, "cloudtrail", "validate-logs", "--trail-arn", arn, "--start-time", start, "--verbose"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.returncode, found.stdout + found.stderr


def digest_keys(s3, bucket):
    listed = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
    return [i["Key"] for i in listed if "CloudTrail-Digest" in i["Key"]]


def run_and_stop(gureum, trail, s3, name, digests):
    trail.start_logging(Name=name)
    gureum.client("sqs").create_queue(QueueName=f"digested-{digests}")
    time.sleep(0.2)
    trail.stop_logging(Name=name)
    end = time.monotonic() + 15
    while len(digest_keys(s3, f"trail-{name}")) < digests:
        assert time.monotonic() < end
        time.sleep(0.2)


@pytest.mark.skipif(not (Path(sys.executable).parent / "aws").exists(), reason="needs the AWS CLI")
def test_digests_prove_the_files_and_show_tampering(gureum):
    trail, s3 = gureum.client("cloudtrail"), bucket_for(gureum, "trail-digests")
    made = trail.create_trail(Name="digests", S3BucketName="trail-digests", EnableLogFileValidation=True)
    assert made["LogFileValidationEnabled"] is True
    run_and_stop(gureum, trail, s3, "digests", 1)
    run_and_stop(gureum, trail, s3, "digests", 2)
    code, said = validate(gureum, made["TrailARN"])
    assert code == 0, said
    assert "2/2 digest files valid" in said
    assert "INVALID" not in said
    assert trail.get_trail_status(Name="digests")["LatestDigestDeliveryTime"]
    listed = s3.list_objects_v2(Bucket="trail-digests")["Contents"]
    logs = [i["Key"] for i in listed if i["Key"].endswith(".json.gz") and "-Digest" not in i["Key"]]
    assert f"{len(logs)}/{len(logs)} log files valid" in said
    s3.delete_object(Bucket="trail-digests", Key=logs[0])
    code, said = validate(gureum, made["TrailARN"])
    assert code == 1
    assert "INVALID: not found" in said
    trail.delete_trail(Name="digests")
