"""The primary contact and the alternate ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gureum.kernel.context import Context
from gureum.services.account import standing
from gureum.services.account.operations import on_account, ops
from gureum.services.account.records import AlternateContact, ContactInformation

if TYPE_CHECKING:
    from gureum.api import account as api


@ops.on(targets=on_account("PutAlternateContact"))
def put_alternate_contact(ctx: Context, req: api.PutAlternateContactRequest) -> None:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_PutAlternateContact.html"""
    account = standing.account(ctx, req.get("AccountId"))
    ctx.table(AlternateContact, account=account).put(
        AlternateContact(
            type=req["AlternateContactType"],
            name=req["Name"],
            title=req["Title"],
            email=req["EmailAddress"],
            phone=req["PhoneNumber"],
        )
    )


@ops.on(targets=on_account("GetAlternateContact"))
def get_alternate_contact(
    ctx: Context, req: api.GetAlternateContactRequest
) -> api.GetAlternateContactResponse:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_GetAlternateContact.html"""
    account = standing.account(ctx, req.get("AccountId"))
    held = ctx.table(AlternateContact, account=account).need(req["AlternateContactType"])
    return {
        "AlternateContact": {
            "AlternateContactType": held.type,
            "Name": held.name,
            "Title": held.title,
            "EmailAddress": held.email,
            "PhoneNumber": held.phone,
        }
    }


@ops.on(targets=on_account("DeleteAlternateContact"))
def delete_alternate_contact(ctx: Context, req: api.DeleteAlternateContactRequest) -> None:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_DeleteAlternateContact.html"""
    table = ctx.table(AlternateContact, account=standing.account(ctx, req.get("AccountId")))
    table.drop(table.need(req["AlternateContactType"]))


@ops.on(targets=on_account("PutContactInformation"))
def put_contact_information(ctx: Context, req: api.PutContactInformationRequest) -> None:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_PutContactInformation.html"""
    account = standing.account(ctx, req.get("AccountId"))
    members = cast("dict[str, str]", dict(req["ContactInformation"]))
    ctx.table(ContactInformation, account=account).put(ContactInformation(members=members))


@ops.on(targets=on_account("GetContactInformation"))
def get_contact_information(
    ctx: Context, req: api.GetContactInformationRequest
) -> api.GetContactInformationResponse:
    """https://docs.aws.amazon.com/accounts/latest/reference/API_GetContactInformation.html"""
    account = standing.account(ctx, req.get("AccountId"))
    held = ctx.table(ContactInformation, account=account).need("primary")
    return {"ContactInformation": cast("api.ContactInformation", held.members)}
