"""Who calls, and sessions of roles and users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gureum.kernel.context import Context
from gureum.kernel.operations import Operations

if TYPE_CHECKING:
    from gureum.api import sts as api

ops = Operations("sts", invalid="ValidationError")


@ops.inline
@ops.on()
def get_caller_identity(ctx: Context, req: api.GetCallerIdentityRequest) -> api.GetCallerIdentityResponse:
    """Who calls. https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
    who = ctx.principal
    return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}
