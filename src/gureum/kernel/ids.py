"""Identifiers in AWS's shapes, from the operating system's random source."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

_BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ALNUM = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ALNUM_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"


def _random_hex() -> Iterator[str]:
    # One system call serves 128 identifiers: request ids are made on every call.
    while True:
        block = os.urandom(2048).hex()
        for start in range(0, 4096, 32):
            yield block[start : start + 32]


_hex = _random_hex()


def uuid() -> str:
    """A random UUID, version 4, in its 36-character form."""
    h = next(_hex)
    return f"{h[:8]}-{h[8:12]}-4{h[13:16]}-a{h[17:20]}-{h[20:]}"


def hexadecimal(length: int) -> str:
    """`length` random hexadecimal digits, as in EC2's and ECS's ids."""
    return secrets.token_hex((length + 1) // 2)[:length]


def unique(prefix: str, length: int = 17) -> str:
    """IAM's unique ids: a four-letter prefix (`AKIA`, `AROA`, ...) and base-32 characters."""
    return prefix + "".join(secrets.choice(_BASE32) for _ in range(length))


def alphanumeric(length: int, *, lower: bool = False) -> str:
    """`length` random letters and digits, upper case unless `lower`."""
    letters = _ALNUM_LOWER if lower else _ALNUM
    return "".join(secrets.choice(letters) for _ in range(length))


def secret() -> str:
    """A 40-character secret access key."""
    return secrets.token_urlsafe(30).replace("-", "+").replace("_", "/")
