"""Services that may work across the organization, and member accounts that administer them.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gureum.kernel.context import Context
from gureum.kernel.operations import spell
from gureum.services.organizations import accounts, standing, tree
from gureum.services.organizations.faults import constraint, invalid
from gureum.services.organizations.operations import acting_on, ops
from gureum.services.organizations.records import Account, Delegation, Organization, ServiceAccess

if TYPE_CHECKING:
    from gureum.api import organizations as api

spell("EnableAWSServiceAccess", "DisableAWSServiceAccess", "ListAWSServiceAccessForOrganization")


@ops.on()
def enable_aws_service_access(ctx: Context, req: api.EnableAWSServiceAccessRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_EnableAWSServiceAccess.html"""
    organization = standing.management(ctx)
    name = _service(req["ServicePrincipal"])
    if organization.feature_set != "ALL":
        raise constraint(
            "ORGANIZATION_NOT_IN_ALL_FEATURES_MODE",
            "You attempted to perform an operation that requires the organization to be configured to support "
            "all features.",
        )
    table = ctx.table(ServiceAccess)
    if table.get(organization.id, name) is None:
        table.add(
            ServiceAccess(
                organization=organization.id,
                service_principal=name,
                management=organization.management,
                since=ctx.now,
            )
        )


@ops.on()
def disable_aws_service_access(ctx: Context, req: api.DisableAWSServiceAccessRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DisableAWSServiceAccess.html"""
    organization = standing.management(ctx)
    table = ctx.table(ServiceAccess)
    if (access := table.get(organization.id, _service(req["ServicePrincipal"]))) is not None:
        table.drop(access)


@ops.on()
def list_aws_service_access_for_organization(
    ctx: Context, req: api.ListAWSServiceAccessForOrganizationRequest
) -> api.ListAWSServiceAccessForOrganizationResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAWSServiceAccessForOrganization.html"""
    organization = standing.administration(ctx)
    found = ctx.page(req, 20).table(
        ctx.table(ServiceAccess),
        lambda one: {"ServicePrincipal": one.service_principal, "DateEnabled": one.since},
        index=("organization", organization.id),
    )
    return cast("api.ListAWSServiceAccessForOrganizationResponse", found)


@ops.on(targets=acting_on("RegisterDelegatedAdministrator", "AccountId"))
def register_delegated_administrator(ctx: Context, req: api.RegisterDelegatedAdministratorRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_RegisterDelegatedAdministrator.html"""
    organization = standing.management(ctx)
    account, name = tree.member(ctx, organization, req["AccountId"]), _service(req["ServicePrincipal"])
    if account.id == organization.management:
        raise constraint(
            "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register master account/yourself as delegated administrator for your organization.",
        )
    if account.status != "ACTIVE":
        raise constraint(
            "CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR",
            "You cannot register a suspended account as a delegated administrator.",
        )
    if ctx.table(ServiceAccess).get(organization.id, name) is None:
        raise constraint(
            "SERVICE_ACCESS_NOT_ENABLED",
            "You must enable service access before you register a delegated administrator.",
        )
    ctx.table(Delegation).add(
        Delegation(
            account=account.id,
            service_principal=name,
            organization=organization.id,
            management=organization.management,
            since=ctx.now,
        )
    )


@ops.on(targets=acting_on("DeregisterDelegatedAdministrator", "AccountId"))
def deregister_delegated_administrator(
    ctx: Context, req: api.DeregisterDelegatedAdministratorRequest
) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DeregisterDelegatedAdministrator.html"""
    organization = standing.management(ctx)
    account = tree.member(ctx, organization, req["AccountId"])
    table = ctx.table(Delegation)
    table.drop(table.need(account.id, _service(req["ServicePrincipal"])))


@ops.on()
def list_delegated_administrators(
    ctx: Context, req: api.ListDelegatedAdministratorsRequest
) -> api.ListDelegatedAdministratorsResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedAdministrators.html"""
    organization = standing.administration(ctx)
    name = req.get("ServicePrincipal")
    since: dict[str, float] = {}
    for one in ctx.table(Delegation).find("organization", organization.id):
        if not name or one.service_principal == _service(name):
            since[one.account] = min(one.since, since.get(one.account, one.since))
    found = ctx.page(req, 20).items(
        [ctx.table(Account).need(account) for account in since],
        lambda account: account.id,
        lambda account: _show(ctx, account, since[account.id]),
    )
    return cast("api.ListDelegatedAdministratorsResponse", found)


@ops.on(targets=acting_on("ListDelegatedServicesForAccount", "AccountId"))
def list_delegated_services_for_account(
    ctx: Context, req: api.ListDelegatedServicesForAccountRequest
) -> api.ListDelegatedServicesForAccountResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListDelegatedServicesForAccount.html"""
    organization: Organization = standing.administration(ctx)
    account = tree.member(ctx, organization, req["AccountId"])
    if next(ctx.table(Delegation).find("account", account.id), None) is None:
        raise ctx.table(Delegation).missing(account.id)
    found = ctx.page(req, 20).table(
        ctx.table(Delegation),
        lambda one: {"ServicePrincipal": one.service_principal, "DelegationEnabledDate": one.since},
        index=("account", account.id),
    )
    return cast("api.ListDelegatedServicesForAccountResponse", found)


def _service(name: str) -> str:
    """A service's name. Fault: InvalidInputException for what is none."""
    if not name.endswith(".amazonaws.com") or len(name) == len(".amazonaws.com"):
        raise invalid("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal.")
    return name


def _show(ctx: Context, account: Account, since: float) -> api.DelegatedAdministrator:
    shown = accounts.show(ctx, account)
    shown.pop("Paths")
    return cast("api.DelegatedAdministrator", {**shown, "DelegationEnabledDate": since})
