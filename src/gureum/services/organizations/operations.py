"""Organizations at the front door: its operations, and which entities an id in a request names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gureum.kernel.operations import Find, Handler, Operations, Target
from gureum.kernel.principal import Principal
from gureum.kernel.records import Kind, kind_of
from gureum.services.organizations.faults import bad_pattern
from gureum.services.organizations.records import (
    Account,
    AccountRequest,
    Handshake,
    OrganizationalUnit,
    Policy,
    ResourcePolicy,
    Root,
)

# Identifiers are checked below: AWS answers them in words of their own.
ops = Operations(
    "organizations",
    invalid="InvalidInputException",
    checks=frozenset({"required", "length", "range", "enum"}),
    hidden=frozenset({"Email", "AccountName"}),
)

_FORMS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"\d{12}"), kind_of(Account)),
    (re.compile(r"r-[0-9a-z]{4,32}"), kind_of(Root)),
    (re.compile(r"ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}"), kind_of(OrganizationalUnit)),
    (re.compile(r"p-[0-9a-zA-Z_]{8,128}"), kind_of(Policy)),
    (re.compile(r"h-[0-9a-z]{8,32}"), kind_of(Handshake)),
    (re.compile(r"car-[a-z0-9]{8,32}"), kind_of(AccountRequest)),
    (re.compile(r"rp-[0-9a-zA-Z_]{4,128}"), kind_of(ResourcePolicy)),
)
_MEMBERS: dict[str, tuple[type, ...]] = {
    "AccountId": (Account,),
    "RootId": (Root,),
    "OrganizationalUnitId": (OrganizationalUnit,),
    "PolicyId": (Policy,),
    "HandshakeId": (Handshake,),
    "CreateAccountRequestId": (AccountRequest,),
    "ParentId": (Root, OrganizationalUnit),
    "SourceParentId": (Root, OrganizationalUnit),
    "DestinationParentId": (Root, OrganizationalUnit),
    "ChildId": (Account, OrganizationalUnit),
    "TargetId": (Root, OrganizationalUnit, Account),
    "ResourceId": (Root, OrganizationalUnit, Account, Policy, ResourcePolicy),
}
"""Members that hold identifiers, and of what."""


def kind_named(identifier: str) -> Kind | None:
    """The kind of entity that an id names by its form, or None where it has the form of none."""
    return next((kind for form, kind in _FORMS if form.fullmatch(identifier)), None)


def acting_on(operation: str, *members: str) -> Find:
    """The targets of an operation: the entities whose ids these members hold."""
    action = f"organizations:{operation}"

    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        found = [_target(action, str(req[member])) for member in members if req.get(member)]
        return found or [Target(action, "*", account, region, None, "")]

    return find


def _target(action: str, identifier: str) -> Target:
    kind = kind_named(identifier)
    if kind is None or kind.type is ResourcePolicy:
        return Target(action, "*", "", "", None, "")
    # The ids alone are known here; the door completes the ARN from the record.
    named = {field: "*" for field in kind.fields} | {"id": identifier}
    return Target(action, kind.arn("", "", named), "", "", kind, identifier)


def _meet(principal: Principal, handler: Handler, request: dict[str, Any]) -> None:
    """Refuse identifiers that have not the form of what the member names. Fault: InvalidInputException."""
    for member, kinds in _MEMBERS.items():
        if (value := request.get(member)) is None:
            continue
        kind = kind_named(value)
        if kind is None or kind.type not in kinds:
            raise bad_pattern()


ops.meet = _meet
