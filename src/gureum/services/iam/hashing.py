"""Passwords at rest: scrypt (RFC 7914) with a salt of its own each."""

from __future__ import annotations

import hashlib
import hmac
import os

_SALT = 16
_COST = {"n": 2**14, "r": 8, "p": 1}


def make(password: str) -> bytes:
    """Salt and hash of a password."""
    salt = os.urandom(_SALT)
    return salt + hashlib.scrypt(password.encode(), salt=salt, dklen=32, **_COST)


def is_of(kept: bytes, password: str) -> bool:
    """Whether this is the password that `kept` was made from."""
    salt, expected = kept[:_SALT], kept[_SALT:]
    return hmac.compare_digest(hashlib.scrypt(password.encode(), salt=salt, dklen=32, **_COST), expected)
