"""Patterns over JSON: `{ $.a.b[0] = "x*" && ($.n >= 1e3 || $.c IS NULL) && $.d NOT EXISTS }`.

A comparison holds only of a text or a number: a message where the selector leads to nothing, to null, to a
boolean, an array or an object fails `!=` too. A number compares by value with a number and by its digits with a
text. `IS` also looks at the members of an array. `*` in a selector asks for any child.
"""

from __future__ import annotations

import json  # house: allow wire-format: what log messages hold is content, not a wire format
import re
from collections.abc import Callable, Iterator
from typing import Any

from gureum.services.logs.patterns.faults import Malformed, bad_term
from gureum.services.logs.patterns.values import (
    COMPARE,
    NUMBER,
    check_regexes,
    read_quoted,
    read_regex,
    text_test,
)

MAX_WILDCARDS = 3  # in a pattern; one in a selector
MAX_NESTING = 100

Condition = Callable[[Any], bool]
Step = str | int | None  # a key, an index, or any child
ANY: None = None

_KEY = re.compile(r"[\w-]+")
_WORD = re.compile(r"[\w.*+\-/:@]+")
_KEPT = {"NULL": None, "TRUE": True, "FALSE": False}


class Digits(str):
    """A JSON number as it is written."""

    __slots__ = ()


def _refuse(constant: str) -> Any:
    raise ValueError(constant)  # NaN and Infinity are Python's, not JSON's


_decode = json.JSONDecoder(parse_int=Digits, parse_float=Digits, parse_constant=_refuse).decode


def read_document(message: str) -> dict[str, Any] | None:
    """The JSON object that a message is (numbers as Digits), or None."""
    if not message.lstrip().startswith("{"):
        return None
    try:
        found = _decode(message)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def read_selector(text: str, at: int = 0) -> tuple[tuple[Step, ...], int]:
    """The steps of the `$.a[0].*` at `at`, and where it ends. Raises Malformed."""
    start = at
    at += 1
    steps: list[Step] = []
    while at < len(text):
        if text[at] == ".":
            if text.startswith(".[", at):
                at += 1
                continue
            key = _KEY.match(text, at + 1)
            if key:
                steps.append(key[0])
                at = key.end()
            elif text.startswith(".*", at):
                steps.append(ANY)
                at += 2
            else:
                raise bad_term(text[start : at + 2])
        elif text[at] == "[":
            step, at = _read_bracket(text, at)
            steps.append(step)
        else:
            break
    if not steps:
        raise bad_term(text[start : at + 1])
    if steps.count(ANY) > 1:
        raise Malformed(
            "Your filter pattern has a JSON path selector that exceeds the maximum of 1 wildcard allowed "
            "per json selector."
        )
    return tuple(steps), at


def _read_bracket(text: str, start: int) -> tuple[Step, int]:
    found = re.compile(r"\[(?:(\d+)|(\*)|'([^']*)'|\"([^\"]*)\")\]", re.ASCII).match(text, start)
    if found:
        digits, star, single, double = found.groups()
        key = single if single is not None else double
        return (int(digits) if digits else ANY if star else key), found.end()
    digits_end = start + 1
    while digits_end < len(text) and text[digits_end].isdigit():
        digits_end += 1
    raise bad_term(text[start : digits_end + 1])


def follow(value: Any, steps: tuple[Step, ...]) -> Iterator[Any]:
    """Each value that the steps lead to."""
    for at, step in enumerate(steps):
        if step is ANY:
            children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
            for child in children:
                yield from follow(child, steps[at + 1 :])
            return
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return
        elif not isinstance(value, list) or step >= len(value):
            return
        value = value[step]
    yield value


class _Reader:
    def __init__(self, inside: str) -> None:
        self.text, self.at = inside, 0
        self.regexes = self.wildcards = self.depth = 0

    def condition(self) -> tuple[Condition, frozenset[str]]:
        found = self._either()
        if self._look():
            raise self._unexpected()
        check_regexes(self.regexes)
        if self.wildcards > MAX_WILDCARDS:
            raise Malformed(
                f"Your input has exceeded the maximum of {MAX_WILDCARDS} JSON wildcard selectors allowed "
                "per filter pattern."
            )
        return found

    def _look(self) -> str:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1
        return self.text[self.at : self.at + 1]

    def _take(self, word: str) -> bool:
        self._look()
        if not self.text.startswith(word, self.at):
            return False
        self.at += len(word)
        return True

    def _unexpected(self) -> Malformed:
        sign = self._look()
        if sign == "!":
            return bad_term(self.text[self.at : self.at + 2])
        if sign == "" or sign.isalnum() or sign in '"=<>$()%&|':
            return Malformed()
        return bad_term(sign)

    def _either(self) -> tuple[Condition, frozenset[str]]:
        self.depth += 1
        if self.depth > MAX_NESTING:
            raise Malformed
        left, _ = first = self._both()
        parts = [left]
        while self._take("||"):
            parts.append(self._both()[0])
        self.depth -= 1
        if len(parts) == 1:
            return first
        return (lambda document: any(part(document) for part in parts)), frozenset()

    def _both(self) -> tuple[Condition, frozenset[str]]:
        left, needed = self._one()
        parts = [left]
        while self._take("&&"):
            part, more = self._one()
            parts.append(part)
            needed |= more
        if len(parts) == 1:
            return left, needed
        return (lambda document: all(part(document) for part in parts)), needed

    def _one(self) -> tuple[Condition, frozenset[str]]:
        if self._take("("):
            inner = self._either()
            if not self._take(")"):
                raise self._unexpected()
            return inner
        if self._look() != "$":
            raise self._strange()
        steps, self.at = read_selector(self.text, self.at)
        self.wildcards += steps.count(ANY)
        keys = frozenset(step for step in steps if isinstance(step, str))
        word = re.compile(r"\s*(IS|NOT)\b\s*(\w*)").match(self.text, self.at)
        if word:
            return self._worded(steps, keys, word)
        return self._compared(steps, keys)

    def _strange(self) -> Malformed:
        """A condition that does not begin with a selector."""
        if self._look() == '"':  # AWS's lexer takes the text for a term and stops at what follows
            _, self.at = read_quoted(self.text, self.at)
        return self._unexpected()

    def _worded(
        self, steps: tuple[Step, ...], keys: frozenset[str], word: re.Match[str]
    ) -> tuple[Condition, frozenset[str]]:
        if word[1] == "NOT":
            if word[2] != "EXISTS":
                raise bad_term(word[2]) if word[2] else Malformed()
            self.at = word.end()
            return (lambda document: not any(True for _ in follow(document, steps))), frozenset()
        if word[2] not in _KEPT:
            raise bad_term(word[2]) if word[2] else Malformed()
        self.at = word.end()
        wanted = _KEPT[word[2]]

        def holds(document: Any) -> bool:
            for value in follow(document, steps):
                if value is wanted or (isinstance(value, list) and any(member is wanted for member in value)):
                    return True
            return False

        return holds, keys

    def _compared(self, steps: tuple[Step, ...], keys: frozenset[str]) -> tuple[Condition, frozenset[str]]:
        self._look()
        sign = next((s for s in ("!=", "<=", ">=", "=", "<", ">") if self.text.startswith(s, self.at)), "")
        if not sign:
            raise self._unexpected()
        self.at += len(sign)
        test, core = self._value(sign)
        keys |= {core}
        if ANY not in steps and all(isinstance(step, str) for step in steps):
            return _of_keys(tuple(step for step in steps if isinstance(step, str)), test), keys

        def holds(document: Any) -> bool:
            return any(isinstance(value, str) and test(value) for value in follow(document, steps))

        return holds, keys

    def _value(self, sign: str) -> tuple[Callable[[str], bool], str]:
        """The test of a value, and a text that every value which passes holds ("" when none is sure)."""
        first, begin = self._look(), self.at
        if first == "%":
            regex, self.at = read_regex(self.text, self.at)
            self.regexes += 1
            return _textual(sign, regex.search, self.text[begin : self.at]), ""
        if first == '"':
            wanted, self.at = read_quoted(self.text, self.at)
        else:
            word = _WORD.match(self.text, self.at)
            if not word:
                raise self._unexpected()
            wanted = word[0]
            if wanted.upper() == "NULL":
                raise Malformed
            self.at = word.end()
            if NUMBER.match(wanted):
                return _numeric(sign, wanted), ""
        core = wanted.removeprefix("*").removesuffix("*") if sign == "=" else ""
        return _textual(sign, text_test(wanted), self.text[begin : self.at]), core


def _of_keys(keys: tuple[str, ...], test: Callable[[str], bool]) -> Condition:
    """The commonest selector, keys alone, without a generator."""
    if len(keys) == 1:
        only = keys[0]

        def top(document: Any) -> bool:
            value = document.get(only)
            return isinstance(value, str) and test(value)

        return top

    def deep(document: Any) -> bool:
        for key in keys:
            if not isinstance(document, dict):
                return False
            document = document.get(key)
        return isinstance(document, str) and test(document)

    return deep


def _textual(sign: str, test: Callable[[str], bool], term: str) -> Callable[[str], bool]:
    if sign == "=":
        return test
    if sign == "!=":
        return lambda value: not test(value)
    raise bad_term(term)


def _numeric(sign: str, term: str) -> Callable[[str], bool]:
    compare, wanted = COMPARE[sign], float(term)

    def test(value: str) -> bool:
        if isinstance(value, Digits):
            return compare(float(value), wanted)
        return (value == term) if sign == "=" else (sign == "!=" and value != term)

    return test


class Documents:
    """A compiled JSON pattern. Raises Malformed."""

    def __init__(self, pattern: str) -> None:
        self._holds, needed = _Reader(pattern[1:-1]).condition()
        self._needed = sorted(needed - {""}, key=len, reverse=True)

    def matches(self, message: str) -> bool:
        for text in self._needed:
            # A key or value that the message does not spell cannot be in it, unless spelt with escapes.
            if text not in message and "\\" not in message:
                return False
        document = read_document(message)
        return document is not None and self._holds(document)
