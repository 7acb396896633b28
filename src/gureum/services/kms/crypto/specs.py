"""Key specs, their usages and algorithms, as data.

Source: AWS KMS Developer Guide, "Key spec reference" and "Supported cryptographic algorithms"; the KMS API
reference of CreateKey. SM2 (and SM4 for SYMMETRIC_DEFAULT) exist in AWS's China Regions only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from .errors import InvalidKeyUsage, UnsupportedOperation

Kind = Literal["symmetric", "hmac", "rsa", "ecc", "edwards", "ml_dsa", "ml_kem"]

SYMMETRIC_DEFAULT: Final = "SYMMETRIC_DEFAULT"

_RSA_ENCRYPTION = ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")
_RSA_SIGNING = (
    "RSASSA_PKCS1_V1_5_SHA_256",
    "RSASSA_PKCS1_V1_5_SHA_384",
    "RSASSA_PKCS1_V1_5_SHA_512",
    "RSASSA_PSS_SHA_256",
    "RSASSA_PSS_SHA_384",
    "RSASSA_PSS_SHA_512",
)
_RSA: Mapping[str, tuple[str, ...]] = {"ENCRYPT_DECRYPT": _RSA_ENCRYPTION, "SIGN_VERIFY": _RSA_SIGNING}
_ML_DSA: Mapping[str, tuple[str, ...]] = {"SIGN_VERIFY": ("ML_DSA_SHAKE_256",)}
_ML_KEM: Mapping[str, tuple[str, ...]] = {"ENCAPSULATE_DECAPSULATE": ("ML_KEM",)}

# The member of KeyMetadata and GetPublicKey in which a key lists the algorithms of its usage.
ALGORITHMS_MEMBER: Mapping[str, str] = {
    "ENCRYPT_DECRYPT": "EncryptionAlgorithms",
    "SIGN_VERIFY": "SigningAlgorithms",
    "GENERATE_VERIFY_MAC": "MacAlgorithms",
    "KEY_AGREEMENT": "KeyAgreementAlgorithms",
    "ENCAPSULATE_DECAPSULATE": "EncapsulationAlgorithms",
}


@dataclass(frozen=True, slots=True)
class KeySpec:
    """One KMS key spec.

    `algorithms` maps each usage that the spec allows to its algorithms. `size` is the modulus in bits for
    RSA, otherwise the bytes of generated secret material (0 where the curve or parameter set says it).
    `lengths` are the fewest and most bytes of imported secret material.
    """

    name: str
    kind: Kind
    algorithms: Mapping[str, tuple[str, ...]]
    size: int = 0
    lengths: tuple[int, int] = (0, 0)

    @property
    def asymmetric(self) -> bool:
        return self.kind not in {"symmetric", "hmac"}

    @property
    def usages(self) -> tuple[str, ...]:
        return tuple(self.algorithms)

    def need(self, usage: str, algorithm: str) -> None:
        """InvalidKeyUsage unless `algorithm` belongs to this spec in that usage."""
        if algorithm not in self.algorithms.get(usage, ()):
            raise InvalidKeyUsage(f"Algorithm {algorithm} is incompatible with key spec {self.name}.")


def _hmac(bits: int, most: int) -> KeySpec:
    return KeySpec(
        f"HMAC_{bits}",
        "hmac",
        {"GENERATE_VERIFY_MAC": (f"HMAC_SHA_{bits}",)},
        size=bits // 8,
        lengths=(bits // 8, most),
    )


def _ecc(name: str, hash_bits: int, *, agreement: bool) -> KeySpec:
    algorithms = {"SIGN_VERIFY": (f"ECDSA_SHA_{hash_bits}",)}
    return KeySpec(name, "ecc", algorithms | ({"KEY_AGREEMENT": ("ECDH",)} if agreement else {}))


_ALL = (
    KeySpec(
        SYMMETRIC_DEFAULT, "symmetric", {"ENCRYPT_DECRYPT": (SYMMETRIC_DEFAULT,)}, size=32, lengths=(32, 32)
    ),
    _hmac(224, 64),
    _hmac(256, 64),
    _hmac(384, 128),
    _hmac(512, 128),
    KeySpec("RSA_2048", "rsa", _RSA, size=2048),
    KeySpec("RSA_3072", "rsa", _RSA, size=3072),
    KeySpec("RSA_4096", "rsa", _RSA, size=4096),
    _ecc("ECC_NIST_P256", 256, agreement=True),
    _ecc("ECC_NIST_P384", 384, agreement=True),
    _ecc("ECC_NIST_P521", 512, agreement=True),
    _ecc("ECC_SECG_P256K1", 256, agreement=False),
    KeySpec("ECC_NIST_EDWARDS25519", "edwards", {"SIGN_VERIFY": ("ED25519_SHA_512", "ED25519_PH_SHA_512")}),
    KeySpec("ML_DSA_44", "ml_dsa", _ML_DSA),
    KeySpec("ML_DSA_65", "ml_dsa", _ML_DSA),
    KeySpec("ML_DSA_87", "ml_dsa", _ML_DSA),
    KeySpec("ML_KEM_768", "ml_kem", _ML_KEM),
    KeySpec("ML_KEM_1024", "ml_kem", _ML_KEM),
)

SPECS: Mapping[str, KeySpec] = {each.name: each for each in _ALL}

# In KMS's model but not here, and why.
ABSENT: Mapping[str, str] = {
    "SM2": "KeySpec SM2 is supported in China Regions only.",
    "ML_KEM_512": "KeySpec ML_KEM_512 is not supported.",
}


def spec(name: str) -> KeySpec:
    """The key spec of that name. UnsupportedOperation for one that this cloud does not have."""
    found = SPECS.get(name)
    if found is None:
        raise UnsupportedOperation(ABSENT.get(name, f"KeySpec {name} is not supported."))
    return found
