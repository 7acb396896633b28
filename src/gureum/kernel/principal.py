"""Who calls: what a signature proved."""

from __future__ import annotations

from typing import Literal

import msgspec

PrincipalKind = Literal["root", "user", "role", "federated", "service", "anonymous"]


class Principal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The caller of an operation, as STS's GetCallerIdentity and CloudTrail's userIdentity tell it.

    `arn` is the caller's own (a session's for a role), `role_arn` the role behind a session, `name` the user's,
    role's or service's name. `session_policies` are policy documents that narrow a session, `session_policy_arns`
    managed ones. `issued` and `expires` are epoch seconds of a session. `mfa` says that MFA was shown.
    """

    kind: PrincipalKind
    account: str
    arn: str
    user_id: str
    name: str = ""
    access_key: str = ""
    role_arn: str = ""
    session_name: str = ""
    session_policies: tuple[str, ...] = ()
    session_policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive_tag_keys: tuple[str, ...] = ()
    source_identity: str = ""
    federated_provider: str = ""
    federated_claims: dict[str, str] = {}
    issued: float = 0.0
    expires: float = 0.0
    mfa: bool = False
    source_arn: str = ""  # of a service principal: the resource on whose behalf it calls
    source_account: str = ""
    invoked_by: str = ""  # the service through which a user's or role's call comes


ANONYMOUS = Principal(kind="anonymous", account="", arn="*", user_id="ANONYMOUS_PRINCIPAL")


def service_principal(name: str, *, source_arn: str = "", source_account: str = "") -> Principal:
    """An AWS service as a caller: `name` is its host, as in `lambda.amazonaws.com`."""
    return Principal(
        kind="service",
        account=source_account,
        arn=name,
        user_id=name,
        name=name,
        source_arn=source_arn,
        source_account=source_account,
        invoked_by=name,
    )


def root_of(account: str) -> Principal:
    """The root user of an account."""
    return Principal(kind="root", account=account, arn=f"arn:aws:iam::{account}:root", user_id=account)


def assumed_role_arn(account: str, role: str, session: str) -> str:
    """The ARN of a role's session."""
    return f"arn:aws:sts::{account}:assumed-role/{role}/{session}"


def federated_user_arn(account: str, name: str) -> str:
    """The ARN of a GetFederationToken session."""
    return f"arn:aws:sts::{account}:federated-user/{name}"
