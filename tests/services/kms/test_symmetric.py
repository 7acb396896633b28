"""Envelopes: what was encrypted opens with the same material and context, and nothing else opens at all."""

from __future__ import annotations

import contextlib
import os
import pickle

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given
from hypothesis import strategies as st

from gureum.services.kms.crypto.errors import InvalidCiphertext, InvalidParameter
from gureum.services.kms.crypto.material import (
    Secret,
    data_key,
    generate_bytes,
    material_id,
    random_bytes,
)
from gureum.services.kms.crypto.specs import SPECS
from gureum.services.kms.crypto.symmetric import BackingKey, canonical, read_header

ARN = "arn:aws:kms:ap-northeast-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MATERIAL = Secret(bytes(range(32)))
ID = material_id(ARN[-36:], MATERIAL)
KEY = BackingKey(MATERIAL, ARN, ID)
contexts = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)


@given(plaintext=st.binary(min_size=1, max_size=4096), context=contexts)
def test_what_was_encrypted_opens(plaintext: bytes, context: dict[str, str]) -> None:
    blob = KEY.encrypt(plaintext, context)
    assert read_header(blob) == (ARN, ID)
    assert KEY.decrypt(blob, dict(reversed(context.items()))) == plaintext
    assert len(blob) <= 6144


@given(one=contexts, other=contexts)
def test_another_context_is_refused(one: dict[str, str], other: dict[str, str]) -> None:
    blob = KEY.encrypt(b"data", one)
    if one == other:
        assert KEY.decrypt(blob, other) == b"data"
    else:
        assert canonical(one) != canonical(other)
        with pytest.raises(InvalidCiphertext):
            KEY.decrypt(blob, other)


@pytest.mark.parametrize(
    "other", [None, {}, {"A": "b"}, {"a": "B"}, {"a": "b", "c": ""}, {"ab": ""}, {"": "ab"}]
)
def test_case_and_missing_pairs_of_the_context_count(other: dict[str, str] | None) -> None:
    with pytest.raises(InvalidCiphertext):
        KEY.decrypt(KEY.encrypt(b"data", {"a": "b"}), other)


def test_no_context_and_an_empty_one_are_the_same() -> None:
    assert (
        KEY.decrypt(KEY.encrypt(b"data", None), {}) == KEY.decrypt(KEY.encrypt(b"data", {}), None) == b"data"
    )


def test_any_flipped_bit_any_cut_and_any_addition_is_refused() -> None:
    blob = KEY.encrypt(b"data", {"a": "b"})
    for bit in range(len(blob) * 8):
        altered = bytearray(blob)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InvalidCiphertext):
            KEY.decrypt(bytes(altered), {"a": "b"})
    for length in range(len(blob)):
        with pytest.raises(InvalidCiphertext):
            KEY.decrypt(blob[:length], {"a": "b"})
    with pytest.raises(InvalidCiphertext):
        KEY.decrypt(blob + b"\x00", {"a": "b"})


@given(junk=st.binary(max_size=400))
def test_junk_is_refused(junk: bytes) -> None:
    with pytest.raises(InvalidCiphertext):
        KEY.decrypt(junk)
    with contextlib.suppress(InvalidCiphertext):
        read_header(junk)


def test_a_header_that_is_not_text_is_refused() -> None:
    with pytest.raises(InvalidCiphertext):
        read_header(b"\x01\x00\x02\xff\xff" + bytes(100))


def test_another_material_does_not_open_and_old_material_still_does() -> None:
    old_blob = KEY.encrypt(b"data")
    rotated = BackingKey(Secret(os.urandom(32)), ARN, "ab" * 32)
    with pytest.raises(InvalidCiphertext):
        rotated.decrypt(old_blob)
    backing = {ID: KEY, rotated.material_id: rotated}
    for blob in (old_blob, rotated.encrypt(b"data")):
        assert backing[read_header(blob).material_id].decrypt(blob) == b"data"


def test_a_replica_in_another_region_opens_the_primarys_ciphertext() -> None:
    replica = BackingKey(MATERIAL, ARN.replace("ap-northeast-2", "eu-west-1"), ID)
    assert replica.decrypt(KEY.encrypt(b"data", {"a": "b"}), {"a": "b"}) == b"data"


def test_no_two_ciphertexts_are_alike() -> None:
    assert len({KEY.encrypt(b"data") for _ in range(1000)}) == 1000


def test_the_blob_is_the_documented_one() -> None:
    blob = KEY.encrypt(b"data", {"b": "2", "a": "é"})
    at = 3 + len(ARN)
    assert blob[:at] == b"\x01" + len(ARN).to_bytes(2, "big") + ARN.encode()
    assert blob[at : at + 32].hex() == ID
    salt, nonce, body = blob[at + 32 : at + 48], blob[at + 48 : at + 60], blob[at + 60 :]
    one_time = KBKDFHMAC(
        algorithm=hashes.SHA256(),
        mode=Mode.CounterMode,
        length=32,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=b"gureum kms symmetric",
        context=salt,
        fixed=None,
    ).derive(MATERIAL.reveal())
    context = b"\0\0\0\x01a\0\0\0\x02\xc3\xa9" + b"\0\0\0\x01b\0\0\0\x012"
    assert AESGCM(one_time).decrypt(nonce, body, blob[: at + 60] + context) == b"data"


def test_secrets_are_not_shown() -> None:
    secret = Secret(b"very secret")
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>30}", repr(KEY), str([secret])):
        assert "secret" not in text.replace("Secret(hidden)", "")
    for thing in (secret, KEY):
        with pytest.raises(TypeError):
            pickle.dumps(thing)
    with pytest.raises(TypeError):
        hash(secret)


def test_secrets_compare_by_value() -> None:
    assert Secret(b"a") == Secret(b"a") != Secret(b"b")
    assert Secret(b"a") != b"a"


def test_material_ids_name_key_and_material() -> None:
    assert len(ID) == 64 and material_id(ARN[-36:], Secret(bytes(range(32)))) == ID
    assert ID != material_id("another key", MATERIAL) != material_id(ARN[-36:], Secret(bytes(32)))


def test_data_keys_have_the_asked_length() -> None:
    assert len(data_key(spec="AES_256")) == 32 and len(data_key(spec="AES_128")) == 16
    assert len(data_key(number_of_bytes=1)) == 1 and len(data_key(number_of_bytes=1024)) == 1024
    assert len(generate_bytes(SPECS["SYMMETRIC_DEFAULT"])) == 32
    for wrong in (
        {},
        {"spec": "AES_256", "number_of_bytes": 32},
        {"number_of_bytes": 0},
        {"number_of_bytes": 1025},
    ):
        with pytest.raises(InvalidParameter):
            data_key(**wrong)


def test_random_bytes_differ() -> None:
    assert len(random_bytes(32)) == 32
    assert random_bytes(32) != random_bytes(32)
