"""Matchers for the patterns of the policy language, compiled to the cheapest test that decides them.

A matcher takes the text and answers something true or false. None in place of a matcher means "matches
everything", so that callers can leave the test out.

No pattern can make a match slow: a glob is compiled with atomic groups (each literal run is taken at its
first place, which is always as good as any other), and the few forms that would need backtracking walk a set
of positions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache

from gureum.policy.variables import Solid, Token, Variable, Wild, joined

Matcher = Callable[[str], object]

_ARN_PARTS = 6


@lru_cache(maxsize=4096)
def glob(pattern: tuple[Solid, ...]) -> Matcher | None:
    """A matcher for literal text and wildcards; `*` is any run of characters, `?` exactly one."""
    if pattern == (Wild.MANY,):
        return None
    if not pattern:
        return "".__eq__
    if len(pattern) == 1 and isinstance(literal := pattern[0], str):
        return literal.__eq__
    if len(pattern) == 2 and pattern[1] is Wild.MANY and isinstance(prefix := pattern[0], str):
        return _starts_with(prefix)
    if Wild.MANY_INSIDE in pattern:
        return _walk(pattern)
    return re.compile(_expression(pattern), re.DOTALL).match


def _starts_with(prefix: str) -> Matcher:
    return lambda text: text.startswith(prefix)


def _expression(pattern: tuple[Solid, ...]) -> str:
    pieces = [""]
    for token in pattern:
        if token is Wild.MANY:
            pieces.append("")
        elif token is Wild.ONE:
            pieces[-1] += "."
        elif token is Wild.ONE_INSIDE:
            pieces[-1] += "[^:]"
        else:
            pieces[-1] += re.escape(str(token))
    if len(pieces) == 1:
        return pieces[0] + r"\Z"
    middle = "".join(f"(?>.*?{piece})" for piece in pieces[1:-1])
    return rf"{pieces[0]}{middle}.*{pieces[-1]}\Z" if pieces[-1] else pieces[0] + middle


def _walk(pattern: tuple[Solid, ...]) -> Matcher:
    ones = (Wild.ONE, Wild.ONE_INSIDE)
    shortest = sum(len(token) if isinstance(token, str) else token in ones for token in pattern)

    def match(text: str) -> bool:
        if len(text) < shortest:
            return False
        places = {0}
        for token in pattern:
            places = _advance(token, text, places)
            if not places:
                return False
        return len(text) in places

    return match


def _advance(token: Solid, text: str, places: set[int]) -> set[int]:
    if isinstance(token, str):
        return {place + len(token) for place in places if text.startswith(token, place)}
    if token is Wild.MANY:
        return set(range(min(places), len(text) + 1))
    if token is Wild.MANY_INSIDE:
        reached: set[int] = set()
        for place in sorted(places):
            if place not in reached:
                colon = text.find(":", place)
                reached.update(range(place, (len(text) if colon < 0 else colon) + 1))
        return reached
    inside = token is Wild.ONE_INSIDE
    return {place + 1 for place in places if place < len(text) and not (inside and text[place] == ":")}


def by_segment(pattern: Iterable[Token]) -> tuple[Token, ...]:
    """A resource pattern with the wildcards of its first five segments kept inside them where AWS does so.

    A `*` that ends its segment may run on past the colon; any other wildcard before the fifth colon stays
    between its colons. Source: IAM User Guide, "IAM JSON policy elements: Resource", wildcards in ARNs.
    """
    found = tuple(pattern)
    result: list[Token] = []
    colons = 0
    for index, token in enumerate(found):
        following = found[index + 1] if index + 1 < len(found) else ":"
        ends = isinstance(following, str) and following.startswith(":")
        if isinstance(token, str):
            colons += token.count(":")
        if colons >= _ARN_PARTS - 1 or isinstance(token, str | Variable):
            result.append(token)
        elif token is Wild.ONE:
            result.append(Wild.ONE_INSIDE)
        else:
            result.append(token if ends else Wild.MANY_INSIDE)
    return tuple(result)


@lru_cache(maxsize=4096)
def arn(pattern: tuple[Solid, ...]) -> Matcher | None:
    """A matcher for the ARN operators: each of the six parts by itself, so that no wildcard crosses a colon.

    A lone `*` matches every ARN. A pattern or a text with fewer than six parts matches nothing.
    """
    if pattern == (Wild.MANY,):
        return None
    parts = _parts(pattern)
    if len(parts) < _ARN_PARTS:
        return lambda text: False
    tests = [(index, test) for index, part in enumerate(parts) if (test := glob(part)) is not None]

    def match(text: str) -> bool:
        given = text.split(":", _ARN_PARTS - 1)
        return len(given) == _ARN_PARTS and all(test(given[index]) for index, test in tests)

    return match


def _parts(pattern: tuple[Solid, ...]) -> list[tuple[Solid, ...]]:
    parts: list[list[Solid]] = [[]]
    for token in pattern:
        if not isinstance(token, str):
            parts[-1].append(token)
            continue
        first, *rest = token.split(":", _ARN_PARTS - len(parts))
        parts[-1].append(first)
        parts.extend([piece] for piece in rest)
    return [joined(part) for part in parts]


def any_of(matchers: Iterable[Matcher | None]) -> Matcher | None:
    """One matcher that holds where any of these does; None (everything) absorbs the rest."""
    found = tuple(matchers)
    if None in found:
        return None
    tests = tuple(test for test in found if test is not None)
    if len(tests) == 1:
        return tests[0]
    owners = (getattr(test, "__self__", None) for test in tests)
    literals = [owner for owner in owners if isinstance(owner, str)]
    if len(literals) == len(tests):
        return frozenset(literals).__contains__

    def match(text: str) -> bool:
        return any(test(text) for test in tests)

    return match


def never(text: str) -> bool:
    """The matcher of an empty list."""
    return False
