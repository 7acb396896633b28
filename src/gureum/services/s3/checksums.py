"""Checksums of objects: the algorithms, whole-object values made of parts', and what a request declares.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from gureum.services.s3.faults import invalid_request

ALGORITHMS = (
    "CRC32",
    "CRC32C",
    "CRC64NVME",
    "SHA1",
    "SHA256",
    "SHA512",
    "MD5",
    "XXHASH64",
    "XXHASH3",
    "XXHASH128",
)
DEFAULT = "CRC64NVME"
"""What S3 computes where the client sends none."""
MEMBERS = {name: f"Checksum{name}" for name in ALGORITHMS}
_HEADERS = {name: f"x-amz-checksum-{name.lower()}" for name in ALGORITHMS}
_LENGTHS = {
    "CRC32": 4,
    "CRC32C": 4,
    "CRC64NVME": 8,
    "SHA1": 20,
    "SHA256": 32,
    "SHA512": 64,
    "MD5": 16,
    "XXHASH64": 8,
    "XXHASH3": 8,
    "XXHASH128": 16,
}
FULL_ONLY = frozenset({"CRC64NVME"})
COMPOSITE_ONLY = frozenset(ALGORITHMS) - {"CRC32", "CRC32C", "CRC64NVME"}


class Digest(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    """A running CRC: `step(data, previous)` gives the next value."""

    __slots__ = ("_size", "_step", "_value")

    def __init__(self, step: Callable[[bytes | memoryview, int], int], size: int) -> None:
        self._step, self._size, self._value = step, size, 0

    def update(self, data: bytes | memoryview) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    __slots__ = ("_hash",)

    def __init__(self, made: Any) -> None:
        self._hash = made

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(bytes(data))

    def digest(self) -> bytes:
        return bytes(self._hash.finalize())


def start(algorithm: str) -> Digest:
    """A fresh digest of an algorithm."""
    if algorithm == "CRC32":
        return _Crc(zlib.crc32, 4)
    if algorithm in _HASHES:
        return _HASHES[algorithm]()
    # Loaded when first asked for: it takes a tenth of a second.
    from awscrt import checksums

    if algorithm == "CRC32C":
        return _Crc(checksums.crc32c, 4)
    if algorithm == "CRC64NVME":
        return _Crc(checksums.crc64nvme, 8)
    made = {
        "XXHASH64": checksums.XXHash.new_xxhash64,
        "XXHASH3": checksums.XXHash.new_xxhash3_64,
        "XXHASH128": checksums.XXHash.new_xxhash3_128,
    }
    return _XxHash(made[algorithm]())


_HASHES: dict[str, Callable[[], Digest]] = {
    "SHA1": partial(hashlib.sha1, usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": partial(hashlib.md5, usedforsecurity=False),
}


def composite(algorithm: str, values: list[str]) -> str:
    """The checksum of checksums that S3 gives a multipart object: base64, a hyphen, the number of parts."""
    digest = start(algorithm)
    for value in values:
        digest.update(base64.b64decode(value))
    return f"{base64.b64encode(digest.digest()).decode()}-{len(values)}"


def combined(algorithm: str, values: list[tuple[str, int]]) -> str:
    """The CRC of the whole made of the parts' CRCs and sizes, without reading them again."""
    from awscrt import checksums

    join = {
        "CRC32": checksums.combine_crc32,
        "CRC32C": checksums.combine_crc32c,
        "CRC64NVME": checksums.combine_crc64nvme,
    }[algorithm]
    total = 0
    for at, (value, size) in enumerate(values):
        crc = int.from_bytes(base64.b64decode(value), "big")
        total = crc if at == 0 else join(total, crc, size)
    return base64.b64encode(total.to_bytes(_LENGTHS[algorithm], "big")).decode()


def declared(
    req: Mapping[str, Any], headers: Mapping[str, str], trailers: Mapping[str, str]
) -> tuple[str, str]:
    """(algorithm, value) that a request gives in its members or its trailer; ("", "") where it gives none.

    Raises Fault InvalidRequest where it gives several, a malformed one, or announces one that never comes.
    """
    found = [(name, req[member]) for name, member in MEMBERS.items() if member in req]
    if not found:  # members for bodies that are objects, plain headers for those that are documents
        found = [(name, headers[header]) for name, header in _HEADERS.items() if header in headers]
    if trailers:
        found += [(name, trailers[header]) for name, header in _HEADERS.items() if header in trailers]
    if len(found) > 1:
        raise invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    announced = headers.get("x-amz-sdk-checksum-algorithm", "").upper()
    if not found:
        if announced:
            raise invalid_request(
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found."
            )
        return "", ""
    algorithm, value = found[0]
    if announced and announced != algorithm and announced in MEMBERS:
        raise invalid_request("Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if not well_formed(algorithm, value):
        raise invalid_request(f"Value for {_HEADERS[algorithm]} header is invalid.")
    return algorithm, value


def well_formed(algorithm: str, value: str) -> bool:
    """Whether a value is base64 of the right length."""
    try:
        return len(base64.b64decode(value, validate=True)) == _LENGTHS[algorithm]
    except (binascii.Error, ValueError):
        return False
