"""The table of key specs says what KMS's own model says, and what is absent says so."""

from __future__ import annotations

import botocore.session
import pytest

from gureum.services.kms.crypto.errors import CryptoError, UnsupportedOperation
from gureum.services.kms.crypto.specs import ABSENT, ALGORITHMS_MEMBER, SPECS, spec

MODEL = botocore.session.get_session().get_service_model("kms")


def _enum(shape: str) -> set[str]:
    return set(MODEL.shape_for(shape).enum)


def test_every_spec_of_the_model_is_here_or_known_absent() -> None:
    assert set(SPECS) | set(ABSENT) == _enum("KeySpec")
    assert not set(SPECS) & set(ABSENT)


@pytest.mark.parametrize(
    ("usage", "shape", "absent"),
    [
        ("ENCRYPT_DECRYPT", "EncryptionAlgorithmSpec", {"SM2PKE"}),
        ("SIGN_VERIFY", "SigningAlgorithmSpec", {"SM2DSA"}),
        ("GENERATE_VERIFY_MAC", "MacAlgorithmSpec", set()),
        ("KEY_AGREEMENT", "KeyAgreementAlgorithmSpec", set()),
    ],
)
def test_every_algorithm_of_the_model_has_a_key(usage: str, shape: str, absent: set[str]) -> None:
    ours = {algorithm for each in SPECS.values() for algorithm in each.algorithms.get(usage, ())}
    assert ours | absent == _enum(shape)


def test_usages_are_the_models() -> None:
    assert set(ALGORITHMS_MEMBER) == _enum("KeyUsageType")
    assert set(ALGORITHMS_MEMBER.values()) <= set(MODEL.shape_for("KeyMetadata").members)
    assert {usage for each in SPECS.values() for usage in each.usages} == set(ALGORITHMS_MEMBER)


@pytest.mark.parametrize("name", [*ABSENT, "DES"])
def test_an_absent_spec_is_refused(name: str) -> None:
    with pytest.raises(UnsupportedOperation, match=name):
        spec(name)


def test_every_error_is_one_of_kms() -> None:
    modelled = {shape for shape in MODEL.shape_names if shape.endswith("Exception")} | {"ValidationException"}
    assert {each.code for each in CryptoError.__subclasses__()} <= modelled
