"""Sign and Verify: RSASSA-PSS, RSASSA-PKCS1-v1_5, ECDSA, Ed25519, Ed25519ph and ML-DSA.

What each message type means for each algorithm follows the KMS API reference of Sign: RAW is hashed here,
DIGEST was hashed by the caller, EXTERNAL_MU is ML-DSA's 64-byte representative (FIPS 204, 6.2). Ed25519 takes
RAW only; Ed25519ph takes DIGEST only, and hashes that digest again (FIPS 186-5, 7.8.1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature as LibraryInvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from nacl import bindings as sodium
from nacl.exceptions import BadSignatureError

from .errors import InvalidParameter, InvalidSignature
from .pairs import KeyPair

_MU_BYTES = 64
_ED25519_SIGNATURE_BYTES = 64


class _Scheme(NamedTuple):
    """How one algorithm signs and verifies one message type. `length`: of the message, where fixed."""

    sign: Callable[[Any, bytes], bytes]
    verify: Callable[[Any, bytes, bytes], None]  # public key, signature, message
    length: int | None = None


def sign(pair: KeyPair, algorithm: str, message: bytes, message_type: str = "RAW") -> bytes:
    """The signature: RFC 8017 bytes for RSA, DER for ECDSA, the standard's raw bytes for Ed25519 and ML-DSA.

    InvalidKeyUsage if the algorithm is not the key's; InvalidParameter if the message type does not go with
    it or a digest has the wrong length.
    """
    return _scheme(pair, algorithm, message, message_type).sign(pair.private, message)


def verify(
    pair: KeyPair, algorithm: str, message: bytes, signature: bytes, message_type: str = "RAW"
) -> None:
    """Nothing if the signature is right, else InvalidSignature; otherwise as `sign`."""
    scheme = _scheme(pair, algorithm, message, message_type)
    try:
        scheme.verify(pair.public, signature, message)
    except (LibraryInvalidSignature, BadSignatureError, ValueError):
        raise InvalidSignature from None


def _scheme(pair: KeyPair, algorithm: str, message: bytes, message_type: str) -> _Scheme:
    pair.spec.need("SIGN_VERIFY", algorithm)
    scheme = _SCHEMES.get((algorithm, message_type))
    if scheme is None:
        what = f"algorithm {algorithm}" if pair.spec.kind == "edwards" else f"key spec {pair.spec.name}"
        raise InvalidParameter(f"Message type {message_type} is incompatible with {what}.")
    if scheme.length is not None and len(message) != scheme.length:
        raise InvalidParameter(f"Digest is invalid length for algorithm {algorithm}.")
    return scheme


def _rsa(padding: PSS | PKCS1v15, digest: hashes.HashAlgorithm | Prehashed, length: int | None) -> _Scheme:
    return _Scheme(
        lambda private, message: private.sign(message, padding, digest),
        lambda public, signature, message: public.verify(signature, message, padding, digest),
        length,
    )


def _ecdsa(digest: hashes.HashAlgorithm | Prehashed, length: int | None) -> _Scheme:
    algorithm = ECDSA(digest)
    return _Scheme(
        lambda private, message: private.sign(message, algorithm),
        lambda public, signature, message: public.verify(signature, message, algorithm),
        length,
    )


def _ed25519ph_state(message: bytes) -> sodium.crypto_sign_ed25519ph_state:
    state = sodium.crypto_sign_ed25519ph_state()
    sodium.crypto_sign_ed25519ph_update(state, message)
    return state


def _sign_ed25519ph(private: Any, message: bytes) -> bytes:
    secret = private.private_bytes_raw() + private.public_key().public_bytes_raw()
    return sodium.crypto_sign_ed25519ph_final_create(_ed25519ph_state(message), secret)


def _verify_ed25519ph(public: Any, signature: bytes, message: bytes) -> None:
    if len(signature) != _ED25519_SIGNATURE_BYTES:
        raise InvalidSignature
    sodium.crypto_sign_ed25519ph_final_verify(_ed25519ph_state(message), signature, public.public_bytes_raw())


def _plain(private: Any, message: bytes) -> bytes:
    signature: bytes = private.sign(message)
    return signature


def _verify_plain(public: Any, signature: bytes, message: bytes) -> None:
    public.verify(signature, message)


def _schemes() -> dict[tuple[str, str], _Scheme]:
    """Every algorithm and message type that goes with it. The PSS salt is as long as the digest."""
    found: dict[tuple[str, str], _Scheme] = {
        ("ED25519_SHA_512", "RAW"): _Scheme(_plain, _verify_plain),
        ("ED25519_PH_SHA_512", "DIGEST"): _Scheme(_sign_ed25519ph, _verify_ed25519ph, length=64),
        ("ML_DSA_SHAKE_256", "RAW"): _Scheme(_plain, _verify_plain),
        ("ML_DSA_SHAKE_256", "EXTERNAL_MU"): _Scheme(
            lambda private, mu: private.sign_mu(mu),
            lambda public, signature, mu: public.verify_mu(signature, mu),
            length=_MU_BYTES,
        ),
    }
    for bits, digest in ((256, hashes.SHA256()), (384, hashes.SHA384()), (512, hashes.SHA512())):
        pss = PSS(MGF1(digest), digest.digest_size)
        kinds: tuple[tuple[str, hashes.HashAlgorithm | Prehashed, int | None], ...] = (
            ("RAW", digest, None),
            ("DIGEST", Prehashed(digest), digest.digest_size),
        )
        for message_type, algorithm, length in kinds:
            found[f"RSASSA_PSS_SHA_{bits}", message_type] = _rsa(pss, algorithm, length)
            found[f"RSASSA_PKCS1_V1_5_SHA_{bits}", message_type] = _rsa(PKCS1v15(), algorithm, length)
            found[f"ECDSA_SHA_{bits}", message_type] = _ecdsa(algorithm, length)
    return found


_SCHEMES: Mapping[tuple[str, str], _Scheme] = _schemes()
