"""AssumeRoleWithSAML: a role for whoever a SAML provider vouches for.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithSAML.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Any

from gureum.engines.saml.port import Assertion, Saml, Unacceptable
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import spell
from gureum.kernel.records import kind_of
from gureum.services.iam.records import Role, SamlProvider
from gureum.services.sts import federation
from gureum.services.sts.operations import ops
from gureum.services.sts.roles import answer, need_role, targets_of

if TYPE_CHECKING:
    from gureum.api import sts as api

spell("AssumeRoleWithSAML")

_ACTION = "sts:AssumeRoleWithSAML"
_AUDIENCES = frozenset(("https://signin.aws.amazon.com/saml", "urn:amazon:webservices"))
_ATTRIBUTE = "https://aws.amazon.com/SAML/Attributes/"
_SKEW_SECONDS = 300
_LEAST_SECONDS, _MOST_SECONDS = 900, 43_200


@ops.live
@ops.public
@ops.on(Role, targets=targets_of(_ACTION))
def assume_role_with_saml(ctx: Context, req: api.AssumeRoleWithSAMLRequest) -> api.AssumeRoleWithSAMLResponse:
    provider = _provider(ctx, req["PrincipalArn"])
    found = _verify(ctx, provider, req["SAMLAssertion"])
    _check_pair(found, req["RoleArn"], req["PrincipalArn"])
    name = _one(found, "RoleSessionName")
    account = ctx.targets[0].account
    tags = {
        key.removeprefix(f"{_ATTRIBUTE}PrincipalTag:"): values[0]
        for key, values in found.attributes.items()
        if key.startswith(f"{_ATTRIBUTE}PrincipalTag:") and values
    }
    # Tells the same user of the same provider again, without telling who it is.
    digest = hashlib.sha1(f"{found.issuer}{account}/{provider.name}".encode(), usedforsecurity=False).digest()
    qualifier = base64.b64encode(digest).decode()
    claim = federation.Claim(
        action=_ACTION,
        provider=req["PrincipalArn"],
        context={
            "saml:aud": found.recipients[0],
            "saml:iss": found.issuer,
            "saml:sub": found.subject,
            "saml:sub_type": _subject_type(found),
            "saml:namequalifier": qualifier,
            "saml:doc": f"{account}/{provider.name}",
        },
        tags=tags,
        transitive=found.attributes.get(f"{_ATTRIBUTE}TransitiveTagKeys", ()),
        source_identity=(found.attributes.get(f"{_ATTRIBUTE}SourceIdentity") or ("",))[0],
    )
    role = need_role(ctx, req, _ACTION)
    seconds = _seconds(ctx, found, req)
    session = federation.session(ctx, role, req, claim, name=name, seconds=seconds)
    shown = answer(ctx, session, req)
    shown |= {
        "Subject": found.subject,
        "SubjectType": _subject_type(found),
        "Issuer": found.issuer,
        "Audience": found.recipients[0],
        "NameQualifier": qualifier,
    }
    return shown  # type: ignore[return-value]


def _provider(ctx: Context, arn: str) -> SamlProvider:
    """The provider of an ARN, which is of the role's account. Fault: InvalidIdentityToken."""
    place = kind_of(SamlProvider).parse(arn)
    if place is not None and place.account == ctx.targets[0].account:
        found = ctx.table(SamlProvider, account=place.account).get(place.key)
        if found is not None:
            return found
    raise Fault("InvalidIdentityToken", f"Could not find SAML provider {arn}")


def _verify(ctx: Context, provider: SamlProvider, encoded: str) -> Assertion:
    """What an assertion says, its signature, issuer, audience and times checked."""
    try:
        document = base64.b64decode("".join(encoded.split()), validate=True)
        found = ctx.engine(Saml).assertion(document, provider.certificates)
    except binascii.Error:
        raise Fault("InvalidIdentityToken", "Invalid base64 SAMLResponse") from None
    except Unacceptable as why:
        raise Fault("InvalidIdentityToken", f"Response signature invalid: {why}") from None
    if found.issuer != provider.entity:
        raise Fault("InvalidIdentityToken", "Issuer not present in specified provider")
    here = {*_AUDIENCES, f"{ctx.endpoint}/saml"}
    if not set(found.audiences) & here or not found.recipients or found.recipients[0] not in here:
        raise Fault("InvalidIdentityToken", "Audience or recipient of the assertion is not this service")
    if not found.expires or ctx.now >= found.expires:
        raise Fault("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
    if ctx.now + _SKEW_SECONDS < found.not_before or ctx.now >= provider.valid_until:
        raise Fault("InvalidIdentityToken", "Assertion or provider metadata is not valid at this time")
    return found


def _check_pair(found: Assertion, role: str, provider: str) -> None:
    """The assertion names the roles that it is for, each with the provider. Fault: AccessDenied."""
    pairs = found.attributes.get(f"{_ATTRIBUTE}Role", ())
    wanted = {role, provider}
    if not any({part.strip() for part in pair.split(",")} == wanted for pair in pairs):
        raise Fault("AccessDenied", f"Not authorized to perform {_ACTION}", status=403)


def _one(found: Assertion, name: str) -> str:
    values = found.attributes.get(f"{_ATTRIBUTE}{name}", ())
    if len(values) != 1 or not 2 <= len(values[0]) <= 64:
        raise Fault("InvalidIdentityToken", f"{name} is required in AuthnResponse")
    return values[0]


def _subject_type(found: Assertion) -> str:
    """`transient` and `persistent` are told short, other formats whole."""
    head, _, tail = found.subject_type.rpartition(":")
    return tail if tail in {"transient", "persistent"} and head else found.subject_type


def _seconds(ctx: Context, found: Assertion, req: Any) -> int:
    """How long the provider lets the session last: the least of what it says, 0 where it says nothing."""
    ends: list[int] = []
    if asked := found.attributes.get(f"{_ATTRIBUTE}SessionDuration", ()):
        if not asked[0].isdigit() or not _LEAST_SECONDS <= int(asked[0]) <= _MOST_SECONDS:
            raise Fault(
                "InvalidIdentityToken", "SessionDuration attribute must be between 900 and 43200 seconds"
            )
        ends.append(int(asked[0]))
    if found.session_expires:
        ends.append(int(found.session_expires - ctx.now))
    if any(end <= 0 for end in ends):
        raise Fault("ExpiredTokenException", "The provider's session has ended")
    return min(ends, default=0)
