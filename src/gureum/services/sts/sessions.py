"""Sessions of users: GetSessionToken and GetFederationToken.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_request.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.operations import Target
from gureum.kernel.principal import Principal, federated_user_arn
from gureum.services.sts import codes, issuing
from gureum.services.sts.operations import ops

if TYPE_CHECKING:
    from gureum.api import sts as api

_HOUR, _HALF_DAY = 3600, 43_200


def _seconds(caller: Principal, req: Mapping[str, Any]) -> int:
    """How long: twelve hours where nothing is said; root's sessions last an hour at most."""
    asked: int = req.get("DurationSeconds", _HALF_DAY)
    return min(asked, _HOUR) if caller.kind == "root" else asked


@ops.public
@ops.on()
def get_session_token(ctx: Context, req: api.GetSessionTokenRequest) -> api.GetSessionTokenResponse:
    """A session of the caller's own. No permission is needed for it, and no policy can forbid it but by Deny.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    """
    caller = ctx.principal
    session = replace(
        caller,
        issued=ctx.now,
        expires=float(int(ctx.now) + _seconds(caller, req)),
        mfa=codes.spend(ctx, req),
    )
    return issuing.hand_out(ctx, session, req, parent=caller.access_key)  # type: ignore[return-value]


def _federated(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    arn = federated_user_arn(account, str(req["Name"]))
    found = [Target("sts:GetFederationToken", arn, account, "", None, "")]
    if req.get("Tags"):
        found.append(Target("sts:TagSession", arn, account, "", None, ""))
    return found


@ops.on(targets=_federated)
def get_federation_token(ctx: Context, req: api.GetFederationTokenRequest) -> api.GetFederationTokenResponse:
    """A session with at most the caller's permissions, and without session policies with none.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    """
    caller, name = ctx.principal, req["Name"]
    policies, arns = issuing.session_policies(ctx, req)
    session = Principal(
        kind="federated",
        account=caller.account,
        arn=federated_user_arn(caller.account, name),
        user_id=f"{caller.account}:{name}",
        name=name,
        role_arn=caller.arn,
        session_name=name,
        session_policies=policies,
        session_policy_arns=arns,
        tags=issuing.read_tags(req),
        issued=ctx.now,
        expires=float(int(ctx.now) + _seconds(caller, req)),
    )
    answer = issuing.hand_out(ctx, session, req, parent=caller.access_key)
    answer["FederatedUser"] = {"FederatedUserId": session.user_id, "Arn": session.arn}
    return answer  # type: ignore[return-value]
