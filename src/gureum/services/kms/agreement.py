"""Shared secrets: ECDH, and ML-KEM's encapsulation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gureum.kernel.context import Context
from gureum.services.kms import finding, using
from gureum.services.kms.crypto import pairs
from gureum.services.kms.facts import Facts
from gureum.services.kms.keyring import pair
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key

if TYPE_CHECKING:
    from gureum.api import kms as api

_KEM = "ENCAPSULATE_DECAPSULATE"


@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("DeriveSharedSecret"), keys=Facts, read_only=True)
def derive_shared_secret(ctx: Context, req: api.DeriveSharedSecretRequest) -> api.DeriveSharedSecretResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_DeriveSharedSecret.html"""
    key, arn = using.begin(ctx, req, "KEY_AGREEMENT")
    algorithm = req["KeyAgreementAlgorithm"]
    secret = using.attempt(pairs.derive_shared_secret, pair(ctx, key, arn), algorithm, req["PublicKey"])
    using.dry(req)
    return {
        "KeyId": arn,
        "SharedSecret": secret,
        "KeyAgreementAlgorithm": algorithm,
        "KeyOrigin": key.origin,
    }


@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("Encapsulate"), keys=Facts, read_only=True)
def encapsulate(ctx: Context, req: api.EncapsulateRequest) -> api.EncapsulateResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Encapsulate.html"""
    key, arn = using.begin(ctx, req, _KEM)
    algorithm = req["EncapsulationAlgorithm"]
    secret, blob = using.attempt(pairs.encapsulate, pair(ctx, key, arn), algorithm)
    using.dry(req)
    return {
        "KeyId": arn,
        "SharedSecret": secret,
        "SharedSecretCiphertextBlob": blob,
        "EncapsulationAlgorithm": algorithm,
    }


@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("Decapsulate"), keys=Facts, read_only=True)
def decapsulate(ctx: Context, req: api.DecapsulateRequest) -> api.DecapsulateResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Decapsulate.html"""
    key, arn = using.begin(ctx, req, _KEM)
    algorithm = req["EncapsulationAlgorithm"]
    blob = req["SharedSecretCiphertextBlob"]
    secret = using.attempt(pairs.decapsulate, pair(ctx, key, arn), algorithm, blob)
    using.dry(req)
    return {"KeyId": arn, "SharedSecret": secret, "EncapsulationAlgorithm": algorithm}
