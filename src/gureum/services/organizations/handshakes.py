"""Invitations: an account comes into the organization when it agrees.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_invites.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.organizations import feature_sets, joining, names, standing
from gureum.services.organizations.faults import denied, handshake_constraint, invalid
from gureum.services.organizations.operations import acting_on, ops
from gureum.services.organizations.records import Account, Handshake, HandshakeState, Organization

if TYPE_CHECKING:
    from gureum.api import organizations as api

_INVITATION_SECONDS = 15 * 86400.0


@ops.on()
def invite_account_to_organization(
    ctx: Context, req: api.InviteAccountToOrganizationRequest
) -> api.InviteAccountToOrganizationResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_InviteAccountToOrganization.html"""
    organization = standing.management(ctx)
    account, email = _invited(ctx, req["Target"])
    known = ctx.table(Account).get(account)
    if known is not None and known.organization:
        raise handshake_constraint(
            "ALREADY_IN_AN_ORGANIZATION",
            "The handshake request is invalid because the invited account is already a member of an "
            "organization.",
        )
    if feature_sets.changing(ctx, organization) is not None:
        raise handshake_constraint(
            "INVITE_DISABLED_DURING_ENABLE_ALL_FEATURES",
            "You can't issue new invitations to join an organization while it's in the process of enabling all "
            "features.",
        )
    for handshake in ctx.table(Handshake).find("account", account):
        if handshake.organization == organization.id and is_open(ctx, handshake):
            raise Fault(
                "DuplicateHandshakeException",
                "An invitation to this account is already open. Cancel it before you send another.",
            )
    made = ctx.table(Handshake).add(
        Handshake(
            id=names.handshake_id(),
            organization=organization.id,
            management=organization.management,
            action="INVITE",
            account=account,
            email=email,
            notes=req.get("Notes") or "",
            requested=ctx.now,
            expires=ctx.now + _INVITATION_SECONDS,
            tags=names.read_tags(req.get("Tags")),
        )
    )
    return {"Handshake": show(ctx, made)}


def _invited(ctx: Context, target: api.HandshakeParty) -> tuple[str, str]:
    """The account that a party names, and its address where it is named by that."""
    kind, value = target["Type"], target["Id"]
    if kind == "ACCOUNT":
        if not (len(value) == 12 and value.isdigit()):
            raise invalid(
                "INVALID_PATTERN_TARGET_ID",
                "You specified a policy target ID that doesn't match the pattern.",
            )
        return value, ""
    if kind == "EMAIL":
        names.check_email(value)
        found = next(ctx.table(Account).find("email", value.lower()), None)
        if found is None:
            raise invalid(
                "INVALID_EMAIL_ADDRESS_TARGET",
                "You specified an invalid email address for the target account.",
            )
        return found.id, value
    raise invalid("INVALID_PARTY_TYPE_TARGET", "You specified the wrong type of entity as a party.")


@ops.on(targets=acting_on("AcceptHandshake", "HandshakeId"))
def accept_handshake(ctx: Context, req: api.AcceptHandshakeRequest) -> api.AcceptHandshakeResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_AcceptHandshake.html"""
    handshake = _mine(ctx, req["HandshakeId"], "ACCEPTED")
    if handshake.action == "INVITE":
        _enter(ctx, handshake)
    else:
        feature_sets.agree(ctx, handshake)
    return {"Handshake": _close(ctx, handshake, "ACCEPTED")}


@ops.on(targets=acting_on("DeclineHandshake", "HandshakeId"))
def decline_handshake(ctx: Context, req: api.DeclineHandshakeRequest) -> api.DeclineHandshakeResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeclineHandshake.html"""
    handshake = _mine(ctx, req["HandshakeId"], "DECLINED")
    return {"Handshake": _close(ctx, handshake, "DECLINED")}


@ops.on(targets=acting_on("CancelHandshake", "HandshakeId"))
def cancel_handshake(ctx: Context, req: api.CancelHandshakeRequest) -> api.CancelHandshakeResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CancelHandshake.html"""
    handshake = ctx.table(Handshake).need(req["HandshakeId"])
    if handshake.management != ctx.account:
        raise denied()
    _check_open(ctx, handshake, "CANCELED")
    feature_sets.call_off(ctx, handshake)
    return {"Handshake": _close(ctx, handshake, "CANCELED")}


@ops.on(targets=acting_on("DescribeHandshake", "HandshakeId"))
def describe_handshake(ctx: Context, req: api.DescribeHandshakeRequest) -> api.DescribeHandshakeResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeHandshake.html"""
    handshake = ctx.table(Handshake).need(req["HandshakeId"])
    if ctx.account not in (handshake.management, handshake.account):
        raise denied()
    return {"Handshake": show(ctx, handshake)}


@ops.on()
def list_handshakes_for_account(
    ctx: Context, req: api.ListHandshakesForAccountRequest
) -> api.ListHandshakesForAccountResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListHandshakesForAccount.html"""
    found = ctx.page(req, 20).table(
        ctx.table(Handshake),
        lambda one: show(ctx, one),
        index=("account", ctx.account),
        where=_filter(req.get("Filter")),
    )
    return cast("api.ListHandshakesForAccountResponse", found)


@ops.on()
def list_handshakes_for_organization(
    ctx: Context, req: api.ListHandshakesForOrganizationRequest
) -> api.ListHandshakesForOrganizationResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListHandshakesForOrganization.html"""
    organization = standing.administration(ctx)
    found = ctx.page(req, 20).table(
        ctx.table(Handshake),
        lambda one: show(ctx, one),
        index=("organization", organization.id),
        where=_filter(req.get("Filter")),
    )
    return cast("api.ListHandshakesForOrganizationResponse", found)


def _filter(wanted: api.HandshakeFilter | None) -> Callable[[Handshake], bool]:
    action, parent = (wanted or {}).get("ActionType"), (wanted or {}).get("ParentHandshakeId")
    return lambda one: (not action or one.action == action) and (not parent or one.parent == parent)


def _mine(ctx: Context, identifier: str, becoming: HandshakeState) -> Handshake:
    """An open handshake that waits for the caller's account."""
    handshake = ctx.table(Handshake).need(identifier)
    if handshake.account != ctx.account:
        raise denied()
    _check_open(ctx, handshake, becoming)
    return handshake


def _check_open(ctx: Context, handshake: Handshake, becoming: HandshakeState) -> None:
    now = state(ctx, handshake)
    if now == becoming:
        raise Fault(
            "HandshakeAlreadyInStateException", "The specified handshake is already in the requested state."
        )
    if now not in ("REQUESTED", "OPEN"):
        raise Fault(
            "InvalidHandshakeTransitionException",
            f"You can't perform the operation on the handshake in its current state: {now}.",
        )


def _enter(ctx: Context, handshake: Handshake) -> None:
    """The invited account becomes a member."""
    organization = ctx.table(Organization).need(handshake.organization)
    known = ctx.table(Account).get(ctx.account)
    if known is not None and known.organization:
        raise handshake_constraint(
            "ALREADY_IN_AN_ORGANIZATION",
            "The handshake request is invalid because the invited account is already a member of an "
            "organization.",
        )
    account = known or Account(
        id=ctx.account, email=names.default_email(ctx.account), name=f"Account {ctx.account}"
    )
    joining.join(ctx, organization, replace(account, joined_method="INVITED"), handshake.tags)


def _close(ctx: Context, handshake: Handshake, becoming: HandshakeState) -> api.Handshake:
    return show(ctx, ctx.table(Handshake).put(replace(handshake, state=becoming)))


def is_open(ctx: Context, handshake: Handshake) -> bool:
    """Whether it can still be agreed to."""
    return state(ctx, handshake) in ("REQUESTED", "OPEN")


def state(ctx: Context, handshake: Handshake) -> HandshakeState:
    """How it stands: one that nobody answered in time is over."""
    waiting = handshake.state in ("REQUESTED", "OPEN")
    return "EXPIRED" if waiting and ctx.now >= handshake.expires else handshake.state


def show(ctx: Context, handshake: Handshake) -> api.Handshake:
    parties: list[api.HandshakeParty] = [{"Id": handshake.organization, "Type": "ORGANIZATION"}]
    if handshake.email:
        parties.append({"Id": handshake.email, "Type": "EMAIL"})
    elif handshake.action != "ENABLE_ALL_FEATURES":
        parties.append({"Id": handshake.account, "Type": "ACCOUNT"})
    return {
        "Id": handshake.id,
        "Arn": ctx.table(Handshake).arn(handshake),
        "Parties": parties,
        "State": state(ctx, handshake),
        "RequestedTimestamp": handshake.requested,
        "ExpirationTimestamp": handshake.expires,
        "Action": handshake.action,
        "Resources": _resources(ctx, handshake),
    }


def _resources(ctx: Context, handshake: Handshake) -> list[api.HandshakeResource]:
    organization = ctx.table(Organization).get(handshake.organization)
    master = ctx.table(Account).get(handshake.management)
    about: list[api.HandshakeResource] = []
    if organization is not None and master is not None:
        about = [
            {"Type": "MASTER_EMAIL", "Value": master.email},
            {"Type": "MASTER_NAME", "Value": master.name},
            {"Type": "ORGANIZATION_FEATURE_SET", "Value": organization.feature_set},
        ]
    shown: list[api.HandshakeResource] = [
        {"Type": "ORGANIZATION", "Value": handshake.organization, "Resources": about}
    ]
    if handshake.action != "ENABLE_ALL_FEATURES":
        shown.append(
            {"Type": "EMAIL", "Value": handshake.email}
            if handshake.email
            else {"Type": "ACCOUNT", "Value": handshake.account}
        )
    if handshake.notes:
        shown.append({"Type": "NOTES", "Value": handshake.notes})
    if handshake.parent:
        shown.append({"Type": "PARENT_HANDSHAKE", "Value": handshake.parent})
    return shown
