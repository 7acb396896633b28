"""Arithmetic that needs no server: lifecycle days, checksums, names, public policies, ranges."""

from __future__ import annotations

import base64
import json
import os
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gureum.kernel.faults import Fault
from gureum.services.s3 import checksums, lifecycle
from gureum.services.s3.conditions import byte_range
from gureum.services.s3.door_policy import is_public
from gureum.services.s3.encryption import cipher
from gureum.services.s3.names import is_bucket_name
from gureum.services.s3.records import Entry

DAY = lifecycle.DAY
NOON = 20_000 * DAY + DAY / 2


def entry(**more: Any) -> Entry:
    return Entry(order="0" * 32, modified=NOON, size=1000, **more)


def test_days_end_at_the_next_midnight() -> None:
    rule = {"Status": "Enabled", "ID": "r", "Filter": {}, "Expiration": {"Days": 1}}
    (due,) = lifecycle.of_current([rule], "k", entry())
    assert due.at == 20_002 * DAY


@pytest.mark.parametrize(
    ("chosen", "included"),
    [
        ({"Prefix": "a/"}, True),
        ({"Prefix": "b/"}, False),
        ({"Tag": {"Key": "t", "Value": "1"}}, True),
        ({"Tag": {"Key": "t", "Value": "2"}}, False),
        ({"ObjectSizeGreaterThan": 1000}, False),
        ({"ObjectSizeGreaterThan": 999}, True),
        ({"ObjectSizeLessThan": 1000}, False),
        ({"And": {"Prefix": "a", "Tags": [{"Key": "t", "Value": "1"}], "ObjectSizeLessThan": 1001}}, True),
        ({"And": {"Prefix": "a", "Tags": [{"Key": "u", "Value": "1"}]}}, False),
    ],
)
def test_filters(chosen: dict[str, Any], included: bool) -> None:
    rule = {"Status": "Enabled", "Filter": chosen}
    assert lifecycle.matches(rule, "a/k", {"t": "1"}, 1000) is included
    assert not lifecycle.matches({**rule, "Status": "Disabled"}, "a/k", {"t": "1"}, 1000)


def test_newer_noncurrent_versions_are_kept() -> None:
    wanted = {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}
    rule = {"Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": wanted}
    assert lifecycle.of_noncurrent([rule], "k", entry(), NOON, newer=1) == []
    assert lifecycle.of_noncurrent([rule], "k", entry(), NOON, newer=2)[0].at == 20_002 * DAY


def test_nothing_moves_to_warmer_storage() -> None:
    step = {"Days": 0, "StorageClass": "STANDARD_IA"}
    rule = {"Status": "Enabled", "Filter": {}, "Transitions": [step]}
    assert lifecycle.of_current([rule], "k", entry(storage_class="GLACIER")) == []
    assert len(lifecycle.of_current([rule], "k", entry())) == 1


@given(parts=st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=5))
def test_the_crc_of_the_whole_comes_from_the_parts(parts: list[bytes]) -> None:
    def crc(data: bytes) -> str:
        return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()

    assert checksums.combined("CRC32", [(crc(part), len(part)) for part in parts]) == crc(b"".join(parts))


@pytest.mark.parametrize("algorithm", checksums.ALGORITHMS)
def test_checksums_do_not_depend_on_the_pieces(algorithm: str) -> None:
    data = os.urandom(1000)
    whole, pieces = checksums.start(algorithm), checksums.start(algorithm)
    whole.update(data)
    for at in range(0, 1000, 7):
        pieces.update(memoryview(bytearray(data[at : at + 7])))
    assert whole.digest() == pieces.digest()
    assert checksums.well_formed(algorithm, base64.b64encode(whole.digest()).decode())


@given(data=st.binary(max_size=500), start=st.integers(0, 500))
def test_any_range_of_a_file_decrypts_by_itself(data: bytes, start: int) -> None:
    key, nonce = bytes(range(32)), b"\xff" * 16  # the counter wraps around
    sealed = cipher(key, nonce).update(data)
    assert cipher(key, nonce, start).update(sealed[start:]) == data[start:]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("bytes=0-4", (0, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-99", (0, 10)),
        ("bytes=3-1", None),
    ]
    + [(other, None) for other in ("bytes=0-1,3-4", "rows=0-1", "bytes=-", "")],
)
def test_ranges(text: str, found: tuple[int, int] | None) -> None:
    assert byte_range(text, 10) == found


@pytest.mark.parametrize("text", ["bytes=10-", "bytes=-0", "bytes=99-100"])
def test_ranges_beyond_the_end(text: str) -> None:
    with pytest.raises(Fault, match="not satisfiable"):
        byte_range(text, 10)


@given(name=st.text(max_size=70))
def test_names_are_harmless(name: str) -> None:
    if is_bucket_name(name):
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
        assert ".." not in name
        assert 3 <= len(name) <= 63


@pytest.mark.parametrize(
    ("principal", "condition", "public"),
    [
        ("*", {}, True),
        ({"AWS": ["*"]}, {}, True),
        ({"AWS": "arn:aws:iam::111122223333:root"}, {}, False),
        ("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ("*", {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, False),
        ("*", {"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, True),
        ("*", {"StringLike": {"aws:SourceArn": "*"}}, True),
        ("*", {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}, True),
        ("*", {"Bool": {"aws:SecureTransport": "true"}}, True),
    ],
)
def test_what_is_public(principal: Any, condition: dict[str, Any], public: bool) -> None:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "s3:GetObject", "Resource": "*"}
    document = json.dumps({"Statement": [{**statement, "Condition": condition}]})
    assert is_public(document) is public
    assert not is_public(json.dumps({"Statement": [{**statement, "Effect": "Deny"}]}))
