"""What is known of an account itself: what the organization that it is in says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import root_of
from gureum.services.account import standing
from gureum.services.account.operations import on_account, ops

if TYPE_CHECKING:
    from gureum.api import account as api


@ops.on(targets=on_account("GetAccountInformation"))
def get_account_information(
    ctx: Context, req: api.GetAccountInformationRequest
) -> api.GetAccountInformationResponse:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_GetAccountInformation.html

    An account that is in no organization has no name here, and nobody wrote down when it was made.
    """
    account = standing.account(ctx, req.get("AccountId"))
    shown: api.GetAccountInformationResponse = {"AccountId": account, "AccountState": "ACTIVE"}
    try:
        own = ctx.aws.as_(root_of(account), "us-east-1").organizations
        management = own.describe_organization()["Organization"]["MasterAccountId"]
        asked = ctx.aws.as_(root_of(management), "us-east-1").organizations
        known = asked.describe_account(AccountId=account)["Account"]
    except Fault as fault:
        if fault.code not in {"AWSOrganizationsNotInUseException", "NotImplemented"}:
            raise
        return shown
    shown |= {"AccountName": known["Name"], "AccountState": known["State"]}
    if known["JoinedMethod"] == "CREATED":
        shown["AccountCreatedDate"] = known["JoinedTimestamp"]
    return shown
