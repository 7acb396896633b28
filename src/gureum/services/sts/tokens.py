"""GetWebIdentityToken: a signed word about the caller, for systems outside.

https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import jwt

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam.issuer import KEY_IDS, private_key
from gureum.services.iam.records import Outbound
from gureum.services.sts import issuing
from gureum.services.sts.operations import ops

if TYPE_CHECKING:
    from gureum.api import sts as api

_SECONDS = 300
_CLAIMS = "https://sts.amazonaws.com/"
_MOST_CHARACTERS = 8192


def _keys(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "sts:identitytokenaudience": list(req["Audience"]),
        "sts:durationseconds": str(req.get("DurationSeconds", _SECONDS)),
        "sts:signingalgorithm": req["SigningAlgorithm"],
    }


@ops.on(keys=_keys)
def get_web_identity_token(
    ctx: Context, req: api.GetWebIdentityTokenRequest
) -> api.GetWebIdentityTokenResponse:
    """Faults: OutboundWebIdentityFederationDisabledException, JWTPayloadSizeExceededException."""
    found = ctx.table(Outbound).get("account")
    if found is None or not found.enabled:
        raise Fault(
            "OutboundWebIdentityFederationDisabledException",
            "Outbound web identity federation is not enabled in this account.",
        )
    algorithm, audience = req["SigningAlgorithm"], list(req["Audience"])
    if algorithm not in KEY_IDS:
        raise Fault("ValidationError", f"SigningAlgorithm must be one of {', '.join(KEY_IDS)}")
    now = int(ctx.now)
    expires = now + req.get("DurationSeconds", _SECONDS)
    claims: dict[str, Any] = {
        "iss": found.issuer,
        "sub": ctx.principal.role_arn or ctx.principal.arn,
        "aud": audience if len(audience) > 1 else audience[0],
        "iat": now,
        "exp": expires,
        "jti": ctx.new_id(),
        _CLAIMS: _about(ctx, req),
    }
    kid = f"{found.issuer_id}-{KEY_IDS[algorithm]}"
    token = jwt.encode(claims, private_key(ctx.home, found, algorithm), algorithm, headers={"kid": kid})
    if len(token) > _MOST_CHARACTERS:
        raise Fault("JWTPayloadSizeExceededException", "The token's claims are too large.")
    return {"WebIdentityToken": token, "Expiration": float(expires)}


def _about(ctx: Context, req: Mapping[str, Any]) -> dict[str, Any]:
    who = ctx.principal
    told: dict[str, Any] = {
        "aws_account": who.account,
        "source_region": ctx.region,
        "principal_id": who.arn,
    }
    if given := issuing.read_tags(req):
        told["request_tags"] = given
    if who.tags:
        told["principal_tags"] = who.tags
    if who.source_identity:
        told["source_identity"] = who.source_identity
    return told
