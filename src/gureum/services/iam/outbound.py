"""Outbound web identity: whether this account signs tokens for other systems, as which issuer, with which keys.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.services.iam.issuer import PREFIX
from gureum.services.iam.operations import ops
from gureum.services.iam.records import Outbound

if TYPE_CHECKING:
    from gureum.api import iam as api

_OFF = "Outbound web identity federation is not enabled in this account."


@ops.on()
def enable_outbound_web_identity_federation(
    ctx: Context, req: dict[str, Any]
) -> api.EnableOutboundWebIdentityFederationResponse:
    """The issuer stays the account's own: switched off and on again, it is the same."""
    found = ctx.table(Outbound).get("account")
    if found is not None and found.enabled:
        raise Fault("FeatureEnabled", "Outbound web identity federation is already enabled in this account.")
    if found is None:
        name = ctx.new_id()
        found = Outbound(
            issuer_id=name,
            issuer=f"{ctx.endpoint}{PREFIX}{name}",
            rsa=_sealed(ctx.home, name, rsa.generate_private_key(public_exponent=65537, key_size=2048)),
            ec=_sealed(ctx.home, name, ec.generate_private_key(ec.SECP384R1())),
        )
    ctx.table(Outbound).put(replace(found, enabled=True))
    return {"IssuerIdentifier": found.issuer}


def _sealed(home: Home, name: str, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return home.seal.seal(key.private_bytes(serialization.Encoding.DER, *form), "iam outbound", name)


@ops.on()
def disable_outbound_web_identity_federation(ctx: Context, req: dict[str, Any]) -> None:
    found = ctx.table(Outbound).get("account")
    if found is None or not found.enabled:
        raise Fault("FeatureDisabled", _OFF)
    ctx.table(Outbound).put(replace(found, enabled=False))


@ops.on()
def get_outbound_web_identity_federation_info(
    ctx: Context, req: dict[str, Any]
) -> api.GetOutboundWebIdentityFederationInfoResponse:
    found = ctx.table(Outbound).get("account")
    if found is None or not found.enabled:
        raise Fault("FeatureDisabled", _OFF)
    return {"IssuerIdentifier": found.issuer, "JwtVendingEnabled": True}
