"""Who asks, and whom a Principal or NotPrincipal element means.

Sources: IAM User Guide, "AWS JSON policy elements: Principal", "... NotPrincipal", and "How AWS enforcement
code logic evaluates requests" (what naming a role, its session or its account grants).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

Kind = Literal["user", "root", "session", "federated-user", "service", "identity-provider", "anonymous"]

_TYPES: dict[Kind, str] = {
    "user": "User",
    "root": "Account",
    "session": "AssumedRole",
    "federated-user": "FederatedUser",
    "anonymous": "Anonymous",
}


@dataclass(slots=True, eq=False)
class Principal:
    """The one who asks. Build it once per credential and keep it: deriving its condition keys takes time.

    - `kind`: an IAM user, an account's root user, a role's session, a GetFederationToken session, an AWS
      service, the identity provider behind AssumeRoleWithWebIdentity or WithSAML, or nobody known.
    - `arn`: `arn:aws:iam::111122223333:user/x`, `...:root`, `arn:aws:sts::111122223333:assumed-role/r/name`,
      `arn:aws:sts::111122223333:federated-user/x`; for a service its name (`lambda.amazonaws.com`); for a
      provider what a Federated principal names; empty for anonymous.
    - `account`: 12 digits; empty for services, providers and anonymous.
    - `user_id`: the unique id (`AIDA...`, `AROA...:session`, `111122223333:x`), as `aws:userid` shows it.
    - `issuer`: for a session the role's ARN (with its path), for a federated user the ARN of the IAM user.
    - `tags`: principal and session tags, which become `aws:PrincipalTag/...`.
    - `canonical_user`: S3's canonical id of the account, for CanonicalUser principals.
    """

    kind: Kind
    arn: str = ""
    account: str = ""
    user_id: str = ""
    issuer: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    canonical_user: str = ""
    keys: dict[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.keys = _condition_keys(self)


def _condition_keys(who: Principal) -> dict[str, str]:
    """The principal's own condition keys ("AWS global condition context keys", of the principal)."""
    keys = {f"aws:principaltag/{name}".lower(): value for name, value in who.tags.items()}
    keys["aws:principalisawsservice"] = "true" if who.kind == "service" else "false"
    if who.kind in _TYPES:
        keys["aws:principaltype"] = _TYPES[who.kind]
    if who.kind == "service":
        keys["aws:principalservicename"] = who.arn
    if who.account:
        keys["aws:principalaccount"] = who.account
        keys["aws:principalarn"] = who.issuer if who.kind == "session" else who.arn
    if who.user_id:
        keys["aws:userid"] = who.user_id
    if who.kind == "user":
        keys["aws:username"] = who.arn.rpartition("/")[2]
    return keys


class Grant(IntEnum):
    """How directly a resource policy's statement names the principal; the greater, the less it is limited."""

    NONE = 0
    ACCOUNT = 1
    """Its account: the resource's owner leaves the decision to that account's own policies."""
    ISSUER = 2
    """The role or user behind its session: a boundary or session policy still limits."""
    DIRECT = 3
    """Itself, or everyone: within the account nothing else limits."""


class BadPrincipal(ValueError):
    """A Principal that names nobody in a form that the language has; the text is what IAM shows of it."""


@dataclass(slots=True, frozen=True)
class Named:
    """A compiled Principal or NotPrincipal element.

    `inverted` marks NotPrincipal. `everyone` is `"*"` or `{"AWS": "*"}`. `accounts` are ids, `arns` whole
    ARNs, `ids` unique ids (`AIDA...`) that IAM puts in place of the ARN of a deleted identity.
    """

    inverted: bool = False
    everyone: bool = False
    accounts: frozenset[str] = frozenset()
    arns: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    federated: frozenset[str] = frozenset()
    canonical_users: frozenset[str] = frozenset()

    def allows(self, who: Principal) -> Grant:
        """What an Allow statement with this element gives `who`."""
        if not self.inverted:
            return self._names(who)
        return Grant.DIRECT if self._names(who) is Grant.NONE else Grant.NONE

    def denies(self, who: Principal) -> bool:
        """Whether a Deny statement with this element is about `who`.

        A NotPrincipal exempts only whom it names at every level: a user and the account, or a session, its
        role and the account; AWS's page tells authors to name all of them.
        """
        if not self.inverted:
            return self._names(who) is not Grant.NONE
        return not self._names_every_level(who)

    def _names(self, who: Principal) -> Grant:
        if self.everyone:
            return Grant.DIRECT
        kind = who.kind
        if kind == "service":
            return Grant.DIRECT if who.arn in self.services else Grant.NONE
        if kind == "identity-provider":
            return Grant.DIRECT if not self.federated.isdisjoint((who.arn, "*")) else Grant.NONE
        if who.arn in self.arns:
            return Grant.DIRECT
        if self.ids and who.user_id in self.ids:
            return Grant.DIRECT
        if who.issuer and (who.issuer in self.arns or who.user_id.partition(":")[0] in self.ids):
            return Grant.ISSUER
        if who.account in self.accounts or who.canonical_user in self.canonical_users:
            return Grant.DIRECT if kind == "root" else Grant.ACCOUNT
        return Grant.NONE

    def _names_every_level(self, who: Principal) -> bool:
        if self.everyone:
            return True
        if who.kind in ("service", "identity-provider", "anonymous"):
            return self._names(who) is not Grant.NONE
        if who.account not in self.accounts:
            return False
        itself = who.kind == "root" or who.arn in self.arns or who.user_id in self.ids
        issuer = not who.issuer or who.issuer in self.arns or who.user_id.partition(":")[0] in self.ids
        return itself and issuer


_ROOT = re.compile(r"arn:[a-z-]+:iam::(\d{12}):root|(\d{12})", re.ASCII)
_IDENTITY = re.compile(
    r"arn:[a-z-]+:iam::(\d{12}|cloudfront):(user|role)/[^*?]+"
    r"|arn:[a-z-]+:sts::\d{12}:(assumed-role/[^/*?]+/[^/*?]+|federated-user/[^*?]+)",
    re.ASCII,
)
_UNIQUE_ID = re.compile(r"(AIDA|AROA)[A-Z0-9]{12,124}")
_SERVICE = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_KINDS = ("AWS", "Service", "Federated", "CanonicalUser")


def compile_principal(element: object, *, inverted: bool) -> Named:
    """Compile a Principal (or, `inverted`, NotPrincipal) element. Raises BadPrincipal."""
    if element == "*":
        return Named(inverted, everyone=True)
    if not isinstance(element, Mapping):
        raise BadPrincipal(repr(element))
    found = {kind: _strings(kind, element.get(kind, [])) for kind in _KINDS}
    if not element.keys() <= found.keys() or not any(found.values()):
        raise BadPrincipal(_NOBODY)
    aws = found["AWS"]
    for value in aws - {"*"}:
        if not any(form.fullmatch(value) for form in (_ROOT, _IDENTITY, _UNIQUE_ID)):
            raise BadPrincipal(f'"AWS":"{value}"')
    for value in found["Service"]:
        if _SERVICE.fullmatch(value) is None:
            raise BadPrincipal(f'"SERVICE":"{value}"')
    return Named(
        inverted,
        everyone="*" in aws,
        accounts=frozenset(m[1] or m[2] for value in aws if (m := _ROOT.fullmatch(value))),
        arns=frozenset(value for value in aws if _IDENTITY.fullmatch(value)),
        ids=frozenset(value for value in aws if _UNIQUE_ID.fullmatch(value)),
        services=found["Service"],
        federated=found["Federated"],
        canonical_users=found["CanonicalUser"],
    )


_NOBODY = (
    "com.amazon.balsa.error.InvalidPolicyException: The passed in policy has a statement with no principals!"
)


def _strings(kind: str, given: object) -> frozenset[str]:
    values = given if isinstance(given, list) else [given]
    for value in values:
        if not isinstance(value, str) or not value:
            raise BadPrincipal(f'"{kind.upper()}":"{value}"')
    return frozenset(values)
