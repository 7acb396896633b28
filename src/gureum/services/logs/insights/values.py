"""The values of a query: texts, numbers, instants, maps and lists, None for what is missing.

A text that reads as a number counts as one. A boolean of JSON is 1 or 0. Maps and lists are equal to nothing.
Source: "Boolean, comparison, numeric, datetime, and other functions", "sort" in the CloudWatch Logs user guide.
"""

from __future__ import annotations

import json  # house: allow wire-format: what log messages hold is content, not a wire format
import math
import re
from typing import Any

from gureum.services.logs.insights.times import Instant

Value = Any  # str | int | float | Instant | dict | list | None

DECIMALS = 4  # of a number that a query computed


class Written(float):
    """A JSON number with a fraction or an exponent, as it is written."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Written:
        made = super().__new__(cls, text)
        made.text = text
        return made


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _integer(text: str) -> int | float:
    return int(text) if len(text) < 40 else float(text)


_decoder = json.JSONDecoder(parse_float=Written, parse_int=_integer, parse_constant=_refuse)


def read_json(text: str) -> Any:
    """The value of a JSON text, None when it is none."""
    try:
        return _decoder.decode(text)
    except (ValueError, RecursionError):
        return None


def read_json_inside(text: str) -> Any:
    """The first JSON object inside a text, None when there is none."""
    start = text.find("{")
    if start < 0:
        return None
    try:
        return _decoder.raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        return None


def plain(value: Any) -> Value:
    """A JSON value as a query sees it: booleans are 1 and 0."""
    if value is True:
        return 1
    return 0 if value is False else value


def number(value: Value) -> int | float | None:
    """The number that a value is or reads as, None when it is none."""
    if isinstance(value, str):
        if not value[-1:].isdigit() or "_" in value:
            return None
        try:
            return int(value) if len(value) < 19 and value.isdigit() else float(value)
        except ValueError:
            return None
    if isinstance(value, int | float):
        return value
    return None


def text(value: Value) -> str | None:
    """A value as a text: of a map or list and of what is missing None."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, dict | list):
        return None
    return show(value)


def show(value: Value) -> str:
    """A value as it stands in a result."""
    if isinstance(value, str):
        return value
    if isinstance(value, Instant):
        return str(value)
    if isinstance(value, Written):
        return value.text
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        rounded = round(value, DECIMALS)
        return str(int(rounded)) if rounded.is_integer() and abs(rounded) < 1e15 else repr(rounded)
    if isinstance(value, dict | list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def truth(value: Value) -> bool:
    """Whether a value counts as true where a condition is asked for."""
    if isinstance(value, str):
        return value not in ("", "0", "false")
    return bool(value)


def equal(left: Value, right: Value) -> bool:
    """By value where both are numbers, else as texts; nothing equals what is missing."""
    if isinstance(left, str) and isinstance(right, str) and left == right:
        return True
    one, two = number(left), number(right)
    if one is not None and two is not None:
        return one == two
    here, there = text(left), text(right)
    return here is not None and here == there


def less(left: Value, right: Value) -> bool | None:
    """Whether left comes before right; None when the two cannot be compared."""
    one, two = number(left), number(right)
    if one is not None and two is not None:
        return one < two
    here, there = text(left), text(right)
    return here < there if here is not None and there is not None else None


_CHUNK = re.compile(r"[0-9]+|[^0-9]+")

SortKey = tuple[Any, ...]


def sort_key(value: Value) -> SortKey:
    """AWS's natural order: what is missing, then texts (their digits by length, then value), then numbers."""
    found = number(value)
    if found is not None:
        return 2, found, show(value)
    known = text(value)
    if known is None:
        return (0,)
    chunks = _CHUNK.findall(known)
    return 1, tuple((48, len(c), c) if "0" <= c[0] <= "9" else (ord(c[0]), 0, c) for c in chunks)
