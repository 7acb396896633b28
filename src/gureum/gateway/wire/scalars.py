"""Scalars as text: in query strings, form fields, headers, URI labels and XML."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable
from typing import Any

from gureum.gateway.wire import times
from gureum.kernel.models import Shape


class Malformed(ValueError):
    """The bytes do not say what the shape asks for. The text is AWS's where AWS has one."""


class Unparsable(Malformed):
    """A piece of text that is not of its shape's type: `text` as it came, `type_name` the shape's type."""

    def __init__(self, text: str, type_name: str) -> None:
        super().__init__(f"{text} can not be converted to {type_name.capitalize()}")
        self.text, self.type_name = text, type_name


INT_LIMITS = {"integer": 2**31, "long": 2**63}

_BOOLEANS = {"true": True, "false": False, "1": True, "0": False}
_SPECIAL = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def reader(shape: Shape) -> Callable[[str], Any]:
    """The function that reads a scalar of `shape` from text. It raises Malformed."""
    return _READERS[shape.type](shape)


def writer(shape: Shape, timestamps: str) -> Callable[[Any], str]:
    """The function that writes a scalar of `shape` as text; `timestamps` is the place's default format."""
    if shape.type == "timestamp":
        return times.formatter(shape.timestamp_format or timestamps)
    return _WRITERS[shape.type]


def special_float(text: str) -> float:
    """The floats that have no digits: NaN, Infinity, -Infinity. Raises KeyError."""
    return _SPECIAL[text]


def float_text(value: float) -> str:
    """A float as AWS's serialisers spell it."""
    if math.isfinite(value):
        return repr(float(value)) if isinstance(value, float) else str(value)
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def unbase64(text: str) -> bytes:
    """Raises Malformed for what is not base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise Malformed("Invalid base64") from error


def _string(shape: Shape) -> Callable[[str], str]:
    return str


def _boolean(shape: Shape) -> Callable[[str], bool]:
    def read(text: str) -> bool:
        found = _BOOLEANS.get(text)
        if found is None and (found := _BOOLEANS.get(text.strip().lower())) is None:
            raise Unparsable(text, "boolean")
        return found

    return read


def _integer(shape: Shape) -> Callable[[str], int]:
    limit = INT_LIMITS[shape.type]

    def read(text: str) -> int:
        # The length guard keeps int() from quadratic work on thousands of digits.
        if len(text) > 32 or "_" in text:
            raise Unparsable(text[:32], shape.type)
        try:
            value = int(text)
        except ValueError as error:
            raise Unparsable(text, shape.type) from error
        if not -limit <= value < limit:
            raise Unparsable(text, shape.type)
        return value

    return read


def _float(shape: Shape) -> Callable[[str], float]:
    def read(text: str) -> float:
        if text in _SPECIAL:
            return _SPECIAL[text]
        try:
            value = float(text)
        except ValueError as error:
            raise Unparsable(text, shape.type) from error
        if not math.isfinite(value) or "_" in text:
            raise Unparsable(text, shape.type)
        return value

    return read


def _timestamp(shape: Shape) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            return times.parse(text.strip())
        except ValueError as error:
            raise Unparsable(text, "timestamp") from error

    return read


def _blob(shape: Shape) -> Callable[[str], bytes]:
    return unbase64


_READERS: dict[str, Callable[[Shape], Callable[[str], Any]]] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "timestamp": _timestamp,
    "blob": _blob,
}

_WRITERS: dict[str, Callable[[Any], str]] = {
    "string": str,
    "boolean": lambda value: "true" if value else "false",
    "integer": lambda value: str(int(value)),
    "long": lambda value: str(int(value)),
    "float": float_text,
    "double": float_text,
    "blob": lambda value: base64.b64encode(value).decode(),
}
