"""STS at the front door: its operations, and which sessions may call which."""

from __future__ import annotations

from typing import Any

from gureum.kernel.faults import Fault
from gureum.kernel.operations import Handler, Operations
from gureum.kernel.principal import Principal

ops = Operations(
    "sts",
    invalid="ValidationError",
    hidden=frozenset(
        {
            "SecretAccessKey",
            "SessionToken",
            "TokenCode",
            "WebIdentityToken",
            "SAMLAssertion",
            "EncodedMessage",
        }
    ),
)

_UNSIGNED = frozenset(("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML"))
_SESSIONS_OF_USERS = frozenset(("AssumeRole", "GetCallerIdentity"))


def _meet(principal: Principal, handler: Handler, request: dict[str, Any]) -> None:
    """Turn away sessions that may not call this.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_sts-comparison.html
    """
    if principal.kind == "anonymous" and handler.operation not in _UNSIGNED:
        raise Fault("MissingAuthenticationToken", "Request is missing Authentication Token", status=403)
    if not principal.expires or handler.operation in {"GetCallerIdentity", *_UNSIGNED}:
        return
    if handler.operation in {"GetSessionToken", "GetFederationToken"}:
        raise Fault("AccessDenied", f"Cannot call {handler.operation} with session credentials", status=403)
    if principal.kind == "federated" or (
        principal.kind in {"user", "root"} and handler.operation not in _SESSIONS_OF_USERS
    ):
        raise Fault("AccessDenied", f"Cannot call {handler.operation} with session credentials", status=403)


ops.meet = _meet
