"""Signatures: known answers, round trips, forgeries refused, and openssl agrees."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gureum.services.kms.crypto import signing
from gureum.services.kms.crypto.errors import InvalidKeyUsage, InvalidParameter, InvalidSignature
from gureum.services.kms.crypto.pairs import KeyPair
from gureum.services.kms.crypto.signing import sign, verify
from gureum.services.kms.crypto.specs import SPECS

Pairs = Callable[[str], KeyPair]
PAIRS = [("RSA_2048", algorithm) for algorithm in SPECS["RSA_2048"].algorithms["SIGN_VERIFY"]] + [
    (name, algorithm)
    for name, each in SPECS.items()
    if each.kind in {"ecc", "edwards", "ml_dsa"}
    for algorithm in each.algorithms["SIGN_VERIFY"]
]
HASHED = [(name, algorithm) for name, algorithm in PAIRS if algorithm.startswith(("RSASSA", "ECDSA"))]


def _raw(algorithm: str) -> tuple[bytes, str]:
    """A message and type that the algorithm takes."""
    return (hashlib.sha512(b"m").digest(), "DIGEST") if "PH" in algorithm else (b"message", "RAW")


@pytest.mark.parametrize(("name", "algorithm"), PAIRS)
def test_a_signature_verifies_and_a_forgery_does_not(pair: Pairs, name: str, algorithm: str) -> None:
    key = pair(name)
    message, message_type = _raw(algorithm)
    signature = sign(key, algorithm, message, message_type)
    verify(key, algorithm, message, signature, message_type)
    other = KeyPair.generate(key.spec) if key.spec.kind != "rsa" else pair("RSA_3072")
    with pytest.raises(InvalidSignature):
        verify(other, algorithm, message, signature, message_type)
    with pytest.raises(InvalidSignature):
        verify(key, algorithm, message[:-1] + b"!", signature, message_type)
    for wrong in (b"x", signature[:-1], signature + b"\0", bytes(len(signature)), signature[::-1]):
        with pytest.raises(InvalidSignature):
            verify(key, algorithm, message, wrong, message_type)


@given(message=st.binary(min_size=1, max_size=4096))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_raw_and_digest_are_the_same_signature(pair: Pairs, message: bytes) -> None:
    for name, algorithm in HASHED:
        digest = hashlib.new(f"sha{algorithm[-3:]}", message).digest()
        verify(pair(name), algorithm, message, sign(pair(name), algorithm, digest, "DIGEST"))
        verify(pair(name), algorithm, digest, sign(pair(name), algorithm, message), "DIGEST")


@pytest.mark.parametrize(("name", "algorithm"), HASHED)
def test_a_digest_of_another_length_is_refused(pair: Pairs, name: str, algorithm: str) -> None:
    with pytest.raises(InvalidParameter, match=f"Digest is invalid length for algorithm {algorithm}"):
        sign(pair(name), algorithm, bytes(20), "DIGEST")


@pytest.mark.parametrize(
    ("name", "algorithm", "message_type", "what"),
    [
        ("RSA_2048", "RSASSA_PSS_SHA_256", "EXTERNAL_MU", "key spec RSA_2048"),
        ("ECC_NIST_P256", "ECDSA_SHA_256", "EXTERNAL_MU", "key spec ECC_NIST_P256"),
        ("ECC_NIST_EDWARDS25519", "ED25519_SHA_512", "DIGEST", "algorithm ED25519_SHA_512"),
        ("ECC_NIST_EDWARDS25519", "ED25519_PH_SHA_512", "RAW", "algorithm ED25519_PH_SHA_512"),
        ("ML_DSA_44", "ML_DSA_SHAKE_256", "DIGEST", "key spec ML_DSA_44"),
    ],
)
def test_a_message_type_that_does_not_go_with_the_algorithm(
    pair: Pairs, name: str, algorithm: str, message_type: str, what: str
) -> None:
    with pytest.raises(InvalidParameter) as refused:
        sign(pair(name), algorithm, bytes(64), message_type)
    assert refused.value.message == f"Message type {message_type} is incompatible with {what}."


def test_an_algorithm_of_another_spec_is_refused(pair: Pairs) -> None:
    with pytest.raises(InvalidKeyUsage, match="ECDSA_SHA_384 is incompatible with key spec ECC_NIST_P256"):
        sign(pair("ECC_NIST_P256"), "ECDSA_SHA_384", b"message")


@pytest.mark.parametrize("name", ["ML_DSA_44", "ML_DSA_65", "ML_DSA_87"])
def test_external_mu_is_the_representative_of_fips_204(pair: Pairs, name: str) -> None:
    key, message = pair(name), b"message" * 1000
    tr = hashlib.shake_256(key.public.public_bytes_raw()).digest(64)
    mu = hashlib.shake_256(tr + b"\0\0" + message).digest(64)
    signature = sign(key, "ML_DSA_SHAKE_256", mu, "EXTERNAL_MU")
    assert len(signature) == {"ML_DSA_44": 2420, "ML_DSA_65": 3309, "ML_DSA_87": 4627}[name]
    verify(key, "ML_DSA_SHAKE_256", message, signature)
    verify(key, "ML_DSA_SHAKE_256", mu, sign(key, "ML_DSA_SHAKE_256", message), "EXTERNAL_MU")
    with pytest.raises(InvalidParameter, match="invalid length"):
        sign(key, "ML_DSA_SHAKE_256", mu[:-1], "EXTERNAL_MU")


def test_ecdsa_of_rfc_6979() -> None:
    """RFC 6979, A.2.5: P-256, SHA-256, message "sample"."""
    private = ec.derive_private_key(
        0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721, ec.SECP256R1()
    )
    signature = encode_dss_signature(
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    )
    verify(KeyPair(SPECS["ECC_NIST_P256"], private), "ECDSA_SHA_256", b"sample", signature)


def test_ed25519_of_rfc_8032() -> None:
    """RFC 8032, 7.1, test 2, and 7.3, "TEST abc"."""
    seed = bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
    key = KeyPair(SPECS["ECC_NIST_EDWARDS25519"], ed25519.Ed25519PrivateKey.from_private_bytes(seed))
    assert sign(key, "ED25519_SHA_512", b"\x72").hex() == (
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    seed = bytes.fromhex("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42")
    private = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
    signature = signing._sign_ed25519ph(private, b"abc")
    assert signature.hex() == (
        "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
        "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406"
    )
    signing._verify_ed25519ph(private.public_key(), signature, b"abc")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize(("name", "algorithm"), HASHED)
def test_openssl_verifies_our_signatures(pair: Pairs, tmp_path: Path, name: str, algorithm: str) -> None:
    key = pair(name)
    (tmp_path / "key.der").write_bytes(key.public_der)
    (tmp_path / "message").write_bytes(b"message")
    (tmp_path / "signature").write_bytes(sign(key, algorithm, b"message"))
    pss = (
        ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] if "PSS" in algorithm else []
    )
    command = ["openssl", "dgst", f"-sha{algorithm[-3:]}", "-keyform", "DER", "-verify", "key.der", *pss]
    done = subprocess.run(
        [*command, "-signature", "signature", "message"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "Verified OK", done.stderr
