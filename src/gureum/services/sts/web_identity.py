"""AssumeRoleWithWebIdentity: a role for whoever an OpenID Connect provider vouches for.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jwt

from gureum.engines.web.port import Unreachable, Web
from gureum.kernel import documents
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.services.iam.records import OidcProvider, Role
from gureum.services.sts import federation
from gureum.services.sts.operations import ops
from gureum.services.sts.roles import answer, need_role, targets_of

if TYPE_CHECKING:
    from jwt.types import Options

    from gureum.api import sts as api

_ACTION = "sts:AssumeRoleWithWebIdentity"
_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"]
_OPTIONS: Options = {
    "verify_aud": False,  # looked at here, by the cloud's own clock
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "require": ["sub", "exp"],
}
_TAGS = "https://aws.amazon.com/tags"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_COGNITO = "cognito-identity.amazonaws.com"
_NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference "
    "AssumeRoleWithWebIdentity documentation for requirements"
)


class Vouched(NamedTuple):
    """A verified token: its claims, its provider as a Principal element names it, and the issuer without scheme."""

    claims: Mapping[str, Any]
    provider: str
    issuer: str


@ops.live
@ops.public
@ops.on(Role, targets=targets_of(_ACTION))
def assume_role_with_web_identity(
    ctx: Context, req: api.AssumeRoleWithWebIdentityRequest
) -> api.AssumeRoleWithWebIdentityResponse:
    if "ProviderId" in req:
        raise Fault(
            "ValidationError", "OAuth 2.0 access tokens are not taken: pass an OpenID Connect ID token."
        )
    account = ctx.targets[0].account
    vouched = _verify(ctx, account, req["WebIdentityToken"])
    claims = vouched.claims
    tags, transitive = _tags(claims)
    claim = federation.Claim(
        action=_ACTION,
        provider=vouched.provider,
        context=_context(vouched),
        tags=tags,
        transitive=transitive,
        source_identity=str(claims.get(_SOURCE_IDENTITY) or ""),
    )
    role = need_role(ctx, req, _ACTION)
    session = federation.session(ctx, role, req, claim, name=req["RoleSessionName"])
    shown = answer(ctx, session, req)
    shown["SubjectFromWebIdentityToken"] = str(claims.get("sub") or "")
    shown["Audience"] = _audience(claims)
    shown["Provider"] = vouched.provider
    return shown  # type: ignore[return-value]


def _verify(ctx: Context, account: str, token: str) -> Vouched:
    """A token's claims. Faults: InvalidIdentityToken, ExpiredTokenException, IDPCommunicationError."""
    try:
        loose = jwt.decode(token, options={"verify_signature": False})
        head = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise Fault(
            "InvalidIdentityToken",
            "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
        ) from None
    issuer = str(loose.get("iss") or "")
    if ctx.principal.kind == "service" and ctx.principal.name == _COGNITO:
        return Vouched(loose, _COGNITO, _COGNITO)  # the service vouches for its own by being who it is
    _, _, url = issuer.rstrip("/").partition("://")
    provider = ctx.table(OidcProvider, account=account).get(url) if url else None
    if provider is None or issuer.partition("://")[0] != provider.scheme:
        raise Fault("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}")
    _check_times(loose, ctx.now)
    if not set(_audiences(loose)) & set(provider.clients):
        raise Fault("InvalidIdentityToken", "Incorrect token audience")
    key = _key(ctx, issuer, head)
    try:
        claims = jwt.decode(token, key, algorithms=_ALGORITHMS, options=_OPTIONS)
    except jwt.MissingRequiredClaimError as missing:
        raise Fault("InvalidIdentityToken", f"Missing a required claim: {missing.claim}") from None
    except (jwt.PyJWTError, TypeError, ValueError):
        raise Fault("InvalidIdentityToken", _NO_KEY) from None
    arn = kind_of(OidcProvider).arn(account, "", provider)
    return Vouched(claims, arn, url)


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    """Times are looked at before the signature, as AWS does; the signature still covers them."""
    expires, not_before = claims.get("exp"), claims.get("nbf")
    if isinstance(expires, int | float) and now >= expires:
        raise Fault(
            "ExpiredTokenException",
            f"Token expired: current date/time {int(now)} must be before the expiration date/time {int(expires)}",
        )
    if isinstance(not_before, int | float) and now < not_before:
        shown = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(not_before))
        raise Fault("InvalidIdentityToken", f"Token is not valid before {shown}")


def _key(ctx: Context, issuer: str, head: Mapping[str, Any]) -> Any:
    """The provider's public key that a token names, read from where its discovery document says."""
    web = ctx.engine(Web)
    try:
        about = documents.read(web.get(f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
        keys = jwt.PyJWKSet.from_dict(documents.read(web.get(str(about["jwks_uri"]))))
    except Unreachable:
        raise Fault("IDPCommunicationError", _NO_KEY) from None
    except (jwt.PyJWTError, documents.BadDocument, KeyError, TypeError, AttributeError):
        raise Fault("InvalidIdentityToken", _NO_KEY) from None
    for key in keys.keys:
        if key.key_id == head.get("kid") or "kid" not in head:
            return key.key
    raise Fault("InvalidIdentityToken", _NO_KEY)


def _audiences(claims: Mapping[str, Any]) -> list[str]:
    found = claims.get("aud", [])
    named = [str(one) for one in found] if isinstance(found, list) else [str(found)]
    return [*named, str(claims["azp"])] if "azp" in claims else named


def _audience(claims: Mapping[str, Any]) -> str:
    """What `aud` means to IAM: the authorised party where there is one."""
    return str(claims.get("azp") or (_audiences(claims) or [""])[0])


def _context(vouched: Vouched) -> dict[str, Any]:
    """The provider's condition keys.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif
    """
    claims, prefix = vouched.claims, vouched.issuer.lower()
    found: dict[str, Any] = {
        f"{prefix}:aud": _audience(claims),
        f"{prefix}:sub": str(claims.get("sub") or ""),
    }
    if "azp" in claims:
        found[f"{prefix}:oaud"] = _audiences(claims)[0]
    if isinstance(methods := claims.get("amr"), list):
        found[f"{prefix}:amr"] = [str(one) for one in methods]
    return found


def _tags(claims: Mapping[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Session tags that the provider put into the token.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
    """
    given = claims.get(_TAGS)
    if not isinstance(given, Mapping):
        return {}, ()
    pairs = given.get("principal_tags", {})
    tags = {str(key): str(value[0] if isinstance(value, list) else value) for key, value in pairs.items()}
    return tags, tuple(str(key) for key in given.get("transitive_tag_keys", ()))
