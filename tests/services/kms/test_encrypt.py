"""Encrypt, Decrypt, ReEncrypt, data keys and random bytes through a real client."""

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP

INCORRECT = (
    "IncorrectKeyException",
    "The key ID in the request does not identify a CMK that can perform this operation.",
    400,
)
BROKEN = ("InvalidCiphertextException", "", 400)


@pytest.fixture(scope="module")
def keys(gureum):
    kms = gureum.client("kms")
    return [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]


@pytest.fixture(scope="module")
def rsa(gureum):
    kms = gureum.client("kms")
    return kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["Arn"]


def test_the_context_and_the_key_must_be_those_of_the_ciphertext(kms, refused, keys):
    made = kms.encrypt(KeyId=keys[0], Plaintext=b"secret", EncryptionContext={"a": "1", "b": "2"})
    blob = made["CiphertextBlob"]
    assert (made["KeyId"], made["EncryptionAlgorithm"]) == (keys[0], "SYMMETRIC_DEFAULT")
    opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext={"b": "2", "a": "1"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"secret", keys[0])
    assert refused(kms.decrypt, CiphertextBlob=blob) == BROKEN
    assert refused(kms.decrypt, CiphertextBlob=blob, EncryptionContext={"a": "1"}) == BROKEN
    spoilt = blob[:-1] + bytes([blob[-1] ^ 1])
    same = {"EncryptionContext": {"a": "1", "b": "2"}}
    assert refused(kms.decrypt, CiphertextBlob=spoilt, **same) == BROKEN
    assert refused(kms.decrypt, CiphertextBlob=b"garbage") == BROKEN
    assert refused(kms.decrypt, CiphertextBlob=blob, KeyId=keys[1], **same) == INCORRECT


def test_rsa_ciphertext_comes_from_outside_too(kms, refused, rsa):
    public = serialization.load_der_public_key(kms.get_public_key(KeyId=rsa)["PublicKey"])
    blob = public.encrypt(b"from outside", OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), None))
    wanted = {"KeyId": rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_256"}
    assert kms.decrypt(CiphertextBlob=blob, **wanted)["Plaintext"] == b"from outside"
    made = kms.encrypt(Plaintext=b"x", **wanted)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=made, **wanted)["Plaintext"] == b"x"
    assert refused(kms.encrypt, KeyId=rsa, Plaintext=b"x") == (
        "InvalidKeyUsageException",
        "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.",
        400,
    )
    assert refused(kms.generate_data_key, KeyId=rsa, KeySpec="AES_256")[0] == "InvalidKeyUsageException"


def test_re_encrypt_between_keys_and_contexts(kms, refused, keys, rsa):
    blob = kms.encrypt(KeyId=keys[0], Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"a": "1"},
        DestinationKeyId=keys[1],
        DestinationEncryptionContext={"b": "2"},
    )
    assert (moved["SourceKeyId"], moved["KeyId"]) == (keys[0], keys[1])
    opened = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"b": "2"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"x", keys[1])
    assert refused(kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=keys[1]) == BROKEN
    to_rsa = kms.re_encrypt(
        CiphertextBlob=moved["CiphertextBlob"],
        SourceEncryptionContext={"b": "2"},
        DestinationKeyId=rsa,
        DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_1",
    )["CiphertextBlob"]
    wanted = {"KeyId": rsa, "EncryptionAlgorithm": "RSAES_OAEP_SHA_1"}
    assert kms.decrypt(CiphertextBlob=to_rsa, **wanted)["Plaintext"] == b"x"


def test_data_keys(kms, refused, keys):
    made = kms.generate_data_key(KeyId=keys[0], KeySpec="AES_128", EncryptionContext={"a": "1"})
    assert len(made["Plaintext"]) == 16
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "1"})
    assert opened["Plaintext"] == made["Plaintext"]
    bare = kms.generate_data_key_without_plaintext(KeyId=keys[0], NumberOfBytes=100)
    assert "Plaintext" not in bare
    assert len(kms.decrypt(CiphertextBlob=bare["CiphertextBlob"])["Plaintext"]) == 100
    assert refused(kms.generate_data_key, KeyId=keys[0]) == (
        "ValidationException",
        "Please specify either number of bytes or key spec.",
        400,
    )


def test_data_key_pairs_match(kms, keys):
    made = kms.generate_data_key_pair(KeyId=keys[0], KeyPairSpec="ECC_NIST_P256")
    private = kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"]
    assert private == made["PrivateKeyPlaintext"]
    public = serialization.load_der_private_key(private, None).public_key()
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    assert public.public_bytes(*form) == made["PublicKey"]
    bare = kms.generate_data_key_pair_without_plaintext(KeyId=keys[0], KeyPairSpec="ECC_NIST_P256")
    assert "PrivateKeyPlaintext" not in bare


def test_random_bytes(kms):
    one, two = (kms.generate_random(NumberOfBytes=32)["Plaintext"] for _ in range(2))
    assert len(one) == 32
    assert one != two


def test_dry_runs_do_nothing_but_check(kms, refused, keys):
    said = (
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )
    assert refused(kms.encrypt, KeyId=keys[0], Plaintext=b"x", DryRun=True)[:2] == said
    assert refused(kms.generate_data_key, KeyId=keys[0], KeySpec="AES_256", DryRun=True)[:2] == said
    assert refused(kms.decrypt, CiphertextBlob=b"garbage", DryRun=True) == BROKEN
    modified = {"KeyId": keys[0], "DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}
    assert refused(kms.decrypt, **modified)[:2] == said


def test_the_largest_plaintext(kms, refused, keys):
    assert refused(kms.encrypt, KeyId=keys[0], Plaintext=b"x" * 4097) == (
        "ValidationException",
        "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length "
        "less than or equal to 4096",
        400,
    )
    assert kms.encrypt(KeyId=keys[0], Plaintext=b"x" * 4096)["CiphertextBlob"]


def test_keys_of_another_usage(kms, refused, keys):
    assert refused(kms.generate_mac, KeyId=keys[0], Message=b"x", MacAlgorithm="HMAC_SHA_256") == (
        "InvalidKeyUsageException",
        f"{keys[0]} key usage is ENCRYPT_DECRYPT which is not valid for GenerateMac.",
        400,
    )


def test_macs_signatures_and_secrets(kms, refused):
    def made(spec, usage):
        return kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["Arn"]

    mac_key = made("HMAC_256", "GENERATE_VERIFY_MAC")
    mac = {"KeyId": mac_key, "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    tag = kms.generate_mac(**mac)["Mac"]
    assert kms.verify_mac(**mac, Mac=tag)["MacValid"]
    assert refused(kms.verify_mac, **mac, Mac=b"0" * 32)[0] == "KMSInvalidMacException"

    signer = made("ML_DSA_44", "SIGN_VERIFY")
    wanted = {"KeyId": signer, "Message": b"m", "SigningAlgorithm": "ML_DSA_SHAKE_256"}
    signature = kms.sign(**wanted)["Signature"]
    assert kms.verify(**wanted, Signature=signature)["SignatureValid"]
    other = wanted | {"Message": b"n"}
    assert refused(kms.verify, **other, Signature=signature) == ("KMSInvalidSignatureException", "", 400)

    ours, theirs = (made("ECC_NIST_P256", "KEY_AGREEMENT") for _ in range(2))
    secrets = {
        kms.derive_shared_secret(
            KeyId=one,
            KeyAgreementAlgorithm="ECDH",
            PublicKey=kms.get_public_key(KeyId=other)["PublicKey"],
        )["SharedSecret"]
        for one, other in ((ours, theirs), (theirs, ours))
    }
    assert len(secrets) == 1

    kem = made("ML_KEM_768", "ENCAPSULATE_DECAPSULATE")
    sent = kms.encapsulate(KeyId=kem, EncapsulationAlgorithm="ML_KEM")
    got = kms.decapsulate(
        KeyId=kem,
        EncapsulationAlgorithm="ML_KEM",
        SharedSecretCiphertextBlob=sent["SharedSecretCiphertextBlob"],
    )
    assert got["SharedSecret"] == sent["SharedSecret"]
