"""Data keys, data key pairs and random bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.kms import finding, specs, using
from gureum.services.kms.crypto.material import data_key, random_bytes
from gureum.services.kms.crypto.pairs import KeyPair
from gureum.services.kms.facts import Facts
from gureum.services.kms.keyring import backing
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key

if TYPE_CHECKING:
    from gureum.api import kms as api


@ops.inline
@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("GenerateDataKey"), keys=Facts, read_only=True)
def generate_data_key(ctx: Context, req: api.GenerateDataKeyRequest) -> api.GenerateDataKeyResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html"""
    made, plaintext = _data_key(ctx, req)
    return made | {"Plaintext": plaintext}  # type: ignore[return-value]


@ops.inline
@ops.on(
    Key,
    "KeyId",
    "GrantTokens",
    look=finding.any_key("GenerateDataKeyWithoutPlaintext"),
    keys=Facts,
    read_only=True,
)
def generate_data_key_without_plaintext(
    ctx: Context, req: api.GenerateDataKeyWithoutPlaintextRequest
) -> api.GenerateDataKeyWithoutPlaintextResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyWithoutPlaintext.html"""
    made, _ = _data_key(ctx, req)
    return made  # type: ignore[return-value]


def _data_key(ctx: Context, req: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    key, arn = using.symmetric(ctx, req)
    secret = using.attempt(data_key, number_of_bytes=req.get("NumberOfBytes"), spec=req.get("KeySpec"))
    using.dry(req)
    plaintext = secret.reveal()
    under = backing(ctx, key, arn)
    blob = under.encrypt(plaintext, req.get("EncryptionContext"))
    return {"CiphertextBlob": blob, "KeyId": arn, "KeyMaterialId": under.material_id}, plaintext


@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("GenerateDataKeyPair"), keys=Facts, read_only=True)
def generate_data_key_pair(
    ctx: Context, req: api.GenerateDataKeyPairRequest
) -> api.GenerateDataKeyPairResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPair.html"""
    made, private = _pair(ctx, req)
    return made | {"PrivateKeyPlaintext": private}  # type: ignore[return-value]


@ops.on(
    Key,
    "KeyId",
    "GrantTokens",
    look=finding.any_key("GenerateDataKeyPairWithoutPlaintext"),
    keys=Facts,
    read_only=True,
)
def generate_data_key_pair_without_plaintext(
    ctx: Context, req: api.GenerateDataKeyPairWithoutPlaintextRequest
) -> api.GenerateDataKeyPairWithoutPlaintextResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKeyPairWithoutPlaintext.html"""
    made, _ = _pair(ctx, req)
    return made  # type: ignore[return-value]


def _pair(ctx: Context, req: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    key, arn = using.symmetric(ctx, req)
    spec = specs.known(req["KeyPairSpec"])
    using.dry(req)
    made = KeyPair.generate(spec)
    private = made.export().reveal()
    under = backing(ctx, key, arn)
    return {
        "PrivateKeyCiphertextBlob": under.encrypt(private, req.get("EncryptionContext")),
        "PublicKey": made.public_der,
        "KeyId": arn,
        "KeyPairSpec": spec.name,
        "KeyMaterialId": under.material_id,
    }, private


@ops.inline
@ops.on(read_only=True)
def generate_random(ctx: Context, req: api.GenerateRandomRequest) -> api.GenerateRandomResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateRandom.html"""
    if req.get("CustomKeyStoreId"):
        raise Fault("CustomKeyStoreNotFoundException", "Custom key stores are not supported.")
    if req.get("Recipient") is not None:
        raise Fault("ValidationException", "Recipient is not supported: no enclave runs here.")
    number = req.get("NumberOfBytes")
    if number is None:
        raise Fault("ValidationException", "NumberOfBytes is required.")
    return {"Plaintext": random_bytes(number)}
