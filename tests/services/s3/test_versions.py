"""Versioning against a naive model, and the answers that clients see."""

from __future__ import annotations

import datetime
import uuid
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import refused


@pytest.fixture
def versioned(s3: Any, bucket: str) -> str:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return bucket


def test_every_version_can_be_read(s3: Any, versioned: str) -> None:
    ids = [s3.put_object(Bucket=versioned, Key="k", Body=f"{at}".encode())["VersionId"] for at in range(4)]
    assert len(set(ids)) == 4
    for at, version in enumerate(ids):
        got = s3.get_object(Bucket=versioned, Key="k", VersionId=version)
        assert (got["Body"].read(), got["VersionId"]) == (f"{at}".encode(), version)
    found = s3.list_object_versions(Bucket=versioned)["Versions"]
    assert [(v["VersionId"], v["IsLatest"]) for v in found] == [(v, v == ids[3]) for v in reversed(ids)]


def test_a_delete_marker_hides_and_can_be_taken_away(s3: Any, versioned: str) -> None:
    version = s3.put_object(Bucket=versioned, Key="k", Body=b"1")["VersionId"]
    marker = s3.delete_object(Bucket=versioned, Key="k")
    assert marker["DeleteMarker"] is True
    with pytest.raises(s3.exceptions.NoSuchKey) as caught:
        s3.get_object(Bucket=versioned, Key="k")
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["x-amz-delete-marker"] == "true"
    assert headers["x-amz-version-id"] == marker["VersionId"]
    of_marker = refused(s3.get_object, Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert of_marker[:2] == ("MethodNotAllowed", 405)
    assert "Contents" not in s3.list_objects_v2(Bucket=versioned)
    assert refused(s3.delete_bucket, Bucket=versioned)[:2] == ("BucketNotEmpty", 409)
    s3.delete_object(Bucket=versioned, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=versioned, Key="k")["VersionId"] == version
    s3.delete_object(Bucket=versioned, Key="k", VersionId=version)
    s3.delete_bucket(Bucket=versioned)


def test_pages_of_versions_hold_each_once(s3: Any, versioned: str) -> None:
    for key in ("a", "a\x01", "a/b", "b"):
        for _ in range(3):
            s3.put_object(Bucket=versioned, Key=key, Body=b"")
        s3.delete_object(Bucket=versioned, Key=key)
    whole = s3.list_object_versions(Bucket=versioned, MaxKeys=1000)
    seen: list[tuple[str, str]] = []
    marks: dict[str, str] = {}
    while True:
        page = s3.list_object_versions(Bucket=versioned, MaxKeys=3, **marks)
        seen += [(v["Key"], v["VersionId"]) for v in page.get("Versions", []) + page.get("DeleteMarkers", [])]
        if not page["IsTruncated"]:
            break
        marks = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    expected = [(v["Key"], v["VersionId"]) for v in whole["Versions"] + whole["DeleteMarkers"]]
    assert len(seen) == 16
    assert sorted(seen) == sorted(expected)


_STEPS = st.lists(st.sampled_from(["put", "delete", "drop0", "drop1", "suspend", "enable"]), max_size=14)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=_STEPS)
def test_versions_are_as_a_plain_list_would_have_them(s3: Any, bucket: str, steps: list[str]) -> None:
    """The model: a list of (id, body or None for a marker), newest first."""
    key, status = str(uuid.uuid4()), "Enabled"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
    model: list[tuple[str, bytes | None]] = []
    for at, step in enumerate(steps):
        if step in {"suspend", "enable"}:
            status = "Suspended" if step == "suspend" else "Enabled"
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        elif step in {"put", "delete"}:
            body = f"{at}".encode() if step == "put" else None
            if body is not None:
                version = s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
            else:
                version = s3.delete_object(Bucket=bucket, Key=key)["VersionId"]
            assert (version == "null") == (status == "Suspended")
            if version == "null":
                model = [one for one in model if one[0] != "null"]
            model.insert(0, (version, body))
        elif len(model) > int(step[-1]):
            version, _ = model.pop(int(step[-1]))
            s3.delete_object(Bucket=bucket, Key=key, VersionId=version)
        found = s3.list_object_versions(Bucket=bucket, Prefix=key)
        rows = [(v["LastModified"], v["VersionId"], v["IsLatest"], False) for v in found.get("Versions", [])]
        rows += [
            (v["LastModified"], v["VersionId"], v["IsLatest"], True) for v in found.get("DeleteMarkers", [])
        ]
        assert {(row[1], row[3]) for row in rows} == {(one[0], one[1] is None) for one in model}
        assert [row[1] for row in rows if row[2]] == [one[0] for one in model[:1]]
        if model and model[0][1] is not None:
            assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == model[0][1]
        else:
            assert refused(s3.get_object, Bucket=bucket, Key=key)[0] == "NoSuchKey"
        for version, body in model:
            if body is not None:
                assert s3.get_object(Bucket=bucket, Key=key, VersionId=version)["Body"].read() == body


def test_copying_an_old_version(s3: Any, versioned: str) -> None:
    old = s3.put_object(Bucket=versioned, Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket=versioned, Key="k", Body=b"new")
    source = {"Bucket": versioned, "Key": "k", "VersionId": old}
    done = s3.copy_object(Bucket=versioned, Key="k", CopySource=source)
    assert done["CopySourceVersionId"] == old
    assert s3.get_object(Bucket=versioned, Key="k")["Body"].read() == b"old"


def test_object_lock(s3: Any) -> None:
    name = f"lock-{uuid.uuid4()}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    version = s3.put_object(Bucket=name, Key="k", Body=b"1", **lock)["VersionId"]
    gone = {"Bucket": name, "Key": "k", "VersionId": version}
    assert refused(s3.delete_object, **gone)[:2] == ("AccessDenied", 403)
    later = {"Mode": "COMPLIANCE", "RetainUntilDate": until + datetime.timedelta(days=1)}
    s3.put_object_legal_hold(Bucket=name, Key="k", LegalHold={"Status": "ON"})
    assert refused(s3.delete_object, **gone, BypassGovernanceRetention=True)[:2] == ("AccessDenied", 403)
    s3.put_object_legal_hold(Bucket=name, Key="k", LegalHold={"Status": "OFF"})
    s3.delete_object(**gone, BypassGovernanceRetention=True)
    kept = s3.put_object(Bucket=name, Key="k", Body=b"1")["VersionId"]
    s3.put_object_retention(Bucket=name, Key="k", Retention=later)
    assert s3.get_object_retention(Bucket=name, Key="k")["Retention"]["Mode"] == "COMPLIANCE"
    never = {"Bucket": name, "Key": "k", "VersionId": kept, "BypassGovernanceRetention": True}
    assert refused(s3.delete_object, **never)[:2] == ("AccessDenied", 403)
    shorter = {"Mode": "COMPLIANCE", "RetainUntilDate": until}
    assert (
        refused(
            s3.put_object_retention, Bucket=name, Key="k", Retention=shorter, BypassGovernanceRetention=True
        )[1]
        == 403
    )
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 3}}
    s3.put_object_lock_configuration(
        Bucket=name, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )
    s3.put_object(Bucket=name, Key="d", Body=b"")
    assert s3.head_object(Bucket=name, Key="d")["ObjectLockMode"] == "GOVERNANCE"
    suspend = {"Status": "Suspended"}
    assert refused(s3.put_bucket_versioning, Bucket=name, VersioningConfiguration=suspend)[:2] == (
        "InvalidBucketState",
        409,
    )
