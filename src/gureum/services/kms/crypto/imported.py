"""Imported key material: the wrapping key that a customer gets, and unwrapping what comes back.

Source: AWS KMS Developer Guide, "Importing key material", steps 2 to 4; KMS API reference,
GetParametersForImport and ImportKeyMaterial.
"""

from __future__ import annotations

from collections.abc import Mapping

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from .asymmetric import OAEP_PADDINGS
from .errors import IncorrectKeyMaterial, InvalidCiphertext, UnsupportedOperation
from .material import Secret
from .pairs import KeyPair
from .specs import SPECS, KeySpec
from .tokens import IMPORT_TOKEN_SECONDS, ImportToken

WRAPPING_KEY_SPECS = ("RSA_2048", "RSA_3072", "RSA_4096")

# Each RSA_AES algorithm wraps a one-time AES key by the OAEP algorithm beside it.
_OAEP_OF: Mapping[str, str] = {
    "RSA_AES_KEY_WRAP_SHA_1": "RSAES_OAEP_SHA_1",
    "RSA_AES_KEY_WRAP_SHA_256": "RSAES_OAEP_SHA_256",
}


def check_wrapping(spec: KeySpec, algorithm: str, wrapping_key_spec: str) -> None:
    """UnsupportedOperation where KMS documents that this material cannot be wrapped so."""
    combined = algorithm in _OAEP_OF
    if wrapping_key_spec not in WRAPPING_KEY_SPECS or not (combined or algorithm in OAEP_PADDINGS):
        raise UnsupportedOperation(f"{algorithm} with {wrapping_key_spec} is not supported.")
    too_long = (
        spec.kind == "rsa" or (spec.name, wrapping_key_spec) == ("ECC_NIST_P521", "RSA_2048")
    ) and not combined
    if too_long or (combined and spec.kind not in {"rsa", "ecc"}):
        raise UnsupportedOperation(
            f"Wrapping algorithm {algorithm} with wrapping key spec {wrapping_key_spec} "
            f"is not supported for key spec {spec.name}."
        )


def wrapping_key(
    key_arn: str, spec: KeySpec, algorithm: str, wrapping_key_spec: str, now: float
) -> tuple[ImportToken, bytes]:
    """A new wrapping key for one KMS key: the token to seal, and the public key (X.509 DER).

    Slow: it makes an RSA key. UnsupportedOperation as `check_wrapping`.
    """
    check_wrapping(spec, algorithm, wrapping_key_spec)
    pair = KeyPair.generate(SPECS[wrapping_key_spec])
    token = ImportToken(
        key_arn, algorithm, wrapping_key_spec, now + IMPORT_TOKEN_SECONDS, pair.export().reveal()
    )
    return token, pair.public_der


def unwrap(token: ImportToken, spec: KeySpec, encrypted: bytes) -> Secret:
    """The imported material in the form in which keys of `spec` are kept.

    InvalidCiphertext if it does not unwrap, IncorrectKeyMaterial if what comes out does not fit the spec.
    """
    pair = KeyPair.load(SPECS[token.wrapping_key_spec], Secret(token.private_key))
    return check_material(spec, _open(pair, token.wrapping_algorithm, encrypted))


def check_material(spec: KeySpec, material: bytes) -> Secret:
    """Plain material, checked against `spec` and put in the form in which it is kept.

    AES keys are 32 bytes, HMAC keys between the digest's and the hash block's length, key pairs a PKCS #8 DER
    private key of the right curve, modulus or parameter set. IncorrectKeyMaterial otherwise.
    """
    if spec.asymmetric:
        return KeyPair.parse(spec, material).export()
    least, most = spec.lengths
    if not least <= len(material) <= most:
        raise IncorrectKeyMaterial
    return Secret(material)


def _open(pair: KeyPair, algorithm: str, encrypted: bytes) -> bytes:
    try:
        if algorithm not in _OAEP_OF:
            material: bytes = pair.private.decrypt(encrypted, OAEP_PADDINGS[algorithm])
            return material
        # RSA(AES key) ‖ AES-KWP(material), as PKCS #11's CKM_RSA_AES_KEY_WRAP (RFC 5649 for the second part).
        size = pair.spec.size // 8
        key = pair.private.decrypt(encrypted[:size], OAEP_PADDINGS[_OAEP_OF[algorithm]])
        return aes_key_unwrap_with_padding(key, encrypted[size:])
    except (ValueError, InvalidUnwrap):
        raise InvalidCiphertext from None
