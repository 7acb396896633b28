"""Key pairs of every asymmetric spec: made, kept as PKCS #8 DER, loaded; the public half as X.509 DER."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mldsa, mlkem, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from .errors import IncorrectKeyMaterial, InvalidCiphertext, InvalidParameter
from .material import Secret
from .specs import KeySpec

_EXPONENT = 65537
_CURVES: Mapping[str, ec.EllipticCurve] = {
    "ECC_NIST_P256": ec.SECP256R1(),
    "ECC_NIST_P384": ec.SECP384R1(),
    "ECC_NIST_P521": ec.SECP521R1(),
    "ECC_SECG_P256K1": ec.SECP256K1(),
}
_CLASSES: Mapping[str, Any] = {
    "ECC_NIST_EDWARDS25519": ed25519.Ed25519PrivateKey,
    "ML_DSA_44": mldsa.MLDSA44PrivateKey,
    "ML_DSA_65": mldsa.MLDSA65PrivateKey,
    "ML_DSA_87": mldsa.MLDSA87PrivateKey,
    "ML_KEM_768": mlkem.MLKEM768PrivateKey,
    "ML_KEM_1024": mlkem.MLKEM1024PrivateKey,
}
_KEM_CIPHERTEXT_BYTES = {"ML_KEM_768": 1088, "ML_KEM_1024": 1568}


class KeyPair:
    """A key pair ready for use. `private` and `public` are the library's key objects, of its spec's type.

    Loading an RSA key is cheap here (0.03 ms), and the object may be kept and shared between threads.
    """

    __slots__ = ("private", "public", "public_der", "spec")

    def __init__(self, spec: KeySpec, private: Any) -> None:
        self.spec = spec
        self.private = private
        self.public = private.public_key()
        self.public_der: bytes = self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def __repr__(self) -> str:
        return f"KeyPair({self.spec.name})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("key material is not pickled")

    @classmethod
    def generate(cls, spec: KeySpec) -> KeyPair:
        """A new pair. RSA_4096 takes about a second of one core: never on the event loop."""
        return cls(spec, _GENERATORS[spec.kind](spec))

    @classmethod
    def load(cls, spec: KeySpec, material: Secret) -> KeyPair:
        """The pair of material that `export` gave and that was kept sealed since.

        RSA's slow check of primes (0.3 s for 4096 bits) is left out: it was done when the key was made or
        imported, and the seal proves that these are those bytes.
        """
        return cls(spec, load_der_private_key(material.reveal(), None, unsafe_skip_rsa_key_validation=True))

    @classmethod
    def parse(cls, spec: KeySpec, pkcs8: bytes) -> KeyPair:
        """The pair of a PKCS #8 DER private key from outside, checked in full.

        IncorrectKeyMaterial if it is not such a key, is encrypted, or is of another spec.
        """
        try:
            private = load_der_private_key(pkcs8, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise IncorrectKeyMaterial from None
        if not _fits(spec, private):
            raise IncorrectKeyMaterial
        return cls(spec, private)

    def export(self) -> Secret:
        """The private key as PKCS #8 DER (RFC 5958); ML-DSA and ML-KEM keys in their seed form."""
        return Secret(self.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))


def derive_shared_secret(pair: KeyPair, algorithm: str, peer_der: bytes) -> bytes:
    """ECDH: the raw x coordinate shared with the peer's public key (X.509 DER).

    InvalidKeyUsage if the pair is not for key agreement, InvalidParameter if the peer's key is not a point of
    the same curve.
    """
    pair.spec.need("KEY_AGREEMENT", algorithm)
    try:
        peer = load_der_public_key(peer_der)
    except (ValueError, UnsupportedAlgorithm):
        peer = None
    if not isinstance(peer, ec.EllipticCurvePublicKey) or peer.curve.name != pair.public.curve.name:
        raise InvalidParameter("The public key is not valid for the curve of the KMS key.")
    secret: bytes = pair.private.exchange(ec.ECDH(), peer)
    return secret


def encapsulate(pair: KeyPair, algorithm: str) -> tuple[bytes, bytes]:
    """ML-KEM (FIPS 203): a fresh shared secret of 32 bytes and its encapsulated form, in that order."""
    pair.spec.need("ENCAPSULATE_DECAPSULATE", algorithm)
    secret, ciphertext = pair.public.encapsulate()
    return secret, ciphertext


def decapsulate(pair: KeyPair, algorithm: str, ciphertext: bytes) -> bytes:
    """The shared secret of 32 bytes. InvalidCiphertext for a wrong length only.

    An altered ciphertext gives 32 other bytes (FIPS 203's implicit rejection), as KMS documents.
    """
    pair.spec.need("ENCAPSULATE_DECAPSULATE", algorithm)
    if len(ciphertext) != _KEM_CIPHERTEXT_BYTES[pair.spec.name]:
        raise InvalidCiphertext
    secret: bytes = pair.private.decapsulate(ciphertext)
    return secret


_GENERATORS: Mapping[str, Callable[[KeySpec], Any]] = {
    "rsa": lambda spec: rsa.generate_private_key(_EXPONENT, spec.size),
    "ecc": lambda spec: ec.generate_private_key(_CURVES[spec.name]),
    "edwards": lambda spec: _CLASSES[spec.name].generate(),
    "ml_dsa": lambda spec: _CLASSES[spec.name].generate(),
    "ml_kem": lambda spec: _CLASSES[spec.name].generate(),
}


def _fits(spec: KeySpec, private: Any) -> bool:
    if isinstance(private, rsa.RSAPrivateKey):
        exponent = private.public_key().public_numbers().e
        return spec.kind == "rsa" and private.key_size == spec.size and exponent >= _EXPONENT
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return spec.kind == "ecc" and private.curve.name == _CURVES[spec.name].name
    return spec.name in _CLASSES and isinstance(private, _CLASSES[spec.name])
