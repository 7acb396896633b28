"""Patterns of the policy language as tokens: literal text, wildcards and policy variables.

Policy variables (`${aws:username}`, `${aws:PrincipalTag/team, 'none'}`, `${*}`) exist only in documents of
version 2012-10-17; in older ones they are literal text. Source: IAM User Guide, "IAM policy elements:
Variables and tags".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple, Protocol, TypeVar

Value = str | Sequence[str]


class Values(Protocol):
    """Where condition keys get their values. Keys are lower case; None: the request has no such key."""

    def value(self, key: str) -> Value | None: ...


class Wild(Enum):
    """A wildcard. The two `_INSIDE` forms stay between two colons of an ARN."""

    MANY = "*"
    ONE = "?"
    MANY_INSIDE = "*:"
    ONE_INSIDE = "?:"

    __hash__ = (
        object.__hash__
    )  # the one that Enum brings is Python code, on the path of each filled-in pattern


class Variable(NamedTuple):
    """`${key, 'default'}`; the key is lower case, because condition keys are case-insensitive."""

    key: str
    default: str | None


Solid = str | Wild
Token = Solid | Variable
_T = TypeVar("_T", Solid, Token)

_PLACEHOLDER = re.compile(r"\$\{(?P<body>[^{}]*)\}")
_WILD = re.compile(r"[*?]")


def tokens(text: str, *, wildcards: bool, variables: bool) -> tuple[Token, ...]:
    """`text` cut into tokens; adjacent literals are joined and a run of `*` counts as one.

    `${*}`, `${?}` and `${$}` are the literal characters. A placeholder that is not of the documented form is
    literal text.
    """
    found: list[Token] = []
    start = 0
    for placeholder in _PLACEHOLDER.finditer(text) if variables else ():
        _plain(found, text[start : placeholder.start()], wildcards)
        found.append(_variable(placeholder))
        start = placeholder.end()
    _plain(found, text[start:], wildcards)
    return joined(found)


def _variable(placeholder: re.Match[str]) -> Token:
    body = placeholder["body"]
    if body in ("*", "?", "$"):
        return body
    key, comma, default = (part.strip() for part in body.partition(","))
    quoted = len(default) >= 2 and default[0] == default[-1] == "'"
    if not key or "'" in key or (comma and not quoted):
        return placeholder[0]
    return Variable(key.lower(), default[1:-1] if comma else None)


def _plain(found: list[Token], text: str, wildcards: bool) -> None:
    if not wildcards:
        found.append(text)
        return
    start = 0
    for wild in _WILD.finditer(text):
        found.append(text[start : wild.start()])
        found.append(Wild(wild[0]))
        start = wild.end()
    found.append(text[start:])


def joined(found: Iterable[_T]) -> tuple[_T, ...]:
    """Tokens with empty literals dropped, neighbouring literals merged and runs of `*` made one."""
    result: list[_T] = []
    for token in found:
        last = result[-1] if result else None
        if isinstance(token, str) and isinstance(last, str):
            result[-1] = last + token
        elif token != "" and not (token is Wild.MANY and last is Wild.MANY):
            result.append(token)
    return tuple(result)


def keys(found: Iterable[Token]) -> frozenset[str]:
    """The condition keys that the variables among these tokens read."""
    return frozenset(token.key for token in found if isinstance(token, Variable))


def resolve(found: Iterable[Token], values: Values) -> tuple[Solid, ...] | None:
    """The tokens with each variable replaced by its value as literal text, or None if one has no value.

    A wildcard inside a value stays literal: whoever chooses a tag does not choose a pattern. A multivalued
    key cannot be a variable ("Single-valued vs. multivalued context keys").
    """
    solid: list[Solid] = []
    for token in found:
        if isinstance(token, Variable):
            value = values.value(token.key)
            text = value if isinstance(value, str) else token.default
            if text is None:
                return None
            solid.append(text)
        else:
            solid.append(token)
    return tuple(solid)
