"""Listings against what Python makes of the same keys."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import refused

_KEYS = st.lists(st.text(alphabet="ab/é\x01~", min_size=1, max_size=6), unique=True, max_size=14)


def expected(keys: list[str], prefix: str, delimiter: str) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for key in sorted(keys, key=lambda key: key.encode()):
        if not key.startswith(prefix):
            continue
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        row = (key[: at + 1], True) if at >= 0 else (key, False)
        if row not in found:
            found.append(row)
    return found


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=_KEYS,
    prefix=st.sampled_from(["", "a", "a/", "b/", "é"]),
    delimiter=st.sampled_from(["", "/"]),
    size=st.integers(1, 5),
)
def test_pages_hold_each_key_once_and_in_order(
    s3: Any, keys: list[str], prefix: str, delimiter: str, size: int
) -> None:
    bucket = f"l-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for operation, token in (("list_objects_v2", "NextContinuationToken"), ("list_objects", "NextMarker")):
        seen: list[tuple[str, bool]] = []
        more: dict[str, str] = {}
        while True:
            page = getattr(s3, operation)(
                Bucket=bucket, Prefix=prefix, Delimiter=delimiter, MaxKeys=size, **more
            )
            rows = [(one["Key"], False) for one in page.get("Contents", [])]
            rows += [(one["Prefix"], True) for one in page.get("CommonPrefixes", [])]
            assert len(rows) <= size
            seen += sorted(rows, key=lambda row: row[0].encode())
            if not page["IsTruncated"]:
                break
            last = page.get(token) or rows[-1][0]
            more = {"ContinuationToken": last} if operation == "list_objects_v2" else {"Marker": last}
        assert seen == expected(keys, prefix, delimiter)


def test_start_after_and_owners(s3: Any, bucket: str) -> None:
    for key in "abc":
        s3.put_object(Bucket=bucket, Key=key, Body=b"12")
    found = s3.list_objects_v2(Bucket=bucket, StartAfter="a", FetchOwner=True)
    assert [(one["Key"], one["Size"], len(one["Owner"]["ID"])) for one in found["Contents"]] == [
        ("b", 2, 64),
        ("c", 2, 64),
    ]
    assert (found["KeyCount"], found["StartAfter"], found["IsTruncated"]) == (2, "a", False)
    assert s3.list_objects_v2(Bucket=bucket, MaxKeys=0)["KeyCount"] == 0


def test_bad_paging(s3: Any, bucket: str) -> None:
    assert refused(s3.list_objects_v2, Bucket=bucket, ContinuationToken="no")[:2] == ("InvalidArgument", 400)
    assert refused(s3.list_objects_v2, Bucket=bucket, MaxKeys=-1)[:2] == ("InvalidArgument", 400)
