"""HMAC keys: GenerateMac and VerifyMac (RFC 2104)."""

from __future__ import annotations

import hmac

from .errors import InvalidMac
from .material import Secret
from .specs import KeySpec

_DIGEST = {
    "HMAC_SHA_224": "sha224",
    "HMAC_SHA_256": "sha256",
    "HMAC_SHA_384": "sha384",
    "HMAC_SHA_512": "sha512",
}


def generate_mac(spec: KeySpec, key: Secret, algorithm: str, message: bytes) -> bytes:
    """The raw HMAC. InvalidKeyUsage if the algorithm is not the key's."""
    spec.need("GENERATE_VERIFY_MAC", algorithm)
    return hmac.digest(key.reveal(), message, _DIGEST[algorithm])


def verify_mac(spec: KeySpec, key: Secret, algorithm: str, message: bytes, mac: bytes) -> None:
    """Nothing if `mac` is that of `message`, else InvalidMac; compared in constant time."""
    if not hmac.compare_digest(generate_mac(spec, key, algorithm, message), mac):
        raise InvalidMac
