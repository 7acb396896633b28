"""Key material: raw bytes for symmetric and HMAC keys, PKCS #8 DER for key pairs."""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import NoReturn

from .errors import InvalidParameter
from .specs import KeySpec

DATA_KEY_BYTES = {"AES_128": 16, "AES_256": 32}


class Secret:
    """Bytes that must not be seen: no repr, format, pickle or hash shows them; comparing is constant-time."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = value

    def reveal(self) -> bytes:
        """The bytes themselves, for a cipher or for sealing."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._value, other._value)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "Secret(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("key material is not pickled")


def generate_bytes(spec: KeySpec) -> Secret:
    """New material of a symmetric or HMAC spec."""
    return Secret(os.urandom(spec.size))


def material_id(key_id: str, material: Secret) -> str:
    """KeyMaterialId: 64 hex digits that name this material under this key.

    The same material imported again into the same key, or into its multi-Region replica, gets the same id
    (KMS API reference, ImportKeyMaterial).
    """
    return hmac.new(
        material.reveal(), b"kms key material id\x00" + key_id.encode(), hashlib.sha256
    ).hexdigest()


def data_key(*, number_of_bytes: int | None = None, spec: str | None = None) -> Secret:
    """A data key: of `spec` AES_128 or AES_256, or of 1 to 1024 bytes; exactly one is given."""
    if (number_of_bytes is None) == (spec is None):
        raise InvalidParameter("Please specify either number of bytes or key spec.")
    return Secret(random_bytes(DATA_KEY_BYTES[spec] if spec is not None else number_of_bytes or 0))


def random_bytes(number: int) -> bytes:
    """`number` (1 to 1024) cryptographically random bytes, for GenerateRandom."""
    if not 1 <= number <= 1024:
        raise InvalidParameter("NumberOfBytes must be between 1 and 1024.")
    return os.urandom(number)
