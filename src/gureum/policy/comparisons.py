"""The typed condition operators: numbers, dates, addresses and binary values.

Each comparison takes a value as a policy writes it and gives a matcher for the request's value. A policy
value of the wrong form raises ValueError; a request value of the wrong form matches nothing.
Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import binascii
import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeVar

from gureum.policy.match import Matcher

_T = TypeVar("_T")

_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})", re.ASCII)
_DATE = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)(-(?P<day>\d\d)"
    r"(T(?P<hour>\d\d):(?P<minute>\d\d)(:(?P<second>\d\d)(\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d)?)?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def number(text: str) -> Decimal:
    """An integer or decimal number. Raises ValueError."""
    if _NUMBER.fullmatch(text.strip()) is None:
        raise ValueError(f"{text!r} is not a number")
    return Decimal(text.strip())


@lru_cache(maxsize=1024)
def moment(text: str) -> Decimal:
    """Seconds since 1970 of an ISO 8601 date (W3C's forms, UTC unless it says otherwise) or epoch seconds.

    Raises ValueError.
    """
    if (found := _DATE.fullmatch(text)) is None:
        return number(text)
    part = {name: int(found[name] or least) for name, least in _LEAST.items()}
    try:
        at = datetime(**part, tzinfo=UTC) - _offset(found["zone"])
    except OverflowError as error:
        raise ValueError(str(error)) from None
    seconds = (at - _EPOCH) // timedelta(seconds=1)
    return Decimal(seconds) + Decimal(f"0.{found['fraction'] or 0}")


_LEAST = {"year": 1, "month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in "Zz":
        return timedelta()
    away = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
    return -away if zone[0] == "-" else away


@lru_cache(maxsize=4096)
def address(text: str) -> IPv4Address | IPv6Address:
    """An IP address; IPv4 written as IPv6 (`::ffff:203.0.113.1`) counts as IPv4. Raises ValueError."""
    found = ip_address(text)
    return getattr(found, "ipv4_mapped", None) or found


def _ordered(read: Callable[[str], _T], compare: Callable[[_T, _T], bool]) -> Callable[[str], Matcher]:
    def comparison(written: str) -> Matcher:
        wanted = read(written)

        def matches(given: str) -> bool:
            try:
                return compare(read(given), wanted)
            except ValueError:
                return False

        return matches

    return comparison


def _binary(written: str) -> Matcher:
    wanted = _decode(written)

    def matches(given: str) -> bool:
        try:
            return _decode(given) == wanted
        except ValueError:
            return False

    return matches


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def _within(written: str) -> Matcher:
    network = ip_network(written, strict=False)

    def matches(given: str) -> bool:
        try:
            return address(given) in network
        except ValueError:
            return False

    return matches


def _comparisons() -> dict[str, tuple[bool, Callable[[str], Matcher]]]:
    table: dict[str, tuple[bool, Callable[[str], Matcher]]] = {
        "BinaryEquals": (False, _binary),
        "IpAddress": (False, _within),
        "NotIpAddress": (True, _within),
    }
    orders: dict[str, tuple[bool, Callable[[Decimal, Decimal], bool]]] = {
        "Equals": (False, operator.eq),
        "NotEquals": (True, operator.eq),
        "LessThan": (False, operator.lt),
        "LessThanEquals": (False, operator.le),
        "GreaterThan": (False, operator.gt),
        "GreaterThanEquals": (False, operator.ge),
    }
    for kind, read in (("Numeric", number), ("Date", moment)):
        for name, (negated, compare) in orders.items():
            table[kind + name] = (negated, _ordered(read, compare))
    return table


COMPARISONS = _comparisons()
"""Operator name → whether it is negated, and its comparison."""
