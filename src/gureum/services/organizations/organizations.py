"""The organization itself: founded, shown, dissolved."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.organizations import names, standing
from gureum.services.organizations.operations import ops
from gureum.services.organizations.records import (
    Account,
    AccountRequest,
    Attachment,
    Delegation,
    Handshake,
    Organization,
    OrganizationalUnit,
    Policy,
    ResourcePolicy,
    Root,
    ServiceAccess,
)

if TYPE_CHECKING:
    from gureum.api import organizations as api


@ops.on()
def create_organization(ctx: Context, req: api.CreateOrganizationRequest) -> api.CreateOrganizationResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateOrganization.html"""
    known = ctx.table(Account).get(ctx.account)
    if known is not None and known.organization:
        raise Fault(
            "AlreadyInOrganizationException", "The provided account is already a member of an organization."
        )
    root = Root(id=names.root_id(), organization=names.organization_id(), management=ctx.account)
    organization = Organization(
        id=root.organization,
        management=ctx.account,
        root=root.id,
        feature_set=req.get("FeatureSet") or "ALL",
        created=ctx.now,
    )
    ctx.table(Organization).add(organization)
    ctx.table(Root).add(root)
    ctx.table(Account).put(
        Account(
            id=ctx.account,
            email=known.email if known else names.default_email(ctx.account),
            name=known.name if known else "Management account",
            organization=organization.id,
            management=ctx.account,
            parent=root.id,
            joined=ctx.now,
        )
    )
    return {"Organization": show(ctx, organization)}


@ops.on()
def describe_organization(ctx: Context, req: object) -> api.DescribeOrganizationResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html"""
    organization, _ = standing.membership(ctx)
    return {"Organization": show(ctx, organization)}


@ops.on()
def delete_organization(ctx: Context, req: object) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeleteOrganization.html"""
    organization = standing.management(ctx)
    accounts = list(ctx.table(Account).find("organization", organization.id))
    making = ctx.table(AccountRequest).find("organization", organization.id)
    if len(accounts) > 1 or any(request.state == "IN_PROGRESS" for request in making):
        raise Fault(
            "OrganizationNotEmptyException",
            "To delete an organization you must first remove all member accounts (except the master).",
        )
    _dissolve(ctx, organization)
    ctx.table(Organization).drop(organization)
    (mine,) = accounts
    ctx.table(Account).put(Account(id=mine.id, email=mine.email, name=mine.name, status=mine.status))


def _dissolve(ctx: Context, organization: Organization) -> None:
    """Drop all that belongs to the organization, and the tags on it."""
    tags = standing.tags_of(ctx, organization)
    roots, units, policies = ctx.table(Root), ctx.table(OrganizationalUnit), ctx.table(Policy)
    root = roots.need(organization.root)
    tags.forget(roots.arn(root))
    roots.drop(root)
    targets = [root.id, organization.management]
    for unit in list(units.find("organization", organization.id)):
        targets.append(unit.id)
        tags.forget(units.arn(unit))
        units.drop(unit)
    for policy in list(policies.find("organization", organization.id)):
        tags.forget(policies.arn(policy))
        policies.drop(policy)
    for target in targets:
        for attachment in list(ctx.table(Attachment).find("target", target)):
            ctx.table(Attachment).drop(attachment)
    for record in (ServiceAccess, Delegation, Handshake, AccountRequest):
        table = ctx.table(record)
        for one in list(table.find("organization", organization.id)):
            table.drop(one)
    if (delegation := ctx.table(ResourcePolicy).get(organization.id)) is not None:
        tags.forget(ctx.table(ResourcePolicy).arn(delegation))
        ctx.table(ResourcePolicy).drop(delegation)


def show(ctx: Context, organization: Organization) -> api.Organization:
    """An organization as AWS shows it. The list of policy types is the old one, which tells of SCPs alone."""
    master = ctx.table(Account).need(organization.management)
    shown: api.Organization = {
        "Id": organization.id,
        "Arn": ctx.table(Organization).arn(organization),
        "FeatureSet": organization.feature_set,
        "MasterAccountArn": ctx.table(Account).arn(master),
        "MasterAccountId": master.id,
        "MasterAccountEmail": master.email,
        "AvailablePolicyTypes": [],
    }
    if organization.feature_set == "ALL":
        shown["AvailablePolicyTypes"] = [{"Type": "SERVICE_CONTROL_POLICY", "Status": "ENABLED"}]
    return shown
