"""SYMMETRIC_DEFAULT: AES-256-GCM under a key derived afresh for every message.

As KMS does (AWS KMS Cryptographic Details, "Encrypt"), each message gets a one-time key from the backing key
by the counter-mode KDF of NIST SP 800-108 with HMAC-SHA-256 and a 128-bit random salt, so a backing key does
not wear out. The encryption context is authenticated, not stored.

Ciphertext blob, version 1, all of it authenticated:
version (1) ‖ ARN length (2) ‖ key ARN ‖ material id (32) ‖ salt (16) ‖ nonce (12) ‖ ciphertext ‖ tag (16).
The blob names key and material, so Decrypt finds both, and old material still opens what it sealed.
"""

from __future__ import annotations

import hmac
import os
import struct
from collections.abc import Mapping
from typing import NamedTuple, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .errors import InvalidCiphertext
from .material import Secret

_VERSION = 1
_ARN_AT, _ID_SIZE, _SALT_SIZE, _NONCE_SIZE, _TAG_SIZE = 3, 32, 16, 12, 16
# SP 800-108: counter ‖ label ‖ 0x00 ‖ context ‖ length in bits
_LABEL = b"\x00\x00\x00\x01gureum kms symmetric\x00"
_BITS = struct.pack(">I", 256)


class Header(NamedTuple):
    """What a blob says of itself before it is decrypted. Trusted only once `decrypt` has opened it."""

    key_arn: str
    material_id: str


class BackingKey:
    """One generation of a symmetric key's material, ready for use; what the header says is encoded once.

    `key_arn` is the ARN to name in new blobs, `material_id` 64 hex digits, `material` 32 bytes.
    """

    __slots__ = ("_material", "_prefix", "material_id")

    def __init__(self, material: Secret, key_arn: str, material_id: str) -> None:
        arn = key_arn.encode()
        self._material = material.reveal()
        self._prefix = struct.pack(">BH", _VERSION, len(arn)) + arn + bytes.fromhex(material_id)
        self.material_id = material_id

    def __repr__(self) -> str:
        return f"BackingKey({self.material_id})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("key material is not pickled")

    def encrypt(self, plaintext: bytes, context: Mapping[str, str] | None = None) -> bytes:
        """The blob of `plaintext` bound to `context`."""
        fresh = os.urandom(_SALT_SIZE + _NONCE_SIZE)
        head = self._prefix + fresh
        key = hmac.digest(self._material, _LABEL + fresh[:_SALT_SIZE] + _BITS, "sha256")
        aad = head + canonical(context) if context else head
        return head + AESGCM(key).encrypt(fresh[_SALT_SIZE:], plaintext, aad)

    def decrypt(self, blob: bytes, context: Mapping[str, str] | None = None) -> bytes:
        """The plaintext of a blob made by this material. InvalidCiphertext if anything differs by a bit.

        The key ARN in the blob may be that of another Region: a multi-Region key shares its material.
        """
        salt_at = _ARN_AT + int.from_bytes(blob[1:_ARN_AT], "big") + _ID_SIZE
        nonce_at = salt_at + _SALT_SIZE
        body_at = nonce_at + _NONCE_SIZE
        if len(blob) < body_at + _TAG_SIZE or blob[0] != _VERSION:
            raise InvalidCiphertext
        key = hmac.digest(self._material, _LABEL + blob[salt_at:nonce_at] + _BITS, "sha256")
        head = blob[:body_at]
        try:
            return AESGCM(key).decrypt(
                blob[nonce_at:body_at], blob[body_at:], head + canonical(context) if context else head
            )
        except InvalidTag:
            raise InvalidCiphertext from None


def read_header(blob: bytes) -> Header:
    """Which key and material a blob names. InvalidCiphertext if it is not one of ours."""
    arn_ends = _ARN_AT + int.from_bytes(blob[1:_ARN_AT], "big")
    least = arn_ends + _ID_SIZE + _SALT_SIZE + _NONCE_SIZE + _TAG_SIZE
    if len(blob) < least or blob[0] != _VERSION:
        raise InvalidCiphertext
    try:
        arn = blob[_ARN_AT:arn_ends].decode()
    except UnicodeDecodeError:
        raise InvalidCiphertext from None
    return Header(arn, blob[arn_ends : arn_ends + _ID_SIZE].hex())


def canonical(context: Mapping[str, str]) -> bytes:
    """An encryption context as bytes that no other shares: pairs sorted by name, parts with their length.

    An empty context is no context; order never counts, case does (KMS Developer Guide, "Encryption context").
    """
    parts: list[bytes] = []
    for name, value in sorted((n.encode(), v.encode()) for n, v in context.items()):
        parts += (struct.pack(">I", len(name)), name, struct.pack(">I", len(value)), value)
    return b"".join(parts)
