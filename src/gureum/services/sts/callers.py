"""Who calls, and what keys and refusals tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gureum.kernel import refusals
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import rules
from gureum.services.iam.records import AccessKey
from gureum.services.sts.operations import ops

if TYPE_CHECKING:
    from gureum.api import sts as api


@ops.inline
@ops.public
@ops.on()
def get_caller_identity(ctx: Context, req: api.GetCallerIdentityRequest) -> api.GetCallerIdentityResponse:
    """Who calls. Everybody may ask, whatever policies say.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    who = ctx.principal
    return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}


@ops.on()
def get_access_key_info(ctx: Context, req: api.GetAccessKeyInfoRequest) -> api.GetAccessKeyInfoResponse:
    """The account of a key, which the key's id itself tells. It says nothing of whether the key is there."""
    name = req["AccessKeyId"]
    key = ctx.table(AccessKey).get(name)
    account = key.owner_account if key is not None else ""
    if not account and name[:4] in {"AKIA", "ASIA"}:
        account = rules.account_of_key(name)
    if not account:
        raise Fault("ValidationError", f"Invalid value for parameter AccessKeyId: {name}")
    return {"Account": account}


@ops.on()
def decode_authorization_message(
    ctx: Context, req: api.DecodeAuthorizationMessageRequest
) -> api.DecodeAuthorizationMessageResponse:
    """What a refusal of EC2 says in its sealed part."""
    try:
        return {"DecodedMessage": refusals.decode(ctx.home.seal, req["EncodedMessage"])}
    except ValueError:
        raise Fault("InvalidAuthorizationMessageException", "Invalid message provided") from None
