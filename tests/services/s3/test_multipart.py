"""Uploads in parts."""

from __future__ import annotations

import hashlib
import os
from typing import Any

import pytest

from .conftest import refused

MB = 1024 * 1024


def start(s3: Any, bucket: str, **more: Any) -> dict[str, Any]:
    made = s3.create_multipart_upload(Bucket=bucket, Key="k", **more)
    return {"Bucket": bucket, "Key": "k", "UploadId": made["UploadId"]}


def send(s3: Any, upload: dict[str, Any], number: int, body: bytes, **more: Any) -> dict[str, Any]:
    part = s3.upload_part(**upload, PartNumber=number, Body=body, **more)
    sums = {
        name: value for name, value in part.items() if name.startswith("Checksum") and name != "ChecksumType"
    }
    return {"PartNumber": number, "ETag": part["ETag"], **sums}


def complete(s3: Any, upload: dict[str, Any], parts: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts}, **more)
    return found


def test_parts_become_one_object(s3: Any, bucket: str) -> None:
    bodies = [os.urandom(5 * MB), os.urandom(5 * MB + 7), os.urandom(100)]
    upload = start(s3, bucket, ContentType="x/y", Metadata={"a": "1"})
    parts = [send(s3, upload, 2 * at + 1, body) for at, body in enumerate(bodies)]
    shown = s3.list_parts(**upload, MaxParts=2)
    assert [part["PartNumber"] for part in shown["Parts"]] == [1, 3]
    assert (shown["IsTruncated"], shown["NextPartNumberMarker"]) == (True, 3)
    assert s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["UploadId"] == upload["UploadId"]
    done = complete(s3, upload, parts)
    digest = hashlib.md5(b"".join(hashlib.md5(body).digest() for body in bodies)).hexdigest()
    assert done["ETag"] == f'"{digest}-3"'
    whole = b"".join(bodies)
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read() == whole, got["ContentType"], got["Metadata"]) == (True, "x/y", {"a": "1"})
    at = 5 * MB - 3
    assert (
        s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={at}-{at + 9}")["Body"].read()
        == whole[at : at + 10]
    )
    third = s3.get_object(Bucket=bucket, Key="k", PartNumber=5)
    assert (third["Body"].read(), third["PartsCount"]) == (bodies[2], 3)
    assert refused(complete, s3=s3, upload=upload, parts=parts)[:2] == ("NoSuchUpload", 404)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("CRC32", "COMPOSITE"),
        ("CRC32", "FULL_OBJECT"),
        ("CRC64NVME", "FULL_OBJECT"),
        ("SHA256", "COMPOSITE"),
        ("CRC32C", "FULL_OBJECT"),
    ],
)
def test_checksums_of_the_whole(s3: Any, bucket: str, algorithm: str, kind: str) -> None:
    bodies = [os.urandom(5 * MB), os.urandom(11)]
    upload = start(s3, bucket, ChecksumAlgorithm=algorithm, ChecksumType=kind)
    parts = [send(s3, upload, at + 1, body, ChecksumAlgorithm=algorithm) for at, body in enumerate(bodies)]
    complete(s3, upload, parts, ChecksumType=kind)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ChecksumType"] == kind
    value = head[f"Checksum{algorithm}"]
    if kind == "COMPOSITE":
        assert value.endswith("-2")
        shown = s3.get_object_attributes(
            Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts", "ObjectSize"]
        )
        assert shown["ObjectSize"] == 5 * MB + 11
        assert [part[f"Checksum{algorithm}"] for part in shown["ObjectParts"]["Parts"]] == [
            p[f"Checksum{algorithm}"] for p in parts
        ]
    else:
        s3.put_object(Bucket=bucket, Key="whole", Body=b"".join(bodies), ChecksumAlgorithm=algorithm)
        assert (
            s3.head_object(Bucket=bucket, Key="whole", ChecksumMode="ENABLED")[f"Checksum{algorithm}"]
            == value
        )


def test_what_cannot_be_completed(s3: Any, bucket: str) -> None:
    upload = start(s3, bucket)
    one, two = send(s3, upload, 1, b"small"), send(s3, upload, 2, b"last")
    assert refused(complete, s3=s3, upload=upload, parts=[one, two])[:2] == ("EntityTooSmall", 400)
    assert refused(complete, s3=s3, upload=upload, parts=[two, one])[:2] == ("InvalidPartOrder", 400)
    wrong = {"PartNumber": 2, "ETag": one["ETag"]}
    assert refused(complete, s3=s3, upload=upload, parts=[wrong])[:2] == ("InvalidPart", 400)
    assert refused(s3.upload_part, **upload, PartNumber=10_001, Body=b"")[:2] == ("InvalidArgument", 400)
    s3.abort_multipart_upload(**upload)
    assert refused(s3.list_parts, **upload)[:2] == ("NoSuchUpload", 404)
    assert refused(s3.head_object, Bucket=bucket, Key="k")[1] == 404


def test_parts_made_of_other_objects(s3: Any, bucket: str) -> None:
    body = os.urandom(6 * MB)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload = start(s3, bucket)
    source = {"Bucket": bucket, "Key": "source"}
    first = s3.upload_part_copy(**upload, PartNumber=1, CopySource=source)
    second = s3.upload_part_copy(**upload, PartNumber=2, CopySource=source, CopySourceRange="bytes=10-19")
    s3.delete_object(Bucket=bucket, Key="source")
    parts = [
        {"PartNumber": at + 1, "ETag": one["CopyPartResult"]["ETag"]}
        for at, one in enumerate((first, second))
    ]
    complete(s3, upload, parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body + body[10:20]
    upload = start(s3, bucket)
    source = {"Bucket": bucket, "Key": "k"}
    found = refused(
        s3.upload_part_copy, **upload, PartNumber=1, CopySource=source, CopySourceRange="bytes=0-99999999"
    )
    assert found[:2] == ("InvalidArgument", 400)


def test_a_part_may_be_sent_again(s3: Any, bucket: str) -> None:
    upload = start(s3, bucket)
    send(s3, upload, 1, b"first")
    part = send(s3, upload, 1, b"second")
    complete(s3, upload, [part])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"second"


def test_conditional_completion(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"there")
    upload = start(s3, bucket)
    part = send(s3, upload, 1, b"x")
    found = refused(complete, s3=s3, upload=upload, parts=[part], IfNoneMatch="*")
    assert found[:2] == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"there"
