"""Timestamps as text. Inside, a timestamp is a float: seconds since the epoch, UTC.

The three formats are Smithy's (https://smithy.io/2.0/spec/protocol-traits.html#timestampformat-trait):
`iso8601`, `rfc822` (the HTTP date) and `unixTimestamp`. Answers carry milliseconds at most, as AWS's do.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import UTC, datetime

ISO8601, RFC822, UNIX = "iso8601", "rfc822", "unixTimestamp"

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}


def to_iso8601(seconds: float) -> str:
    """`2024-02-29T12:00:00Z`, with `.123` where there are milliseconds."""
    millis = round(seconds * 1000)
    whole, rest = divmod(millis, 1000)
    y, mo, d, h, mi, s, *_ = time.gmtime(whole)
    fraction = f".{rest:03d}" if rest else ""
    return f"{y:04d}-{mo:02d}-{d:02d}T{h:02d}:{mi:02d}:{s:02d}{fraction}Z"


def to_rfc822(seconds: float) -> str:
    """`Thu, 29 Feb 2024 12:00:00 GMT`; parts of a second are cut off."""
    y, mo, d, h, mi, s, day, *_ = time.gmtime(math.floor(seconds))
    return f"{_DAYS[day]}, {d:02d} {_MONTHS[mo - 1]} {y:04d} {h:02d}:{mi:02d}:{s:02d} GMT"


def to_unix(seconds: float) -> float | int:
    """Seconds as a number: whole where they are whole, else with milliseconds."""
    rounded = round(seconds, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def _unix_text(seconds: float) -> str:
    return str(to_unix(seconds))


def from_iso8601(text: str) -> float:
    """Raises ValueError (also OverflowError) for what is no date."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def from_rfc822(text: str) -> float:
    """An HTTP date. Raises ValueError."""
    _, _, rest = text.partition(", ")
    day, month, year, clock, zone = rest.split(" ")
    if zone not in ("GMT", "UTC", "+0000") or month not in _MONTH:
        raise ValueError(text)
    hour, minute, second = clock.split(":")
    moment = datetime(int(year), _MONTH[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
    return moment.timestamp()


def parse(text: str) -> float:
    """Any of the three formats. Raises ValueError.

    AWS's parsers accept each format wherever a timestamp stands as text.
    """
    try:
        if text[:1].isalpha():
            return from_rfc822(text)
        if "T" in text or text.count("-") == 2:
            return from_iso8601(text)
        seconds = float(text)
    except OverflowError as error:
        raise ValueError(text) from error
    return sane(seconds)


def sane(seconds: float) -> float:
    """`seconds` if it names a moment of the years 1 to 9999; raises ValueError otherwise (NaN too)."""
    if not -62135596800 <= seconds < 253402300800:
        raise ValueError(seconds)
    return seconds


_FORMATS: dict[str, Callable[[float], str]] = {ISO8601: to_iso8601, RFC822: to_rfc822, UNIX: _unix_text}


def formatter(name: str) -> Callable[[float], str]:
    """The function that writes a timestamp as text in the named format."""
    return _FORMATS[name]
