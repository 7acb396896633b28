"""Accounts of the organization: asked for, shown, moved, removed, closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.organizations import names, roots, standing, tree
from gureum.services.organizations.faults import constraint
from gureum.services.organizations.operations import acting_on, ops
from gureum.services.organizations.records import Account, AccountRequest, Delegation, Organization

if TYPE_CHECKING:
    from gureum.api import organizations as api

_ROLE = "OrganizationAccountAccessRole"
_SOURCE_MISSING = (
    "SourceParentNotFoundException",
    "You specified a source parent that doesn't exist.",
)
_DESTINATION_MISSING = (
    "DestinationParentNotFoundException",
    "You specified a destination parent that doesn't exist.",
)


@ops.on()
def create_account(ctx: Context, req: api.CreateAccountRequest) -> api.CreateAccountResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreateAccount.html

    The account is made afterwards (see `joining`); what is returned is the request's state.
    """
    organization = standing.management(ctx)
    names.check_email(req["Email"])
    role = req.get("RoleName") or _ROLE
    names.check_role(role)
    request = AccountRequest(
        id=names.request_id(),
        organization=organization.id,
        management=organization.management,
        name=req["AccountName"],
        email=req["Email"],
        role=role,
        account=names.account_id(),
        requested=ctx.now,
        tags=names.read_tags(req.get("Tags")),
    )
    ctx.table(AccountRequest).add(request)
    return {"CreateAccountStatus": show_request(request)}


@ops.on(targets=acting_on("DescribeCreateAccountStatus"))
def describe_create_account_status(
    ctx: Context, req: api.DescribeCreateAccountStatusRequest
) -> api.DescribeCreateAccountStatusResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeCreateAccountStatus.html"""
    organization = standing.administration(ctx)
    table = ctx.table(AccountRequest)
    request = table.need(req["CreateAccountRequestId"])
    if request.organization != organization.id:
        raise table.missing(request.id)
    return {"CreateAccountStatus": show_request(request)}


@ops.on()
def list_create_account_status(
    ctx: Context, req: api.ListCreateAccountStatusRequest
) -> api.ListCreateAccountStatusResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListCreateAccountStatus.html"""
    organization = standing.administration(ctx)
    states = req.get("States")
    found = ctx.page(req, 20).table(
        ctx.table(AccountRequest),
        show_request,
        index=("organization", organization.id),
        where=lambda request: not states or request.state in states,
    )
    return cast("api.ListCreateAccountStatusResponse", found)


@ops.on(targets=acting_on("DescribeAccount", "AccountId"))
def describe_account(ctx: Context, req: api.DescribeAccountRequest) -> api.DescribeAccountResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeAccount.html"""
    organization = standing.administration(ctx)
    return {"Account": show(ctx, tree.member(ctx, organization, req["AccountId"]))}


@ops.on()
def list_accounts(ctx: Context, req: api.ListAccountsRequest) -> api.ListAccountsResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html"""
    organization = standing.administration(ctx)
    found = ctx.page(req, 20).table(
        ctx.table(Account), lambda one: show(ctx, one), index=("organization", organization.id)
    )
    return cast("api.ListAccountsResponse", found)


@ops.on(targets=acting_on("ListAccountsForParent", "ParentId"))
def list_accounts_for_parent(
    ctx: Context, req: api.ListAccountsForParentRequest
) -> api.ListAccountsForParentResponse:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccountsForParent.html"""
    organization = standing.administration(ctx)
    parent = tree.parent_of(ctx, organization, req["ParentId"])
    found = ctx.page(req, 20).table(
        ctx.table(Account), lambda one: show(ctx, one), index=("parent", parent.id)
    )
    return cast("api.ListAccountsForParentResponse", found)


@ops.on(targets=acting_on("MoveAccount", "AccountId", "SourceParentId", "DestinationParentId"))
def move_account(ctx: Context, req: api.MoveAccountRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_MoveAccount.html"""
    organization = standing.administration(ctx)
    account = tree.member(ctx, organization, req["AccountId"])
    source = tree.entity(ctx, organization, req["SourceParentId"], _SOURCE_MISSING)
    destination = tree.entity(ctx, organization, req["DestinationParentId"], _DESTINATION_MISSING)
    if account.parent == destination.id:
        raise Fault(
            "DuplicateAccountException", "That account is already present in the specified destination."
        )
    if account.parent != source.id:
        raise ctx.table(Account).missing(account.id)
    ctx.table(Account).put(replace(account, parent=destination.id))


@ops.on(targets=acting_on("RemoveAccountFromOrganization", "AccountId"))
def remove_account_from_organization(ctx: Context, req: api.RemoveAccountFromOrganizationRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_RemoveAccountFromOrganization.html"""
    organization = standing.management(ctx)
    account = tree.member(ctx, organization, req["AccountId"])
    if account.id == organization.management:
        raise Fault(
            "MasterCannotLeaveOrganizationException",
            "You can't remove a management account from an organization.",
        )
    part(ctx, organization, account)


@ops.on()
def leave_organization(ctx: Context, req: object) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_LeaveOrganization.html"""
    organization, account = standing.membership(ctx)
    if account.id == organization.management:
        raise Fault(
            "MasterCannotLeaveOrganizationException",
            "You can't remove a management account from an organization.",
        )
    part(ctx, organization, account)


@ops.on(targets=acting_on("CloseAccount", "AccountId"))
def close_account(ctx: Context, req: api.CloseAccountRequest) -> None:
    """https://docs.aws.amazon.com/organizations/latest/APIReference/API_CloseAccount.html

    From then on nobody of the account is let through the door (see `memberships`).
    """
    organization = standing.management(ctx)
    account = tree.member(ctx, organization, req["AccountId"])
    if account.id == organization.management:
        raise constraint(
            "CANNOT_CLOSE_MANAGEMENT_ACCOUNT", "You can't close the management account of an organization."
        )
    if account.status != "ACTIVE":
        raise Fault("AccountAlreadyClosedException", "The provided account is already closed.")
    for delegation in list(ctx.table(Delegation).find("account", account.id)):
        ctx.table(Delegation).drop(delegation)
    ctx.table(Account).put(replace(account, status="SUSPENDED"))


def part(ctx: Context, organization: Organization, account: Account) -> None:
    """The account stands alone again. Fault: ConstraintViolationException for an administrator of a service."""
    if next(ctx.table(Delegation).find("account", account.id), None) is not None:
        raise constraint(
            "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG",
            "You can't remove a registered delegated administrator from an organization. Deregister it first.",
        )
    table = ctx.table(Account)
    roots.detach_all(ctx, account.id)
    standing.tags_of(ctx, organization).forget(table.arn(account))
    table.put(Account(id=account.id, email=account.email, name=account.name, status=account.status))


def show(ctx: Context, account: Account) -> api.Account:
    return {
        "Id": account.id,
        "Arn": ctx.table(Account).arn(account),
        "Email": account.email,
        "Name": account.name,
        "Status": account.status,
        "State": account.status,
        "Paths": [tree.path(ctx, account)],
        "JoinedMethod": account.joined_method,
        "JoinedTimestamp": account.joined,
    }


def show_request(request: AccountRequest) -> api.CreateAccountStatus:
    shown: api.CreateAccountStatus = {
        "Id": request.id,
        "AccountName": request.name,
        "State": request.state,
        "RequestedTimestamp": request.requested,
    }
    if request.state != "IN_PROGRESS":
        shown["CompletedTimestamp"] = request.completed
    if request.state == "SUCCEEDED":
        shown["AccountId"] = request.account
    if request.failure:
        shown["FailureReason"] = cast("api.CreateAccountFailureReason", request.failure)
    return shown
