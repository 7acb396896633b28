"""Which account a call is about: the caller's, or a member of its organization.

https://docs.aws.amazon.com/accounts/latest/reference/using-orgs.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import root_of

_HOME = "us-east-1"
_SERVICE = "account.amazonaws.com"
_STANDALONE = (
    "The management account can only be managed using the standalone context from the management account."
)
_NO_TRUST = "Your organization must first enable trusted access with AWS Account Management."


def account(ctx: Context, named: str | None) -> str:
    """The account that a call is about.

    Another than the caller's may be named by the organization's management account and by the service's delegated
    administrator, where the organization trusts the service. Fault: AccessDeniedException.
    """
    if not named:
        return ctx.account
    # What Organizations says of its own members is asked with the account's own rights, not the caller's.
    organizations = ctx.aws.as_(root_of(ctx.account), _HOME).organizations
    try:
        management = organizations.describe_organization()["Organization"]["MasterAccountId"]
    except Fault:
        raise _denied(ctx, "") from None
    if named == management:
        raise _denied(ctx, _STANDALONE if ctx.account == management else "")
    if named == ctx.account:
        return named
    asked = ctx.aws.as_(root_of(management), _HOME).organizations
    trusted = _all(asked.list_aws_service_access_for_organization, "EnabledServicePrincipals")
    if _SERVICE not in {one["ServicePrincipal"] for one in trusted}:
        raise _denied(ctx, _NO_TRUST)
    if ctx.account != management:
        delegates = _all(
            asked.list_delegated_administrators, "DelegatedAdministrators", ServicePrincipal=_SERVICE
        )
        if ctx.account not in {one["Id"] for one in delegates}:
            raise _denied(ctx, "")
    try:
        asked.describe_account(AccountId=named)
    except Fault:
        raise _denied(ctx, "") from None
    return named


def _all(call: Callable[..., dict[str, Any]], result: str, **params: str) -> Iterator[dict[str, Any]]:
    token: dict[str, str] = {}
    while True:
        answer = call(**params, **token)
        yield from answer[result]
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


def _denied(ctx: Context, why: str) -> Fault:
    because = f" ({why})" if why else ""
    return Fault(
        "AccessDeniedException",
        f"User: {ctx.principal.arn} is not authorized to perform: account:{ctx.operation}{because}",
        status=403,
    )
