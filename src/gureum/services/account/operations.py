"""Account Management at the front door."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gureum.kernel.operations import Find, Operations, Target
from gureum.kernel.records import kind_of
from gureum.services.account.records import AlternateContact

ops = Operations(
    "account",
    hidden=frozenset({"ContactInformation", "EmailAddress", "Name", "PhoneNumber", "Title"}),
)


def on_account(operation: str) -> Find:
    """The target of an operation: the caller's account itself."""
    action, kind = f"account:{operation}", kind_of(AlternateContact)

    def find(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
        return (Target(action, kind.arn(account, "", {}), account, "", None, ""),)

    return find
