"""JSON documents that are values: policies, rules, templates that callers pass as text. Not a wire format."""

from __future__ import annotations

from typing import Any

import msgspec


class BadDocument(ValueError):
    """A text that is not JSON."""


def read(text: str | bytes) -> Any:
    """What a JSON text says. Raises BadDocument."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadDocument(str(error)) from None


def write(value: Any) -> str:
    """A value as compact JSON."""
    return msgspec.json.encode(value).decode()


def canonical(value: Any) -> str:
    """A value as JSON with its keys in order: equal values give equal texts."""
    return msgspec.json.encode(value, order="sorted").decode()
