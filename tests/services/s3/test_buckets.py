"""Buckets and their configuration documents."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from botocore.handlers import validate_bucket_name

from .conftest import refused


def test_life_of_a_bucket(gureum: Any, s3: Any) -> None:
    name = f"x-{uuid.uuid4()}"
    seoul = gureum.client("s3", region_name="ap-northeast-2")
    seoul.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-2"})
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] == "ap-northeast-2"
    assert s3.head_bucket(Bucket=name)["BucketRegion"] == "ap-northeast-2"
    again = {"Bucket": name, "CreateBucketConfiguration": {"LocationConstraint": "ap-northeast-2"}}
    assert refused(seoul.create_bucket, **again)[:2] == ("BucketAlreadyOwnedByYou", 409)
    assert name in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    s3.put_object(Bucket=name, Key="k", Body=b"")
    assert refused(s3.delete_bucket, Bucket=name)[:2] == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    assert refused(s3.head_bucket, Bucket=name)[1] == 404
    assert refused(s3.delete_bucket, Bucket=name)[:2] == ("NoSuchBucket", 404)


@pytest.mark.parametrize("name", ["UPPER", "ab", "a..b", "10.0.0.1", "a_b", "xn--a", "a" * 64, "-ab"])
def test_names_that_no_bucket_has(s3: Any, name: str) -> None:
    s3.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    code, status, _ = refused(s3.create_bucket, Bucket=name)
    assert (code, status) == ("InvalidBucketName", 400)


def test_pages_of_buckets(s3: Any) -> None:
    prefix = f"p-{uuid.uuid4()}"
    names = [f"{prefix}-{at}" for at in range(5)]
    for name in names:
        s3.create_bucket(Bucket=name)
    pages = s3.get_paginator("list_buckets").paginate(Prefix=prefix, PaginationConfig={"PageSize": 2})
    assert [b["Name"] for page in pages for b in page["Buckets"]] == names


_DOCUMENTS: list[tuple[str, str, dict[str, Any], str]] = [
    (
        "bucket_cors",
        "CORSConfiguration",
        {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 3}]},
        "NoSuchCORSConfiguration",
    ),
    (
        "bucket_website",
        "WebsiteConfiguration",
        {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "e"}},
        "NoSuchWebsiteConfiguration",
    ),
    ("bucket_tagging", "Tagging", {"TagSet": [{"Key": "a", "Value": "b"}]}, "NoSuchTagSet"),
    (
        "public_access_block",
        "PublicAccessBlockConfiguration",
        {
            "BlockPublicAcls": True,
            "IgnorePublicAcls": False,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": False,
        },
        "NoSuchPublicAccessBlockConfiguration",
    ),
    (
        "bucket_lifecycle_configuration",
        "LifecycleConfiguration",
        {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "a"}, "Expiration": {"Days": 3}}]},
        "NoSuchLifecycleConfiguration",
    ),
]


@pytest.mark.parametrize(("noun", "member", "document", "missing"), _DOCUMENTS)
def test_documents_come_back(
    s3: Any, bucket: str, noun: str, member: str, document: dict[str, Any], missing: str
) -> None:
    getattr(s3, f"put_{noun}")(Bucket=bucket, **{member: document})
    got = getattr(s3, f"get_{noun}")(Bucket=bucket)
    got.pop("ResponseMetadata")
    got.pop("TransitionDefaultMinimumObjectSize", None)
    assert got.get(member, got) == document
    getattr(s3, f"delete_{noun.removesuffix('_configuration')}")(Bucket=bucket)
    code, status, _ = refused(getattr(s3, f"get_{noun}"), Bucket=bucket)
    assert (code, status) == (missing, 404)


@pytest.mark.parametrize(
    ("noun", "member", "body"),
    [
        ("analytics", "AnalyticsConfiguration", {"StorageClassAnalysis": {}}),
        ("metrics", "MetricsConfiguration", {"Filter": {"Prefix": "p"}}),
        (
            "intelligent_tiering",
            "IntelligentTieringConfiguration",
            {"Status": "Enabled", "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}]},
        ),
    ],
)
def test_named_configurations(s3: Any, bucket: str, noun: str, member: str, body: dict[str, Any]) -> None:
    put, get = (
        getattr(s3, f"put_bucket_{noun}_configuration"),
        getattr(s3, f"get_bucket_{noun}_configuration"),
    )
    for name in ("b", "a"):
        put(Bucket=bucket, Id=name, **{member: {"Id": name, **body}})
    assert get(Bucket=bucket, Id="a")[member] == {"Id": "a", **body}
    found = getattr(s3, f"list_bucket_{noun}_configurations")(Bucket=bucket)
    assert [one["Id"] for one in found[f"{member}List"]] == ["a", "b"]
    getattr(s3, f"delete_bucket_{noun}_configuration")(Bucket=bucket, Id="a")
    assert refused(get, Bucket=bucket, Id="a")[:2] == ("NoSuchConfiguration", 404)


def test_settings_with_defaults(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    rule = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    controls = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert controls == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert refused(s3.get_bucket_policy, Bucket=bucket)[:2] == ("NoSuchBucketPolicy", 404)
    assert refused(s3.get_object_lock_configuration, Bucket=bucket)[:2] == (
        "ObjectLockConfigurationNotFoundError",
        404,
    )
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"


@pytest.mark.parametrize(
    ("call", "document", "code"),
    [
        (
            "put_bucket_cors",
            {"CORSConfiguration": {"CORSRules": [{"AllowedMethods": ["BREW"], "AllowedOrigins": ["*"]}]}},
            "InvalidRequest",
        ),
        (
            "put_bucket_versioning",
            {"VersioningConfiguration": {"Status": "Sometimes"}},
            "IllegalVersioningConfigurationException",
        ),
        (
            "put_bucket_lifecycle_configuration",
            {"LifecycleConfiguration": {"Rules": [{"ID": "r", "Status": "Enabled", "Filter": {}}]}},
            "InvalidRequest",
        ),
        (
            "put_bucket_encryption",
            {
                "ServerSideEncryptionConfiguration": {
                    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "rot13"}}]
                }
            },
            "MalformedXML",
        ),
        ("put_bucket_policy", {"Policy": "{}"}, "MalformedPolicy"),
        (
            "put_bucket_logging",
            {
                "BucketLoggingStatus": {
                    "LoggingEnabled": {"TargetBucket": "not-there-at-all", "TargetPrefix": ""}
                }
            },
            "InvalidTargetBucketForLogging",
        ),
    ],
)
def test_documents_that_are_refused(
    s3: Any, bucket: str, call: str, document: dict[str, Any], code: str
) -> None:
    found, status, _ = refused(getattr(s3, call), Bucket=bucket, **document)
    assert (found, status) == (code, 400)
