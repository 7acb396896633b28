"""Grants: made, listed, revoked, retired.

Source: KMS Developer Guide, "Grants in AWS KMS"; KMS API reference. A grant holds at once, so the grant token is
checked where one is given but never needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.operations import Target
from gureum.kernel.principal import Principal, root_of
from gureum.kernel.records import kind_of
from gureum.policy import principals
from gureum.services.kms import finding, grant_rules, states, using
from gureum.services.kms.crypto.tokens import GrantToken
from gureum.services.kms.facts import Facts
from gureum.services.kms.operations import ops
from gureum.services.kms.policies import regranted
from gureum.services.kms.records import Constraint, Grant, Key

if TYPE_CHECKING:
    from gureum.api import kms as api

_MOST_PER_KEY = 50_000
_ANY_USAGE = {"CreateGrant", "RetireGrant", "DescribeKey"}
_OF_USAGE = {
    "SIGN_VERIFY": {"Sign", "Verify", "GetPublicKey"},
    "GENERATE_VERIFY_MAC": {"GenerateMac", "VerifyMac"},
    "KEY_AGREEMENT": {"DeriveSharedSecret", "GetPublicKey"},
    "ENCAPSULATE_DECAPSULATE": {"Encapsulate", "Decapsulate", "GetPublicKey"},
}
_RSA = {"Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GetPublicKey"}


@ops.on(Key, "KeyId", "GrantTokens", look=finding.key("CreateGrant"), keys=Facts)
def create_grant(ctx: Context, req: api.CreateGrantRequest) -> api.CreateGrantResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html

    With a name, the same request again gives the same grant.
    """
    key, arn = ctx.need(Key), ctx.targets[0].arn
    states.usable(key, arn)
    grant = _asked(ctx, key, arn, req)
    using.dry(req)
    same = None
    if grant.name:
        blank = {"id": "", "created": 0.0}
        for other in ctx.table(Grant).find("key", key.id):
            if replace(other, **blank) == replace(grant, **blank):
                same = other
    if same is None:
        if sum(1 for _ in ctx.table(Grant).find("key", key.id)) >= _MOST_PER_KEY:
            raise Fault("LimitExceededException", f"A KMS key has at most {_MOST_PER_KEY} grants.")
        ctx.table(Grant).add(grant)
        ctx.target_table(Key).put(regranted(ctx, key, added=grant))
    grant = same or grant
    return {"GrantId": grant.id, "GrantToken": GrantToken(grant.id, arn).encode(ctx.home.seal)}


def _asked(ctx: Context, key: Key, arn: str, req: Mapping[str, Any]) -> Grant:
    operations = tuple(dict.fromkeys(req["Operations"]))
    takes = _ANY_USAGE | _OF_USAGE.get(key.usage, grant_rules.CONTEXTUAL)
    if key.usage == "ENCRYPT_DECRYPT" and key.spec != "SYMMETRIC_DEFAULT":
        takes = _ANY_USAGE | _RSA
    if wrong := [operation for operation in operations if operation not in takes]:
        raise Fault(
            "ValidationException",
            f"Operations [{', '.join(wrong)}] are not valid for {arn} with key usage {key.usage}.",
        )
    grantee, by_service = _who(req, "GranteePrincipal", "GranteeServicePrincipal")
    if not grantee:
        raise Fault("ValidationException", "GranteePrincipal is required.")
    retiring, retired_by_service = _who(req, "RetiringPrincipal", "RetiringServicePrincipal")
    constraint, context, source = _constraint(key, req)
    return Grant(
        key=key.id,
        id=ids.hexadecimal(64),
        created=ctx.now,
        issuer=root_of(ctx.principal.account or ctx.account).arn,
        grantee=grantee,
        operations=operations,
        name=req.get("Name") or "",
        retiring=retiring,
        grantee_service=by_service,
        retiring_service=retired_by_service,
        constraint=constraint,
        context=context,
        source_arn=source,
    )


def _who(req: Mapping[str, Any], member: str, service_member: str) -> tuple[str, bool]:
    """The principal of a grant, and whether it is a service. InvalidArnException."""
    arn, service = req.get(member) or "", req.get(service_member) or ""
    if arn and service:
        raise Fault("ValidationException", f"{member} and {service_member} cannot both be given.")
    if not arn or arn.endswith(".amazonaws.com"):
        return (service or arn), bool(service or arn)
    try:
        if arn == "*":
            raise principals.BadPrincipal(arn)
        principals.compile_principal({"AWS": arn}, inverted=False)
    except principals.BadPrincipal:
        raise Fault("InvalidArnException", f"{member} is not a valid principal: {arn}") from None
    return arn, False


def _constraint(key: Key, req: Mapping[str, Any]) -> tuple[Constraint, dict[str, str], str]:
    given = req.get("Constraints") or {}
    source = given.get("SourceArn") or ""
    equals, subset = given.get("EncryptionContextEquals"), given.get("EncryptionContextSubset")
    if not equals and not subset:
        return "", {}, source
    if equals and subset:
        raise Fault(
            "ValidationException",
            "EncryptionContextEquals and EncryptionContextSubset cannot both be given.",
        )
    if key.spec != "SYMMETRIC_DEFAULT":
        raise Fault(
            "ValidationException", "Encryption context constraints need a symmetric encryption KMS key."
        )
    kind: Constraint = "EncryptionContextEquals" if equals else "EncryptionContextSubset"
    return kind, dict(equals or subset or {}), source


def show(ctx: Context, grant: Grant) -> dict[str, Any]:
    """GrantListEntry."""
    shown: dict[str, Any] = {
        "KeyId": kind_of(Key).arn(ctx.account, ctx.region, {"id": grant.key}),
        "GrantId": grant.id,
        "Name": grant.name,
        "CreationDate": grant.created,
        "IssuingAccount": grant.issuer,
        "Operations": list(grant.operations),
        "GranteeServicePrincipal" if grant.grantee_service else "GranteePrincipal": grant.grantee,
    }
    if grant.retiring:
        member = "RetiringServicePrincipal" if grant.retiring_service else "RetiringPrincipal"
        shown[member] = grant.retiring
    constraints: dict[str, Any] = {grant.constraint: grant.context} if grant.constraint else {}
    if grant.source_arn:
        constraints["SourceArn"] = grant.source_arn
    if constraints:
        shown["Constraints"] = constraints
    return shown


@ops.on(Key, "KeyId", look=finding.key("ListGrants"), keys=Facts)
def list_grants(ctx: Context, req: api.ListGrantsRequest) -> api.ListGrantsResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html"""
    key = ctx.need(Key)
    grant_id = req.get("GrantId")
    grantee = req.get("GranteePrincipal") or req.get("GranteeServicePrincipal")

    def wanted(grant: Grant) -> bool:
        return (not grant_id or grant.id == grant_id) and (not grantee or grant.grantee == grantee)

    found = ctx.page(req, 100 if req.get("Limit") else 50).table(
        ctx.table(Grant), lambda grant: show(ctx, grant), index=("key", key.id), where=wanted
    )
    return found  # type: ignore[return-value]


@ops.on()
def list_retirable_grants(ctx: Context, req: api.ListRetirableGrantsRequest) -> api.ListGrantsResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html"""
    retiring, _ = _who(req, "RetiringPrincipal", "RetiringServicePrincipal")
    if not retiring:
        raise Fault("ValidationException", "RetiringPrincipal is required.")
    found = ctx.page(req, 100 if req.get("Limit") else 50).table(
        ctx.table(Grant), lambda grant: show(ctx, grant), index=("retiring", retiring)
    )
    return found  # type: ignore[return-value]


@ops.on(Key, "KeyId", look=finding.key("RevokeGrant"), keys=Facts)
def revoke_grant(ctx: Context, req: api.RevokeGrantRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html"""
    _end(ctx, req, req["GrantId"])


def _retired(req: Mapping[str, Any], home: Home) -> tuple[str, str]:
    """Key ARN and grant id that RetireGrant names, by token or outright."""
    if token := req.get("GrantToken"):
        found = using.attempt(GrantToken.decode, home.seal, token)
        return found.key_arn, found.grant_id
    key_id, grant_id = req.get("KeyId"), req.get("GrantId")
    if not key_id or not grant_id:
        raise Fault("ValidationException", "Either GrantToken or KeyId and GrantId must be given.")
    return key_id, grant_id


def _retiring(home: Home, principal: Principal, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    return (finding.named(home, principal, region, _retired(req, home)[0], "kms:RetireGrant"),)


def _retiring_facts(ctx: Context, req: Mapping[str, Any]) -> Mapping[str, Any]:
    return Facts(ctx, {**req, "GrantId": _retired(req, ctx.home)[1]})


@ops.on(Key, "KeyId", "GrantId", "GrantToken", look=_retiring, keys=_retiring_facts)
def retire_grant(ctx: Context, req: api.RetireGrantRequest) -> None:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html"""
    _end(ctx, req, _retired(req, ctx.home)[1])


def _end(ctx: Context, req: Mapping[str, Any], grant_id: str) -> None:
    key = ctx.need(Key)
    table = ctx.table(Grant)
    grant = table.get(key.id, grant_id)
    if grant is None:
        raise Fault("NotFoundException", f"Grant ID {grant_id} not found")
    using.dry(req)
    table.drop(grant)
    ctx.target_table(Key).put(regranted(ctx, key, removed=grant.id))
