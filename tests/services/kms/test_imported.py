"""Imported key material and tokens, wrapped as a customer would wrap them."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_public_key,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gureum.kernel.seal import Seal
from gureum.services.kms.crypto.errors import (
    ExpiredImportToken,
    IncorrectKeyMaterial,
    InvalidCiphertext,
    InvalidGrantToken,
    InvalidImportToken,
    UnsupportedOperation,
)
from gureum.services.kms.crypto.imported import check_material, check_wrapping, unwrap, wrapping_key
from gureum.services.kms.crypto.pairs import KeyPair
from gureum.services.kms.crypto.specs import SPECS
from gureum.services.kms.crypto.tokens import GrantToken, ImportToken

Pairs = Callable[[str], KeyPair]
ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SECRET_LENGTHS = [
    ("SYMMETRIC_DEFAULT", 32, 32),
    ("HMAC_224", 28, 64),
    ("HMAC_256", 32, 64),
    ("HMAC_384", 48, 128),
    ("HMAC_512", 64, 128),
]


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return Seal.create(tmp_path_factory.mktemp("seal") / "root")


def _token(pair: Pairs, key_spec: str, algorithm: str) -> ImportToken:
    return ImportToken(ARN, algorithm, key_spec, 1000.0, pair(key_spec).export().reveal())


def _wrap(public_der: bytes, algorithm: str, material: bytes) -> bytes:
    public = load_der_public_key(public_der)
    assert isinstance(public, rsa.RSAPublicKey)
    digest = hashes.SHA1() if algorithm.endswith("_SHA_1") else hashes.SHA256()
    padding = OAEP(MGF1(digest), digest, None)
    if algorithm.startswith("RSAES"):
        return public.encrypt(material, padding)
    key = os.urandom(32)
    return public.encrypt(key, padding) + aes_key_wrap_with_padding(key, material)


@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"])
@pytest.mark.parametrize("key_spec", ["RSA_2048", "RSA_3072", "RSA_4096"])
@pytest.mark.parametrize(("name", "least", "most"), SECRET_LENGTHS)
def test_secret_material(
    pair: Pairs, key_spec: str, algorithm: str, name: str, least: int, most: int
) -> None:
    token, der = _token(pair, key_spec, algorithm), pair(key_spec).public_der
    for size in (least, most):
        material = os.urandom(size)
        assert unwrap(token, SPECS[name], _wrap(der, algorithm, material)).reveal() == material
    for size in (least - 1, most + 1, 1):
        with pytest.raises(IncorrectKeyMaterial):
            unwrap(token, SPECS[name], _wrap(der, algorithm, os.urandom(size)))


@pytest.mark.parametrize("algorithm", ["RSA_AES_KEY_WRAP_SHA_1", "RSA_AES_KEY_WRAP_SHA_256"])
@pytest.mark.parametrize(
    "name", ["RSA_2048", "RSA_4096", "ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "ECC_SECG_P256K1"]
)
def test_private_keys_under_a_one_time_aes_key(pair: Pairs, name: str, algorithm: str) -> None:
    token, key = _token(pair, "RSA_3072", algorithm), pair(name)
    wrapped = _wrap(pair("RSA_3072").public_der, algorithm, key.export().reveal())
    kept = unwrap(token, SPECS[name], wrapped)
    assert KeyPair.load(SPECS[name], kept).public_der == key.public_der
    for altered in (wrapped[:-1], wrapped[:-1] + bytes([wrapped[-1] ^ 1]), wrapped[1:], wrapped[:384], b"x"):
        with pytest.raises(InvalidCiphertext):
            unwrap(token, SPECS[name], altered)


@pytest.mark.parametrize(
    "name",
    ["ECC_NIST_P256", "ECC_NIST_P384", "ECC_SECG_P256K1", "ECC_NIST_EDWARDS25519", "ML_DSA_65", "ML_KEM_768"],
)
def test_short_private_keys_straight_under_rsa(pair: Pairs, name: str) -> None:
    token, key = _token(pair, "RSA_4096", "RSAES_OAEP_SHA_256"), pair(name)
    wrapped = _wrap(pair("RSA_4096").public_der, "RSAES_OAEP_SHA_256", key.export().reveal())
    assert KeyPair.load(SPECS[name], unwrap(token, SPECS[name], wrapped)).public_der == key.public_der


def test_another_wrapping_algorithm_than_the_tokens_does_not_open(pair: Pairs) -> None:
    wrapped = _wrap(pair("RSA_2048").public_der, "RSAES_OAEP_SHA_1", bytes(32))
    with pytest.raises(InvalidCiphertext):
        unwrap(_token(pair, "RSA_2048", "RSAES_OAEP_SHA_256"), SPECS["SYMMETRIC_DEFAULT"], wrapped)


def test_material_that_does_not_fit_the_spec_is_refused(pair: Pairs) -> None:
    p256 = pair("ECC_NIST_P256")
    encrypted = p256.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    pem = p256.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    weak = rsa.generate_private_key(3, 2048).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for name, material in (
        ("ECC_NIST_P384", p256.export().reveal()),
        ("ECC_SECG_P256K1", p256.export().reveal()),
        ("RSA_2048", p256.export().reveal()),
        ("ECC_NIST_P256", pair("RSA_2048").export().reveal()),
        ("RSA_3072", pair("RSA_2048").export().reveal()),
        ("ML_DSA_44", pair("ML_DSA_65").export().reveal()),
        ("ECC_NIST_P256", encrypted),
        ("ECC_NIST_P256", pem),
        ("ECC_NIST_P256", p256.public_der),
        ("RSA_2048", weak),
        ("RSA_2048", b""),
    ):
        with pytest.raises(IncorrectKeyMaterial):
            check_material(SPECS[name], material)


@pytest.mark.parametrize(
    ("name", "algorithm", "key_spec"),
    [
        ("RSA_2048", "RSAES_OAEP_SHA_256", "RSA_4096"),
        ("ECC_NIST_P521", "RSAES_OAEP_SHA_1", "RSA_2048"),
        ("SYMMETRIC_DEFAULT", "RSA_AES_KEY_WRAP_SHA_256", "RSA_4096"),
        ("HMAC_256", "RSA_AES_KEY_WRAP_SHA_1", "RSA_4096"),
        ("SYMMETRIC_DEFAULT", "RSAES_PKCS1_V1_5", "RSA_2048"),
        ("SYMMETRIC_DEFAULT", "SM2PKE", "SM2"),
        ("SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_256", "SM2"),
    ],
)
def test_wrappings_that_kms_does_not_take(name: str, algorithm: str, key_spec: str) -> None:
    with pytest.raises(UnsupportedOperation):
        check_wrapping(SPECS[name], algorithm, key_spec)


def test_the_whole_import(seal: Seal) -> None:
    token, der = wrapping_key(ARN, SPECS["SYMMETRIC_DEFAULT"], "RSAES_OAEP_SHA_256", "RSA_2048", now=1000.0)
    assert token.expires == 1000.0 + 86400
    encoded = token.encode(seal)
    assert len(encoded) <= 6144 and token.private_key not in encoded
    assert ImportToken.decode(seal, encoded, ARN, now=1000.0 + 86399) == token
    back = ImportToken.decode(seal, encoded, ARN, now=1001.0)
    material = os.urandom(32)
    wrapped = _wrap(der, "RSAES_OAEP_SHA_256", material)
    assert unwrap(back, SPECS["SYMMETRIC_DEFAULT"], wrapped).reveal() == material
    with pytest.raises(ExpiredImportToken):
        ImportToken.decode(seal, encoded, ARN, now=1000.0 + 86400)
    with pytest.raises(InvalidImportToken):
        ImportToken.decode(seal, encoded, ARN.replace("1234abcd", "9999abcd"), now=1001.0)
    with pytest.raises(InvalidImportToken):
        ImportToken.decode(seal, encoded[:-1], ARN, now=1001.0)
    assert "private" not in repr(token) and repr(token.private_key) not in repr(token)


def test_a_token_for_rsa_4096_fits(pair: Pairs, seal: Seal) -> None:
    assert len(_token(pair, "RSA_4096", "RSA_AES_KEY_WRAP_SHA_256").encode(seal)) <= 6144


def test_a_grant_token_is_read_back(seal: Seal) -> None:
    grant = GrantToken("0c237476b39f8bc44e45212e08498fbe3151305030726c0590dd8d3e9f3d6a60", ARN)
    token = grant.encode(seal)
    assert GrantToken.decode(seal, token) == grant
    assert ARN not in token and grant.encode(seal) != token
    assert base64.b64decode(token).find(b"111122223333") == -1


@given(junk=st.text(max_size=200) | st.binary(max_size=200).map(lambda each: base64.b64encode(each).decode()))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_other_grant_token_is_refused(seal: Seal, junk: str) -> None:
    with pytest.raises(InvalidGrantToken):
        GrantToken.decode(seal, junk)


def test_an_import_token_is_not_a_grant_token(pair: Pairs, seal: Seal) -> None:
    token = replace(_token(pair, "RSA_2048", "RSAES_OAEP_SHA_256"), private_key=b"").encode(seal)
    with pytest.raises(InvalidGrantToken):
        GrantToken.decode(seal, base64.b64encode(token).decode())


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_material_wrapped_by_openssl(pair: Pairs, tmp_path: Path) -> None:
    """The steps that the Developer Guide shows for RSA_AES_KEY_WRAP_SHA_256."""
    (tmp_path / "wrapping.der").write_bytes(pair("RSA_2048").public_der)
    key = os.urandom(32)
    _openssl(tmp_path, "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -outform DER -out private.der")
    wrap = f"enc -id-aes256-wrap-pad -K {key.hex()} -iv A65959A6 -in private.der"
    options = "-pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha256"
    first = _openssl(tmp_path, f"pkeyutl -encrypt -pubin -keyform DER -inkey wrapping.der {options}", key)
    token = _token(pair, "RSA_2048", "RSA_AES_KEY_WRAP_SHA_256")
    kept = unwrap(token, SPECS["ECC_NIST_P384"], first + _openssl(tmp_path, wrap))
    public = _openssl(tmp_path, "pkey -inform DER -in private.der -pubout -outform DER")
    assert KeyPair.load(SPECS["ECC_NIST_P384"], kept).public_der == public


def _openssl(directory: Path, arguments: str, given: bytes = b"") -> bytes:
    command = ["openssl", *arguments.split()]
    return subprocess.run(command, input=given, cwd=directory, capture_output=True, check=True).stdout
