"""Key pairs: kept and loaded again, RSA encryption, key agreement and encapsulation."""

from __future__ import annotations

import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
)

from gureum.services.kms.crypto.asymmetric import decrypt, encrypt
from gureum.services.kms.crypto.errors import InvalidCiphertext, InvalidKeyUsage, InvalidParameter
from gureum.services.kms.crypto.pairs import KeyPair, decapsulate, derive_shared_secret, encapsulate
from gureum.services.kms.crypto.specs import SPECS

Pairs = Callable[[str], KeyPair]
ASYMMETRIC = [name for name, spec in SPECS.items() if spec.asymmetric]


@pytest.mark.parametrize("name", ASYMMETRIC)
def test_a_pair_is_kept_and_loaded(pair: Pairs, name: str) -> None:
    key = pair(name)
    again = KeyPair.load(key.spec, key.export())
    assert again.public_der == key.public_der and again.export() == key.export()
    assert load_der_public_key(key.public_der) == key.public
    assert load_der_private_key(key.export().reveal(), None).public_key() == key.public
    assert KeyPair.parse(key.spec, key.export().reveal()).public_der == key.public_der
    assert repr(key) == f"KeyPair({name})"
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize(
    ("name", "algorithm", "most"),
    [
        ("RSA_2048", "RSAES_OAEP_SHA_1", 214),
        ("RSA_2048", "RSAES_OAEP_SHA_256", 190),
        ("RSA_3072", "RSAES_OAEP_SHA_1", 342),
        ("RSA_3072", "RSAES_OAEP_SHA_256", 318),
        ("RSA_4096", "RSAES_OAEP_SHA_1", 470),
        ("RSA_4096", "RSAES_OAEP_SHA_256", 446),
    ],
)
def test_rsa_takes_as_much_as_kms_documents(pair: Pairs, name: str, algorithm: str, most: int) -> None:
    key = pair(name)
    ciphertext = encrypt(key, algorithm, b"x" * most)
    assert len(ciphertext) == key.spec.size // 8
    assert decrypt(key, algorithm, ciphertext) == b"x" * most
    with pytest.raises(InvalidParameter, match=f"{name} cannot encrypt data larger than {most} bytes"):
        encrypt(key, algorithm, b"x" * (most + 1))


def test_an_altered_rsa_ciphertext_is_refused(pair: Pairs) -> None:
    key = pair("RSA_2048")
    ciphertext = encrypt(key, "RSAES_OAEP_SHA_256", b"data")
    for byte in range(0, len(ciphertext), 16):
        altered = bytearray(ciphertext)
        altered[byte] ^= 1
        with pytest.raises(InvalidCiphertext):
            decrypt(key, "RSAES_OAEP_SHA_256", bytes(altered))
    for wrong in (b"", b"x", ciphertext[:-1], ciphertext + b"\0"):
        with pytest.raises(InvalidCiphertext):
            decrypt(key, "RSAES_OAEP_SHA_256", wrong)
    with pytest.raises(InvalidCiphertext):
        decrypt(key, "RSAES_OAEP_SHA_1", ciphertext)


def test_usage_and_algorithm_must_be_the_specs(pair: Pairs) -> None:
    with pytest.raises(InvalidKeyUsage):
        encrypt(pair("ECC_NIST_P256"), "RSAES_OAEP_SHA_256", b"data")
    with pytest.raises(InvalidKeyUsage, match="SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048"):
        decrypt(pair("RSA_2048"), "SYMMETRIC_DEFAULT", b"data")
    with pytest.raises(InvalidKeyUsage):
        derive_shared_secret(pair("ECC_SECG_P256K1"), "ECDH", pair("ECC_SECG_P256K1").public_der)
    with pytest.raises(InvalidKeyUsage):
        encapsulate(pair("ECC_NIST_P256"), "ML_KEM")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_what_openssl_encrypts_we_decrypt(pair: Pairs, tmp_path: Path, digest: str) -> None:
    key = pair("RSA_2048")
    (tmp_path / "key.der").write_bytes(key.public_der)
    command = "openssl pkeyutl -encrypt -pubin -keyform DER -inkey key.der -pkeyopt rsa_padding_mode:oaep"
    options = ["-pkeyopt", f"rsa_oaep_md:{digest}", "-pkeyopt", f"rsa_mgf1_md:{digest}"]
    done = subprocess.run(
        [*command.split(), *options], input=b"data", cwd=tmp_path, capture_output=True, check=True
    )
    assert decrypt(key, f"RSAES_OAEP_SHA_{digest[3:]}", done.stdout) == b"data"


def test_key_agreement_of_rfc_5903() -> None:
    """RFC 5903, 8.1: the 256-bit random ECP group."""
    ours = 0xC88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433
    theirs = 0xC6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53
    key = KeyPair(SPECS["ECC_NIST_P256"], ec.derive_private_key(ours, ec.SECP256R1()))
    peer = KeyPair(SPECS["ECC_NIST_P256"], ec.derive_private_key(theirs, ec.SECP256R1()))
    secret = derive_shared_secret(key, "ECDH", peer.public_der)
    assert secret.hex() == "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de"


@pytest.mark.parametrize(
    ("name", "size"), [("ECC_NIST_P256", 32), ("ECC_NIST_P384", 48), ("ECC_NIST_P521", 66)]
)
def test_both_sides_derive_the_same_secret(pair: Pairs, name: str, size: int) -> None:
    one, other = pair(name), KeyPair.generate(SPECS[name])
    secret = derive_shared_secret(one, "ECDH", other.public_der)
    assert secret == derive_shared_secret(other, "ECDH", one.public_der) and len(secret) == size


def test_a_peer_key_that_is_not_on_the_curve_is_refused(pair: Pairs) -> None:
    key = pair("ECC_NIST_P256")
    off_curve = bytearray(key.public_der)
    off_curve[-1] ^= 1
    point = key.public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    for wrong in (
        pair("ECC_NIST_P384").public_der,
        pair("RSA_2048").public_der,
        bytes(off_curve),
        point,
        b"x",
    ):
        with pytest.raises(InvalidParameter):
            derive_shared_secret(key, "ECDH", wrong)


@pytest.mark.parametrize(("name", "size"), [("ML_KEM_768", 1088), ("ML_KEM_1024", 1568)])
def test_encapsulation(pair: Pairs, name: str, size: int) -> None:
    key = pair(name)
    secret, ciphertext = encapsulate(key, "ML_KEM")
    assert len(secret) == 32 and len(ciphertext) == size
    assert decapsulate(key, "ML_KEM", ciphertext) == secret
    altered = decapsulate(key, "ML_KEM", bytes([ciphertext[0] ^ 1]) + ciphertext[1:])
    assert len(altered) == 32 and altered != secret
    for wrong in (ciphertext[:-1], ciphertext + b"\0", b""):
        with pytest.raises(InvalidCiphertext):
            decapsulate(key, "ML_KEM", wrong)
