"""From consolidated billing to all features: every invited account agrees, then the management account.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_org_support-all-features.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.services.organizations import handshakes, names, standing
from gureum.services.organizations.faults import handshake_constraint
from gureum.services.organizations.operations import ops
from gureum.services.organizations.records import Account, Handshake, Organization

if TYPE_CHECKING:
    from gureum.api import organizations as api

_SECONDS = 90 * 86400.0


@ops.on()
def enable_all_features(ctx: Context, req: object) -> api.EnableAllFeaturesResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAllFeatures.html"""
    organization = standing.management(ctx)
    if organization.feature_set == "ALL":
        raise handshake_constraint(
            "ORGANIZATION_ALREADY_HAS_ALL_FEATURES",
            "The handshake request is invalid because the organization has already enabled all features.",
        )
    if changing(ctx, organization) is not None:
        raise handshake_constraint(
            "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION",
            "The handshake request is invalid because the organization already has a request to enable all "
            "features in progress.",
        )
    whole = _ask(ctx, organization, organization.management)
    for account in ctx.table(Account).find("organization", organization.id):
        if account.joined_method == "INVITED" and account.id != organization.management:
            _ask(ctx, organization, account.id, whole.id)
    return {"Handshake": handshakes.show(ctx, whole)}


def _ask(ctx: Context, organization: Organization, account: str, parent: str = "") -> Handshake:
    return ctx.table(Handshake).add(
        Handshake(
            id=names.handshake_id(),
            organization=organization.id,
            management=organization.management,
            action="APPROVE_ALL_FEATURES" if parent else "ENABLE_ALL_FEATURES",
            account=account,
            requested=ctx.now,
            expires=ctx.now + _SECONDS,
            state="OPEN" if parent else "REQUESTED",
            parent=parent,
        )
    )


def changing(ctx: Context, organization: Organization) -> Handshake | None:
    """The request to enable all features that is under way, if any."""
    for handshake in ctx.table(Handshake).find("organization", organization.id):
        if handshake.action == "ENABLE_ALL_FEATURES" and handshakes.is_open(ctx, handshake):
            return handshake
    return None


def agree(ctx: Context, handshake: Handshake) -> None:
    """The last step makes it so. Fault: HandshakeConstraintViolationException while an account has not agreed."""
    if handshake.action != "ENABLE_ALL_FEATURES":
        return
    members = ctx.table(Account)
    for one in ctx.table(Handshake).find("organization", handshake.organization):
        if one.parent == handshake.id and one.state != "ACCEPTED":
            member = members.get(one.account)
            if member is not None and member.organization == handshake.organization:
                raise handshake_constraint(
                    "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION",
                    "All invited accounts must approve the change before you can finalize it.",
                )
    organizations = ctx.table(Organization)
    organizations.put(replace(organizations.need(handshake.organization), feature_set="ALL"))


def call_off(ctx: Context, handshake: Handshake) -> None:
    """With the whole request those to the accounts are cancelled."""
    if handshake.action != "ENABLE_ALL_FEATURES":
        return
    table = ctx.table(Handshake)
    for one in list(table.find("organization", handshake.organization)):
        if one.parent == handshake.id and handshakes.is_open(ctx, one):
            table.put(replace(one, state="CANCELED"))
