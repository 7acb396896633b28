"""Nothing acknowledged is lost, nothing half-made is left, however the server ends."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize("durability", ["write", "fsync"])
def test_objects_survive_a_killed_server(gureum_cloud: Any, durability: str) -> None:
    cloud = gureum_cloud(durability=durability)
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    acknowledged: dict[str, tuple[str, bytes]] = {}
    stop = threading.Event()

    def write(number: int) -> None:
        client = cloud.session().client("s3", endpoint_url=cloud_endpoint)
        for at in range(10_000):
            key, body = f"{number}/{at % 3}", os.urandom((100, 5_000, 200_000)[at % 3])
            try:
                version = client.put_object(Bucket="kept", Key=key, Body=body)["VersionId"]
            except Exception:
                return
            acknowledged[key] = (version, body)
            if stop.is_set():
                return

    cloud_endpoint = cloud.endpoint
    threads = [threading.Thread(target=write, args=(number,), daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 20
    while len(acknowledged) < 9 and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(0.5)
    cloud.kill()
    stop.set()
    for thread in threads:
        thread.join(20)
    cloud.restart()
    assert len(acknowledged) == 9
    for key, (version, body) in acknowledged.items():
        assert s3.get_object(Bucket="kept", Key=key, VersionId=version)["Body"].read() == body
    for found in s3.get_paginator("list_object_versions").paginate(Bucket="kept").search("Versions"):
        got = s3.get_object(Bucket="kept", Key=found["Key"], VersionId=found["VersionId"])
        assert len(got["Body"].read()) == found["Size"]


def test_files_without_a_record_are_removed_after_the_next_start(gureum_cloud: Any) -> None:
    cloud = gureum_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bbb")
    s3.put_object(Bucket="bbb", Key="k", Body=b"x" * 100_000)
    upload = s3.create_multipart_upload(Bucket="bbb", Key="m")["UploadId"]
    s3.upload_part(Bucket="bbb", Key="m", UploadId=upload, PartNumber=1, Body=b"y" * 100_000)
    cloud.kill()
    folder = cloud.data / "files" / "s3" / "ab"
    folder.mkdir(exist_ok=True)
    orphan = folder / ("ab" + "0" * 30)
    orphan.write_bytes(b"half")
    os.utime(orphan, (1, 1))
    cloud.restart()
    assert s3.get_object(Bucket="bbb", Key="k")["Body"].read() == b"x" * 100_000
    end = time.monotonic() + 10
    while orphan.exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not orphan.exists()
    part = s3.list_parts(Bucket="bbb", Key="m", UploadId=upload)["Parts"][0]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="bbb", Key="m", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object(Bucket="bbb", Key="m")["Body"].read() == b"y" * 100_000


def test_a_large_upload_never_lies_in_memory(gureum_cloud: Any, tmp_path: Any) -> None:
    cloud = gureum_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bbb")
    big = tmp_path / "big"
    with big.open("wb") as file:
        file.truncate(400 * 1024 * 1024)

    def memory_mb() -> int:
        lines = Path(f"/proc/{cloud.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))

    s3.put_object(Bucket="bbb", Key="warm", Body=b"x" * 100_000)
    before = memory_mb()
    with big.open("rb") as file:
        s3.put_object(Bucket="bbb", Key="big", Body=file)
    got, size = s3.get_object(Bucket="bbb", Key="big")["Body"], 0
    while piece := got.read(1 << 20):
        size += len(piece)
    assert size == 400 * 1024 * 1024
    assert memory_mb() - before < 60


def test_deleted_bytes_leave_the_disk(gureum_cloud: Any) -> None:
    cloud = gureum_cloud()
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bbb")
    for _ in range(3):
        s3.put_object(Bucket="bbb", Key="k", Body=b"x" * 100_000)
    files = cloud.data / "files" / "s3"
    end = time.monotonic() + 60
    while len([path for path in files.rglob("*") if path.is_file()]) > 1 and time.monotonic() < end:
        time.sleep(0.5)
    assert len([path for path in files.rglob("*") if path.is_file()]) == 1
    assert s3.get_object(Bucket="bbb", Key="k")["Body"].read() == b"x" * 100_000
