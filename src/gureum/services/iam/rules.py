"""IAM's arithmetic: quotas, sizes, one-time passwords, what a password must have, account ids in key ids."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import struct

ACCESS_KEYS_PER_USER = 2
ATTACHED_POLICIES = 10
GROUPS_PER_USER = 10
MFA_DEVICES_PER_USER = 8
POLICY_VERSIONS = 5
SSH_KEYS_PER_USER = 5
SIGNING_CERTIFICATES_PER_USER = 2
SERVICE_CREDENTIALS_PER_USER = 2
POLICY_SIZE = 6144
TRUST_SIZE = 2048
INLINE_SIZES = {"user": 2048, "group": 5120, "role": 10240}
ACCOUNT_QUOTAS = {
    "Users": 5000,
    "Groups": 300,
    "Roles": 1000,
    "Policies": 1500,
    "InstanceProfiles": 1000,
    "ServerCertificates": 20,
    "OpenIDConnectProviders": 100,
    "SAMLProviders": 100,
}
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html; sizes in characters."""

STEP_SECONDS = 30
_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH = re.compile(r"/|/[\x21-\x7f]+/")
_ALIAS = re.compile(r"[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]")
_SPACE = re.compile(r"\s+")
_SYMBOLS = frozenset("!@#$%^&*()_+-=[]{}|'")


def is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None


def is_path(text: str) -> bool:
    return _PATH.fullmatch(text) is not None


def is_alias(text: str) -> bool:
    return _ALIAS.fullmatch(text) is not None


def size(document: str) -> int:
    """A policy's size as IAM counts it: white space is free."""
    return len(_SPACE.sub("", document))


def key_id(prefix: str, account: str) -> str:
    """A new access key id, 20 characters, in which AWS's own layout hides the account.

    After the prefix come 80 bits in base 32: one bit set, 40 bits of the account, 39 random ones.
    """
    number = (1 << 79) | (int(account) << 39) | secrets.randbits(39)
    return prefix + base64.b32encode(number.to_bytes(10, "big")).decode()


def account_of_key(access_key: str) -> str:
    """The account in an access key id of that layout; "" where the id is not of that form."""
    try:
        raw = base64.b32decode(access_key[4:])
    except ValueError:
        return ""
    if len(raw) != 10:
        return ""
    account = (int.from_bytes(raw, "big") >> 39) & ((1 << 40) - 1)
    return f"{account:012d}" if account < 10**12 else ""


def one_time_password(seed: bytes, step: int) -> str:
    """RFC 6238's six digits for a 30-second step since the epoch."""
    digest = hmac.digest(seed, struct.pack(">Q", step), hashlib.sha1)
    at = digest[-1] & 15
    return f"{(struct.unpack_from('>I', digest, at)[0] & 0x7FFFFFFF) % 1_000_000:06d}"


def find_step(seed: bytes, code: str, now: float, after: int) -> int:
    """The step whose code this is, among the last, this and the next one, later than `after`; 0 for none."""
    current = int(now) // STEP_SECONDS
    for step in range(max(current - 1, after + 1), current + 2):
        if hmac.compare_digest(one_time_password(seed, step).encode(), code.encode()):
            return step
    return 0


def missing_from(password: str, required: frozenset[str]) -> str:
    """What a password lacks of `required` ("Symbols", "Numbers", "Uppercase", "Lowercase"), in words; "" if nothing."""
    has = {
        "Symbols": any(c in _SYMBOLS for c in password),
        "Numbers": any("0" <= c <= "9" for c in password),
        "Uppercase": any("A" <= c <= "Z" for c in password),
        "Lowercase": any("a" <= c <= "z" for c in password),
    }
    words = {
        "Symbols": "Password should have at least one symbol",
        "Numbers": "Password should have at least one number",
        "Uppercase": "Password should have at least one uppercase letter",
        "Lowercase": "Password should have at least one lowercase letter",
    }
    return next((words[need] for need in words if need in required and not has[need]), "")
