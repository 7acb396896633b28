"""Objects through boto3: what is written comes back, by any way S3 has of asking for it."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import refused


@pytest.mark.parametrize("size", [0, 1, 1000, 4096, 4097, 65_536, 65_537, 3_000_000])
def test_bytes_come_back(s3: Any, bucket: str, size: int) -> None:
    body = os.urandom(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ContentType="text/x", Metadata={"a": "b"})
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    assert put["ServerSideEncryption"] == "AES256"
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert (got["ContentLength"], got["ContentType"], got["Metadata"]) == (size, "text/x", {"a": "b"})
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head["ContentLength"] == size
    assert head["ChecksumCRC32"] == base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    "key", ["a b/c+d%20é한", "../../etc/passwd", "/lead", "tail/", "a//b", "?x=1&y", "..", "\x1f\x01"]
)
def test_any_key_is_just_a_name(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode() * 500)
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode() * 500
    listed = s3.list_objects_v2(Bucket=bucket)["Contents"]
    assert [one["Key"] for one in listed] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)


@pytest.mark.parametrize("size", [1000, 300_000])
@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [("bytes=0-0", 0, 1), ("bytes=10-", 10, None), ("bytes=-7", -7, None), ("bytes=17-999999999", 17, None)],
)
def test_ranges(s3: Any, bucket: str, size: int, asked: str, start: int, end: int | None) -> None:
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    got = s3.get_object(Bucket=bucket, Key="k", Range=asked)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["Body"].read() == body[start:end]
    assert got["ContentRange"].endswith(f"/{size}")


def test_range_beyond_the_end(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"123")
    code, status, text = refused(s3.get_object, Bucket=bucket, Key="k", Range="bytes=3-")
    assert (code, status, text) == ("InvalidRange", 416, "The requested range is not satisfiable")


def test_what_is_not_there(s3: Any, bucket: str) -> None:
    assert refused(s3.get_object, Bucket=bucket, Key="no")[:2] == ("NoSuchKey", 404)
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=f"{bucket}x", Key="no")
    assert caught.value.response["Error"]["BucketName"] == f"{bucket}x"
    assert refused(s3.head_object, Bucket=bucket, Key="no")[:2] == ("404", 404)


def test_conditional_reads(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"123")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)[:2] == ("304", 304)
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=modified)[:2] == ("304", 304)
    assert refused(s3.get_object, Bucket=bucket, Key="k", IfMatch='"x"')[:2] == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=etag)["Body"].read() == b"123"


def test_conditional_writes(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")[:2] == (
        "PreconditionFailed",
        412,
    )
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfMatch='"0"')[:2] == (
        "PreconditionFailed",
        412,
    )
    assert refused(s3.put_object, Bucket=bucket, Key="j", Body=b"2", IfMatch=etag)[:2] == ("NoSuchKey", 404)
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3: Any, bucket: str, algorithm: str) -> None:
    for body in (b"hello", os.urandom(100_000)):
        put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
        head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
        assert head[f"Checksum{algorithm}"] == put[f"Checksum{algorithm}"]
        assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_a_wrong_checksum_changes_nothing(s3: Any, bucket: str) -> None:
    wrong = base64.b64encode(bytes(4)).decode()
    for body in (b"x", b"x" * 100_000):
        code, status, _ = refused(s3.put_object, Bucket=bucket, Key="k", Body=body, ChecksumCRC32=wrong)
        assert (code, status) == ("BadDigest", 400)
    md5 = base64.b64encode(bytes(16)).decode()
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5=md5)[0] == "BadDigest"
    assert refused(s3.head_object, Bucket=bucket, Key="k")[1] == 404


def test_customer_keys(s3: Any, bucket: str) -> None:
    key = os.urandom(32)
    ssec = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    for size in (100, 200_000):
        body = os.urandom(size)
        s3.put_object(Bucket=bucket, Key="k", Body=body, **ssec)
        assert s3.get_object(Bucket=bucket, Key="k", **ssec)["Body"].read() == body
        assert refused(s3.get_object, Bucket=bucket, Key="k")[:2] == ("InvalidRequest", 400)
        other = {**ssec, "SSECustomerKey": os.urandom(32)}
        assert refused(s3.get_object, Bucket=bucket, Key="k", **other)[:2] == ("AccessDenied", 403)


def test_nothing_lies_on_the_disk_in_the_clear(gureum: Any, s3: Any, bucket: str) -> None:
    mark = os.urandom(24)
    s3.put_object(Bucket=bucket, Key="small", Body=mark)
    s3.put_object(Bucket=bucket, Key="large", Body=mark * 10_000)
    stored = [path for path in gureum.data.rglob("*") if path.is_file()]
    assert len(stored) > 3
    assert not [path for path in stored if mark in path.read_bytes()]


def test_copying(s3: Any, bucket: str) -> None:
    body = os.urandom(50_000)
    s3.put_object(Bucket=bucket, Key="a", Body=body, ContentType="x/y", Metadata={"m": "1"}, Tagging="t=u")
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    s3.delete_object(Bucket=bucket, Key="a")
    got = s3.get_object(Bucket=bucket, Key="b")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"], got["TagCount"]) == (
        body,
        "x/y",
        {"m": "1"},
        1,
    )
    source = {"Bucket": bucket, "Key": "b"}
    s3.copy_object(Bucket=bucket, Key="c", CopySource=source, MetadataDirective="REPLACE", ContentType="z/z")
    got = s3.get_object(Bucket=bucket, Key="c")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (body, "z/z", {})
    assert refused(s3.copy_object, Bucket=bucket, Key="b", CopySource=source)[:2] == ("InvalidRequest", 400)
    assert refused(s3.copy_object, Bucket=bucket, Key="d", CopySource=f"{bucket}/none")[:2] == (
        "NoSuchKey",
        404,
    )


def test_storage_classes_that_do_not_exist(s3: Any, bucket: str) -> None:
    found = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", StorageClass="WARM")
    assert found[:2] == ("InvalidStorageClass", 400)


def test_deleting_many(s3: Any, bucket: str) -> None:
    for at in range(5):
        s3.put_object(Bucket=bucket, Key=f"k{at}", Body=b"x")
    listed = [{"Key": f"k{at}"} for at in range(4)] + [{"Key": "never"}]
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": listed})
    assert sorted(one["Key"] for one in done["Deleted"]) == ["k0", "k1", "k2", "k3", "never"]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["k4"]


def test_uploads_and_downloads_by_boto3s_own_means(s3: Any, bucket: str, tmp_path: Any) -> None:
    source, into = tmp_path / "a", tmp_path / "b"
    source.write_bytes(os.urandom(20_000_000))
    s3.upload_file(str(source), bucket, "big")
    s3.download_file(bucket, "big", str(into))
    assert into.read_bytes() == source.read_bytes()
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')
