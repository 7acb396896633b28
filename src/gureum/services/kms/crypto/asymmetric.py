"""RSA encryption: Encrypt and Decrypt with RSAES_OAEP_SHA_1 and RSAES_OAEP_SHA_256 (RFC 8017)."""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP

from .errors import InvalidCiphertext, InvalidParameter
from .pairs import KeyPair


def _oaep(digest: hashes.HashAlgorithm) -> OAEP:
    return OAEP(MGF1(digest), digest, None)


# KMS uses the same hash for the message and for the mask.
OAEP_PADDINGS: Mapping[str, OAEP] = {
    "RSAES_OAEP_SHA_1": _oaep(hashes.SHA1()),  # noqa: S303  (AWS's algorithm; OAEP does not lean on collisions)
    "RSAES_OAEP_SHA_256": _oaep(hashes.SHA256()),
}
_DIGEST_BYTES = {"RSAES_OAEP_SHA_1": 20, "RSAES_OAEP_SHA_256": 32}


def encrypt(pair: KeyPair, algorithm: str, plaintext: bytes) -> bytes:
    """The ciphertext, as long as the modulus. InvalidParameter if the plaintext is longer than OAEP takes."""
    pair.spec.need("ENCRYPT_DECRYPT", algorithm)
    most = pair.spec.size // 8 - 2 * _DIGEST_BYTES[algorithm] - 2
    if len(plaintext) > most:
        what = f"Algorithm {algorithm} and key spec {pair.spec.name}"
        raise InvalidParameter(f"{what} cannot encrypt data larger than {most} bytes.")
    ciphertext: bytes = pair.public.encrypt(plaintext, OAEP_PADDINGS[algorithm])
    return ciphertext


def decrypt(pair: KeyPair, algorithm: str, ciphertext: bytes) -> bytes:
    """The plaintext. InvalidCiphertext, without a word of why, for anything that does not open."""
    pair.spec.need("ENCRYPT_DECRYPT", algorithm)
    try:
        plaintext: bytes = pair.private.decrypt(ciphertext, OAEP_PADDINGS[algorithm])
    except ValueError:
        raise InvalidCiphertext from None
    return plaintext
