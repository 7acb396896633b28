"""Identifiers in Organizations' forms, addresses of accounts that gave none, and tags as it takes them."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any

from gureum.kernel import ids
from gureum.services.organizations.faults import bad_pattern, constraint, invalid

_EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_ROLE = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)


def organization_id() -> str:
    return "o-" + ids.alphanumeric(10, lower=True)


def root_id() -> str:
    return "r-" + ids.alphanumeric(4, lower=True)


def unit_id(root: str) -> str:
    """A unit's id: the part of its root in the middle."""
    return f"ou-{root[2:]}-{ids.alphanumeric(8, lower=True)}"


def policy_id() -> str:
    return "p-" + ids.alphanumeric(8, lower=True)


def resource_policy_id() -> str:
    return "rp-" + ids.alphanumeric(8, lower=True)


def handshake_id() -> str:
    return "h-" + ids.hexadecimal(32)


def request_id() -> str:
    return "car-" + ids.hexadecimal(32)


def account_id() -> str:
    """Twelve digits that do not begin with zero."""
    return str(secrets.randbelow(9 * 10**11) + 10**11)


def default_email(account: str) -> str:
    """The address of an account that came to be without one (a host that nobody can own)."""
    return f"root@{account}.gureum.invalid"


def check_email(email: str) -> None:
    """Fault: InvalidInputException for what is no address."""
    if _EMAIL.fullmatch(email) is None:
        raise bad_pattern()


def check_role(name: str) -> None:
    """Fault: InvalidInputException for what is no role name."""
    if _ROLE.fullmatch(name) is None:
        raise invalid("INVALID_ROLE_NAME", "You provided a role name that isn't valid.")


def read_tags(given: list[Any] | None, held: Mapping[str, str] | None = None) -> dict[str, str]:
    """The tags of a request, beside those `held`. Faults: InvalidInputException, ConstraintViolationException."""
    found: dict[str, str] = {}
    for tag in given or []:
        key, value = tag["Key"], tag["Value"]
        if key.lower().startswith("aws:"):
            raise invalid(
                "INVALID_SYSTEM_TAGS_PARAMETER",
                "You specified a tag key that is a system tag. System tags "
                "can't be added, edited, or deleted.",
            )
        if key in found:
            raise invalid(
                "DUPLICATE_TAG_KEY", "Tag keys must be unique among the tags attached to the same entity."
            )
        found[key] = value
    if len({**(held or {}), **found}) > 50:
        raise constraint(
            "MAX_TAG_LIMIT_EXCEEDED", "You have exceeded the number of tags allowed on this resource."
        )
    return found
