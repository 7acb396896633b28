"""S3 together with IAM, STS and KMS: replication as a role, encryption under the caller's keys."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import refused


def built(call: Any, **params: Any) -> Any:
    """The answer of a neighbour, or the test is left out where this cloud does not have it."""
    try:
        return call(**params)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 501 or "UnknownOperation" in str(error):
            pytest.skip(f"not built: {error}")
        raise


def versioned(s3: Any) -> str:
    name = f"r-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


def role_for(gureum: Any, source: str, into: str) -> str:
    iam = gureum.client("iam")
    name = f"replicate-{uuid.uuid4()}"
    trust = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = built(iam.create_role, RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    may = [
        {
            "Effect": "Allow",
            "Action": "s3:GetObjectVersionForReplication",
            "Resource": f"arn:aws:s3:::{source}/*",
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ReplicateObject", "s3:ReplicateDelete"],
            "Resource": f"arn:aws:s3:::{into}/*",
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": may})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return str(role)


def settled(s3: Any, bucket: str, key: str) -> str:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        status: str = s3.head_object(Bucket=bucket, Key=key)["ReplicationStatus"]
        if status != "PENDING":
            return status
        time.sleep(0.05)
    return "PENDING"


def test_replication(gureum: Any, s3: Any) -> None:
    source, into = versioned(s3), versioned(s3)
    rule = {
        "ID": "r",
        "Status": "Enabled",
        "Priority": 1,
        "Filter": {"Prefix": "go/"},
        "DeleteMarkerReplication": {"Status": "Enabled"},
        "Destination": {"Bucket": f"arn:aws:s3:::{into}", "StorageClass": "STANDARD_IA"},
    }
    role = role_for(gureum, source, into)
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": role, "Rules": [rule]})
    body = os.urandom(100_000)
    version = s3.put_object(Bucket=source, Key="go/a", Body=body, Metadata={"m": "1"})["VersionId"]
    s3.put_object(Bucket=source, Key="stay/a", Body=b"")
    assert settled(s3, source, "go/a") == "COMPLETED"
    got = s3.get_object(Bucket=into, Key="go/a", VersionId=version)
    assert (got["Body"].read(), got["Metadata"], got["StorageClass"]) == (body, {"m": "1"}, "STANDARD_IA")
    assert got["ReplicationStatus"] == "REPLICA"
    assert refused(s3.head_object, Bucket=into, Key="stay/a")[1] == 404
    s3.delete_object(Bucket=source, Key="go/a")
    end = time.monotonic() + 20
    while "Contents" in s3.list_objects_v2(Bucket=into) and time.monotonic() < end:
        time.sleep(0.05)
    assert "Contents" not in s3.list_objects_v2(Bucket=into)


def test_replication_by_a_role_that_may_not(gureum: Any, s3: Any) -> None:
    source, into = versioned(s3), versioned(s3)
    rule = {"ID": "r", "Status": "Enabled", "Prefix": "", "Destination": {"Bucket": f"arn:aws:s3:::{into}"}}
    role = role_for(gureum, source, "another")
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": role, "Rules": [rule]})
    s3.put_object(Bucket=source, Key="a", Body=b"x")
    assert settled(s3, source, "a") == "FAILED"
    assert refused(s3.head_object, Bucket=into, Key="a")[1] == 404


def test_keys_of_kms(gureum: Any, s3: Any, bucket: str) -> None:
    kms = gureum.client("kms")
    key = built(kms.create_key)["KeyMetadata"]["Arn"]
    named = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    for size in (100, 300_000):
        body = os.urandom(size)
        put = s3.put_object(Bucket=bucket, Key="k", Body=body, **named)
        assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body
    kms.disable_key(KeyId=key)
    assert refused(s3.get_object, Bucket=bucket, Key="k")[0].startswith("KMS.")
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert refused(s3.put_object, Bucket=bucket, Key="j", Body=b"")[0].startswith("KMS.")
    kms.enable_key(KeyId=key)
    assert s3.put_object(Bucket=bucket, Key="j", Body=b"")["ServerSideEncryption"] == "aws:kms"


def test_users_need_leave(gureum: Any, s3: Any, bucket: str) -> None:
    iam = gureum.client("iam")
    name = f"u-{uuid.uuid4()}"
    built(iam.create_user, UserName=name)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    user = gureum.client(
        "s3", aws_access_key_id=made["AccessKeyId"], aws_secret_access_key=made["SecretAccessKey"]
    )
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refused(user.get_object, Bucket=bucket, Key="k")[:2] == ("AccessDenied", 403)
    may = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
    assert user.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(user.get_object, Bucket=bucket, Key="none")[:2] == ("AccessDenied", 403)
    assert refused(user.put_object, Bucket=bucket, Key="k", Body=b"")[:2] == ("AccessDenied", 403)
    assert refused(user.copy_object, Bucket=bucket, Key="c", CopySource=f"{bucket}/k")[:2] == (
        "AccessDenied",
        403,
    )
