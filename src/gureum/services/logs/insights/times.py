"""Instants and periods: milliseconds since 1970, in UTC.

Source: "Boolean, comparison, numeric, datetime, and other functions" and "stats" in the CloudWatch Logs user guide
(the units of a period, and how many of each it can have).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

_UNIX = datetime(1970, 1, 1, tzinfo=UTC)

UNITS = {
    name + plural: unit
    for unit, names in {
        "ms": ("millisecond", "ms", "msec"),
        "s": ("second", "s", "sec"),
        "m": ("minute", "m", "min"),
        "h": ("hour", "h", "hr"),
        "d": ("day", "d"),
        "w": ("week", "w"),
        "mo": ("month", "mo", "mon"),
        "q": ("quarter", "q", "qtr"),
        "y": ("year", "y", "yr"),
    }.items()
    for name in names
    for plural in (("", "s") if len(name) > 1 and name != "ms" else ("",))
}
_MILLIS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
_MONTHS = {"mo": 1, "q": 3, "y": 12}
_MOST = {"ms": 1000, "s": 60, "m": 60, "h": 24}
_MONDAY = 4 * 86_400_000  # the first Monday of 1970


class Instant(int):
    """Milliseconds since 1970 that show as a date."""

    __slots__ = ()

    def __str__(self) -> str:
        return show_instant(self)


def show_instant(millis: int) -> str:
    """2024-01-01 00:00:00.000"""
    try:
        moment = _UNIX + timedelta(milliseconds=int(millis))
    except OverflowError:
        return int.__repr__(millis)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{millis % 1000:03d}"


def flooring(count: int, unit: str) -> Callable[[int], int]:
    """What truncates an instant to a period of that many units (capped as AWS caps them)."""
    count = max(1, min(count, _MOST.get(unit, count)))
    if unit in _MONTHS:
        months = count * _MONTHS[unit]
        return lambda millis: _to_months(millis, months, 0)
    size = count * _MILLIS[unit]
    shift = _MONDAY if unit == "w" else 0
    return lambda millis: (millis - shift) // size * size + shift


def ceiling(count: int, unit: str) -> Callable[[int], int]:
    """What rounds an instant up to a period: one at its very start stays."""
    floor = flooring(count, unit)
    if unit in _MONTHS:
        months = max(1, count) * _MONTHS[unit]
        return lambda millis: millis if floor(millis) == millis else _to_months(millis, months, 1)
    size = max(1, min(count, _MOST.get(unit, count))) * _MILLIS[unit]
    return lambda millis: millis if floor(millis) == millis else floor(millis) + size


def _to_months(millis: int, months: int, more: int) -> int:
    moment = _UNIX + timedelta(milliseconds=millis)
    index = (moment.year * 12 + moment.month - 1) // months + more
    start = datetime(index * months // 12, index * months % 12 + 1, 1, tzinfo=UTC)
    return int((start - _UNIX) / timedelta(milliseconds=1))
