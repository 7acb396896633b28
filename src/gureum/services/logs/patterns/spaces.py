"""Space-delimited patterns: `[ip, user, ..., status = 4* && status != 404, bytes > 1000]`.

A message splits at white space; what stands in double quotes or square brackets is one field, without them. With
`...` any number of fields may stand in its place. Without it, the last field takes the rest of the message as it
stands. `[]` takes any message.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from gureum.services.logs.patterns.faults import Malformed, bad_term
from gureum.services.logs.patterns.values import (
    COMPARE,
    NUMBER,
    check_regexes,
    read_quoted,
    read_regex,
    text_test,
)

_TOKEN = re.compile(r'"([^"]*)"(?=\s|\Z)|\[([^\]]*)\](?=\s|\Z)|(\S+)')
_LEXEME = re.compile(r'\s*(&&|\|\||[<>!]=|=!|[=<>]|\.\.\.|"|%|,|\(|\)|[\w.*+\-/:@$#]+|\S)')

Test = Callable[[str], bool]
ELLIPSIS = "..."


@dataclass(frozen=True, slots=True)
class Field:
    name: str  # "" when unnamed
    test: Test | None


def _split(message: str) -> list[tuple[str, int]]:
    """Each field's text and where it begins."""
    return [(found[found.lastindex or 0], found.start()) for found in _TOKEN.finditer(message)]


class _Reader:
    def __init__(self, inside: str) -> None:
        self.text, self.at, self.regexes = inside, 0, 0

    def peek(self) -> str:
        found = _LEXEME.match(self.text, self.at)
        return found[1] if found else ""

    def take(self) -> str:
        found = _LEXEME.match(self.text, self.at)
        if not found:
            raise Malformed
        self.at = found.end()
        return found[1]

    def fields(self) -> list[Field]:
        if not self.text.strip():
            return [Field(ELLIPSIS, None)]
        fields = [self._field()]
        while self.peek() == ",":
            self.take()
            fields.append(self._field())
        if self.peek():
            raise bad_term(self.peek())
        names = [field.name for field in fields if field.name]
        for name in names:
            if names.count(name) > 1:
                raise Malformed(f"Duplicate field '{name}'")
        check_regexes(self.regexes)
        return fields

    def _field(self) -> Field:
        name = self.peek()
        if name in ("", ","):
            return Field("", None)
        if name == ELLIPSIS:
            self.take()
            return Field(ELLIPSIS, None)
        if name == "(":
            self.take()
            inner = self._either()
            if self.take() != ")":
                raise Malformed
            return Field(inner[0], self._more(inner)[1])
        if not re.fullmatch(r"\w+(?:[-.]\w+)*", name):
            raise bad_term(name)
        if self._ahead() not in COMPARE and self._ahead() != "=!":
            self.take()
            return Field(name, None)
        return Field(*self._either())

    def _ahead(self) -> str:
        found = _LEXEME.match(self.text, self.at)
        after = _LEXEME.match(self.text, found.end()) if found else None
        return after[1] if after else ""

    def _more(self, left: tuple[str, Test]) -> tuple[str, Test]:
        """What follows a condition in parentheses."""
        while self.peek() in ("&&", "||"):
            sign, one, right = self.take(), left[1], self._both()
            left = (self._same(left[0], right[0]), _join(sign, one, right[1]))
        return left

    def _either(self) -> tuple[str, Test]:
        left = self._both()
        while self.peek() == "||":
            self.take()
            right = self._both()
            left = (self._same(left[0], right[0]), _join("||", left[1], right[1]))
        return left

    def _both(self) -> tuple[str, Test]:
        left = self._one()
        while self.peek() == "&&":
            self.take()
            right = self._one()
            left = (self._same(left[0], right[0]), _join("&&", left[1], right[1]))
        return left

    def _one(self) -> tuple[str, Test]:
        name = self.take()
        if name == "(":
            inner = self._either()
            if self.take() != ")":
                raise Malformed
            return inner
        sign = self.take()
        sign = "!=" if sign == "=!" else sign
        if sign not in COMPARE:
            raise Malformed
        return name, self._value(sign)

    def _same(self, left: str, right: str) -> str:
        if left != right:
            raise Malformed
        return left

    def _value(self, sign: str) -> Test:
        begin = self.at + len(self.text[self.at :]) - len(self.text[self.at :].lstrip())
        first = self.take()
        if first == '"':
            wanted, self.at = read_quoted(self.text, begin)
            return _textual(sign, text_test(wanted), f'"{wanted}"')
        if first == "%":
            regex, self.at = read_regex(self.text, begin)
            self.regexes += 1
            return _textual(sign, regex.search, first)
        if NUMBER.match(first):
            return _numeric(sign, float(first), first)
        if not re.fullmatch(r"[\w.*+\-/:@$#]+", first):
            raise bad_term(first)
        return _textual(sign, text_test(first), first)


def _join(sign: str, one: Test, two: Test) -> Test:
    if sign == "&&":
        return lambda text: one(text) and two(text)
    return lambda text: one(text) or two(text)


def _textual(sign: str, test: Test, term: str) -> Test:
    if sign == "=":
        return test
    if sign == "!=":
        return lambda text: not test(text)
    raise bad_term(term)


def _numeric(sign: str, wanted: float, term: str) -> Test:
    compare = COMPARE[sign]

    def test(text: str) -> bool:
        if NUMBER.match(text):
            return compare(float(text), wanted)
        return sign == "!=" and text != term

    return test


class Spaces:
    """A compiled space-delimited pattern. Raises Malformed."""

    def __init__(self, pattern: str) -> None:
        self.fields = _Reader(pattern[1:-1]).fields()
        names = [field.name for field in self.fields]
        self._gap = names.index(ELLIPSIS) if ELLIPSIS in names else -1
        self._tests = [(at, field.test) for at, field in enumerate(self.fields) if field.test is not None]

    def matches(self, message: str) -> bool:
        return self._values(message) is not None

    def extract(self, message: str) -> dict[str, str] | None:
        """`$name` of the named fields and `$position` of the others, or None when the message does not match."""
        values = self._values(message)
        if values is None:
            return None
        names: dict[int, str] = {}
        for at, field in enumerate(self.fields):
            if field.name not in ("", ELLIPSIS):
                names[self._place(at, len(values))] = field.name
        return {f"${names.get(at) or at + 1}": value for at, value in enumerate(values)}

    def _place(self, at: int, count: int) -> int:
        return at if self._gap < 0 or at < self._gap else count - (len(self.fields) - at)

    def _values(self, message: str) -> list[str] | None:
        tokens = _split(message)
        least = len(self.fields) - (self._gap >= 0)
        if len(tokens) < least:
            return None
        values = [token for token, _ in tokens]
        if self._gap < 0 and len(tokens) > least:
            values[least - 1 :] = [message[tokens[least - 1][1] :].rstrip()]
        for at, test in self._tests:
            if not test(values[self._place(at, len(values))]):
                return None
        return values
