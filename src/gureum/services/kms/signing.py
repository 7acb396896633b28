"""Sign, Verify, GenerateMac, VerifyMac, and the public half of a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.kms import finding, states, using
from gureum.services.kms.crypto import mac, signing
from gureum.services.kms.crypto.specs import ALGORITHMS_MEMBER, SPECS
from gureum.services.kms.facts import Facts
from gureum.services.kms.keyring import Keyring, current, pair
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key

if TYPE_CHECKING:
    from gureum.api import kms as api

_SIGN, _MAC = "SIGN_VERIFY", "GENERATE_VERIFY_MAC"


@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("Sign"), keys=Facts, read_only=True)
def sign(ctx: Context, req: api.SignRequest) -> api.SignResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html"""
    key, arn = using.begin(ctx, req, _SIGN)
    algorithm = req["SigningAlgorithm"]
    signature = using.attempt(
        signing.sign, pair(ctx, key, arn), algorithm, req["Message"], req.get("MessageType") or "RAW"
    )
    using.dry(req)
    return {"KeyId": arn, "Signature": signature, "SigningAlgorithm": algorithm}


@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("Verify"), keys=Facts, read_only=True)
def verify(ctx: Context, req: api.VerifyRequest) -> api.VerifyResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Verify.html"""
    key, arn = using.begin(ctx, req, _SIGN)
    algorithm, message_type = req["SigningAlgorithm"], req.get("MessageType") or "RAW"
    using.attempt(
        signing.verify, pair(ctx, key, arn), algorithm, req["Message"], req["Signature"], message_type
    )
    using.dry(req)
    return {"KeyId": arn, "SignatureValid": True, "SigningAlgorithm": algorithm}


@ops.inline
@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("GenerateMac"), keys=Facts, read_only=True)
def generate_mac(ctx: Context, req: api.GenerateMacRequest) -> api.GenerateMacResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html"""
    key, arn = using.begin(ctx, req, _MAC)
    secret = ctx.part(Keyring).secret(key, arn, current(key))
    made = using.attempt(mac.generate_mac, SPECS[key.spec], secret, req["MacAlgorithm"], req["Message"])
    using.dry(req)
    return {"Mac": made, "MacAlgorithm": req["MacAlgorithm"], "KeyId": arn}


@ops.inline
@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("VerifyMac"), keys=Facts, read_only=True)
def verify_mac(ctx: Context, req: api.VerifyMacRequest) -> api.VerifyMacResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_VerifyMac.html"""
    key, arn = using.begin(ctx, req, _MAC)
    secret = ctx.part(Keyring).secret(key, arn, current(key))
    algorithm = req["MacAlgorithm"]
    using.attempt(mac.verify_mac, SPECS[key.spec], secret, algorithm, req["Message"], req["Mac"])
    using.dry(req)
    return {"KeyId": arn, "MacValid": True, "MacAlgorithm": algorithm}


@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("GetPublicKey"), keys=Facts)
def get_public_key(ctx: Context, req: api.GetPublicKeyRequest) -> api.GetPublicKeyResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html"""
    key, arn = ctx.need(Key), ctx.targets[0].arn
    spec = SPECS[key.spec]
    if not spec.asymmetric:
        raise Fault(
            "UnsupportedOperationException",
            f"{arn} key spec is {key.spec} which is not valid for GetPublicKey.",
        )
    states.usable(key, arn)
    shown: dict[str, Any] = {
        "KeyId": arn,
        "PublicKey": pair(ctx, key, arn).public_der,
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        ALGORITHMS_MEMBER[key.usage]: list(spec.algorithms[key.usage]),
    }
    return shown  # type: ignore[return-value]
