"""Grant tokens and import tokens: opaque to whoever holds them, and only we can make one.

The service gives its sealer (any object with `seal` and `open` as of `Sealer`), so that a token carries its
own facts and nothing has to be stored.
"""

from __future__ import annotations

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Protocol

from .errors import ExpiredImportToken, InvalidGrantToken, InvalidImportToken

IMPORT_TOKEN_SECONDS = 24 * 3600


class Sealer(Protocol):
    """Seals bytes for a context; `open` raises ValueError for bytes that it did not seal for that context."""

    def seal(self, secret: bytes, /, *context: str) -> bytes: ...
    def open(self, sealed: bytes, /, *context: str) -> bytes: ...


@dataclass(frozen=True, slots=True)
class GrantToken:
    """The grant that a token stands for, until the grant itself is seen everywhere."""

    grant_id: str
    key_arn: str

    def encode(self, sealer: Sealer) -> str:
        """The token: base64 text, different each time."""
        sealed = sealer.seal(_pack(self.grant_id.encode(), self.key_arn.encode()), "kms grant token")
        return base64.b64encode(sealed).decode()

    @staticmethod
    def decode(sealer: Sealer, token: str) -> GrantToken:
        """InvalidGrantToken for anything that `encode` did not make."""
        try:
            sealed = base64.b64decode(token, validate=True)
            grant_id, key_arn = _unpack(sealer.open(sealed, "kms grant token"))
        except (ValueError, binascii.Error):
            raise InvalidGrantToken("The grant token is not valid.") from None
        return GrantToken(grant_id.decode(), key_arn.decode())


@dataclass(frozen=True, slots=True)
class ImportToken:
    """What ImportKeyMaterial must know of the GetParametersForImport before it.

    `private_key` is the wrapping key pair's private half (PKCS #8 DER), `expires` seconds since 1970.
    """

    key_arn: str
    wrapping_algorithm: str
    wrapping_key_spec: str
    expires: float
    private_key: bytes

    def __repr__(self) -> str:
        return f"ImportToken({self.key_arn!r}, {self.wrapping_algorithm}, {self.wrapping_key_spec})"

    def encode(self, sealer: Sealer) -> bytes:
        """The token's bytes, at most 3 KB. Bound to the key."""
        fields = _pack(
            self.wrapping_algorithm.encode(),
            self.wrapping_key_spec.encode(),
            struct.pack(">d", self.expires),
            self.private_key,
        )
        return sealer.seal(fields, "kms import token", self.key_arn)

    @staticmethod
    def decode(sealer: Sealer, token: bytes, key_arn: str, now: float) -> ImportToken:
        """InvalidImportToken if we did not give it for this key, ExpiredImportToken after its day."""
        try:
            opened = sealer.open(token, "kms import token", key_arn)
        except ValueError:
            raise InvalidImportToken from None
        algorithm, key_spec, expires, private_key = _unpack(opened)
        (valid_to,) = struct.unpack(">d", expires)
        if now >= valid_to:
            raise ExpiredImportToken
        return ImportToken(key_arn, algorithm.decode(), key_spec.decode(), valid_to, private_key)


def _pack(*fields: bytes) -> bytes:
    return b"".join([struct.pack(">I", len(field)) + field for field in fields])


def _unpack(data: bytes) -> list[bytes]:
    fields, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        fields.append(data[at + 4 : at + 4 + length])
        at += 4 + length
    return fields
