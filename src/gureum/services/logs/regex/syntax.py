"""RE2's syntax (without back-references and look-around, which RE2 has not) as a tree.

Source: https://github.com/google/re2/wiki/Syntax, the syntax that CloudWatch Logs names for its queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Ranges = tuple[tuple[int, int], ...]
Place = Literal["start", "end", "line_start", "line_end", "word", "not_word"]

LAST = 0x10FFFF
MAX_REPEAT = 1000
MAX_DEPTH = 100


class BadRegex(ValueError):
    """The text is not a regular expression that is understood here; the message says why."""


@dataclass(frozen=True, slots=True)
class Chars:
    ranges: Ranges  # sorted, disjoint, inclusive code points


@dataclass(frozen=True, slots=True)
class At:
    place: Place


@dataclass(frozen=True, slots=True)
class Seq:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    item: Node
    least: int
    most: int | None
    greedy: bool


@dataclass(frozen=True, slots=True)
class Group:
    item: Node
    number: int
    name: str | None


Node = Chars | At | Seq | Either | Repeat | Group


def _merge(ranges: list[tuple[int, int]]) -> Ranges:
    out: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if out and low <= out[-1][1] + 1:
            out[-1] = (out[-1][0], max(out[-1][1], high))
        else:
            out.append((low, high))
    return tuple(out)


def _complement(ranges: Ranges) -> Ranges:
    out, next_low = [], 0
    for low, high in ranges:
        if low > next_low:
            out.append((next_low, low - 1))
        next_low = high + 1
    if next_low <= LAST:
        out.append((next_low, LAST))
    return tuple(out)


def _span(text: str) -> list[tuple[int, int]]:
    """ "az09" → the ranges a-z and 0-9."""
    return [(ord(text[i]), ord(text[i + 1])) for i in range(0, len(text), 2)]


_DIGIT, _WORD, _SPACE = _merge(_span("09")), _merge(_span("09AZaz__")), _merge(_span("\t\n\f\r  "))
_CLASSES = {"d": _DIGIT, "w": _WORD, "s": _SPACE} | {
    name: _complement(r) for name, r in (("D", _DIGIT), ("W", _WORD), ("S", _SPACE))
}
_POSIX = {
    "alnum": "09AZaz", "alpha": "AZaz", "ascii": "\0\x7f", "blank": "\t\t  ", "cntrl": "\0\x1f\x7f\x7f",
    "digit": "09", "graph": "!~", "lower": "az", "print": " ~", "punct": "!/:@[`{~", "space": "\t\r  ",
    "upper": "AZ", "word": "09AZaz__", "xdigit": "09AFaf",
}  # fmt: skip
_CONTROLS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_PLACES: dict[str, Place] = {"A": "start", "z": "end", "b": "word", "B": "not_word"}


def _fold(ranges: Ranges) -> Ranges:
    """Both cases of each letter; in long ranges only of ASCII letters."""
    out = list(ranges)
    for low, high in ranges:
        codes = range(low, high + 1) if high - low < 256 else range(max(low, 65), min(high, 122) + 1)
        for code in codes:
            for other in (chr(code).lower(), chr(code).upper()):
                if len(other) == 1:
                    out.append((ord(other), ord(other)))
    return _merge(out)


class Parser:
    """A recursive descent over one expression. `group_names` fills up in the order of the groups."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.depth = text, 0, 0
        self.group_names: list[str | None] = []
        self.ignore_case = self.dot_all = self.multi_line = False

    def parse(self) -> Node:
        node = self._either()
        if self.at < len(self.text):
            raise BadRegex(f"unexpected ): `{self.text}`")
        return node

    def _peek(self, count: int = 1) -> str:
        return self.text[self.at : self.at + count]

    def _take(self) -> str:
        if self.at >= len(self.text):
            raise BadRegex(f"unexpected end of pattern: `{self.text}`")
        self.at += 1
        return self.text[self.at - 1]

    def _either(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise BadRegex("expression nests too deeply")
        branches = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._sequence())
        self.depth -= 1
        return branches[0] if len(branches) == 1 else Either(tuple(branches))

    def _sequence(self) -> Node:
        items: list[Node] = []
        while self._peek() and self._peek() not in "|)":
            atom = self._atom()
            if atom is not None:
                items.append(self._repeat(atom))
        return items[0] if len(items) == 1 else Seq(tuple(items))

    def _repeat(self, atom: Node) -> Node:
        bounds = self._bounds()
        if bounds is None:
            return atom
        greedy = self._peek() != "?"
        self.at += not greedy
        if self._bounds() is not None:
            raise BadRegex(f"invalid nested repetition operator in `{self.text}`")
        return Repeat(atom, bounds[0], bounds[1], greedy)

    def _bounds(self) -> tuple[int, int | None] | None:
        sign = self._peek()
        if sign in ("*", "+", "?"):
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign]
        close = self.text.find("}", self.at)
        if sign != "{" or close < 0:
            return None
        low, comma, high = self.text[self.at + 1 : close].replace(" ", "").partition(",")
        if not (low.isdigit() or (comma and low == "" and high.isdigit())) or not (
            high == "" or high.isdigit()
        ):
            return None  # as RE2 has it, a brace that is no repetition is a brace
        least = int(low or 0)
        most = (int(high) if high else None) if comma else least
        if least > MAX_REPEAT or (most is not None and (most > MAX_REPEAT or most < least)):
            raise BadRegex(f"invalid repetition size: `{self.text[self.at : close + 1]}`")
        self.at = close + 1
        return least, most

    def _atom(self) -> Node | None:
        sign = self._take()
        if sign == "(":
            return self._group()
        if sign == "[":
            return Chars(self._class())
        if sign == ".":
            return Chars(((0, LAST),) if self.dot_all else ((0, 9), (11, LAST)))
        if sign == "^":
            return At("line_start" if self.multi_line else "start")
        if sign == "$":
            return At("line_end" if self.multi_line else "end")
        if sign in "*+?":
            raise BadRegex(f"missing argument to repetition operator: `{sign}`")
        if sign == "\\":
            if self._peek() in _PLACES and self._peek():
                return At(_PLACES[self._take()])
            if self._peek() == "Q":
                return self._quoted()
            return Chars(self._cased(self._escape()))
        return Chars(self._cased(((ord(sign), ord(sign)),)))

    def _cased(self, ranges: Ranges) -> Ranges:
        return _fold(ranges) if self.ignore_case else ranges

    def _quoted(self) -> Node:
        end = self.text.find("\\E", self.at)
        inner = self.text[self.at + 1 : len(self.text) if end < 0 else end]
        self.at = len(self.text) if end < 0 else end + 2
        return Seq(tuple(Chars(self._cased(((ord(c), ord(c)),))) for c in inner))

    def _group(self) -> Node | None:
        if self._peek() != "?":
            return self._captured(None)
        self.at += 1
        for opening in ("P<", "<"):
            if self._peek(len(opening)) == opening and self._peek(2) not in ("<=", "<!"):
                close = self.text.find(">", self.at)
                name = self.text[self.at + len(opening) : close]
                if close < 0 or not name.replace("_", "a").isalnum() or name in self.group_names:
                    raise BadRegex(f"invalid named capture: `(?{self.text[self.at : close + 1]}`")
                self.at = close + 1
                return self._captured(name)
        return self._flagged()

    def _captured(self, name: str | None) -> Node:
        self.group_names.append(name)
        number = len(self.group_names)
        return Group(self._inside(), number, name)

    def _inside(self) -> Node:
        saved = self.ignore_case, self.dot_all, self.multi_line
        node = self._either()
        self.ignore_case, self.dot_all, self.multi_line = saved
        if self._peek() != ")":
            raise BadRegex(f"missing ): `{self.text}`")
        self.at += 1
        return node

    def _flagged(self) -> Node | None:
        saved = self.ignore_case, self.dot_all, self.multi_line
        value = True
        while True:
            sign = self._take()
            if sign == "-" and value:
                value = False
            elif sign == "i":
                self.ignore_case = value
            elif sign == "s":
                self.dot_all = value
            elif sign == "m":
                self.multi_line = value
            elif sign == ")":
                return None  # the flags hold to the end of the enclosing group
            elif sign == ":":
                node = self._inside()
                self.ignore_case, self.dot_all, self.multi_line = saved
                return node
            else:
                raise BadRegex(f"invalid or unsupported Perl syntax: `(?{sign}`")

    def _escape(self) -> Ranges:
        sign = self._take()
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign in _CONTROLS:
            return ((_CONTROLS[sign],) * 2,)
        if sign == "x":
            return self._hexadecimal()
        if sign.isalnum() and sign.isascii():
            raise BadRegex(f"invalid escape sequence: `\\{sign}`")
        return ((ord(sign), ord(sign)),)

    def _hexadecimal(self) -> Ranges:
        if self._peek() == "{":
            close = self.text.find("}", self.at)
            digits, self.at = self.text[self.at + 1 : close], close + 1
        else:
            digits, self.at = self._peek(2), self.at + 2
        try:
            code = int(digits, 16)
        except ValueError:
            code = -1
        if not 0 <= code <= LAST or len(digits) < 2:
            raise BadRegex(f"invalid escape sequence: `\\x{digits}`")
        return ((code, code),)

    def _class(self) -> Ranges:
        negated = self._peek() == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while self._peek() != "]" or first:
            first = False
            if self._peek(2) == "[:":
                ranges += self._posix()
                continue
            low = self._member()
            if len(low) == 1 and low[0][0] == low[0][1] and self._peek() == "-" and self._peek(2) != "-]":
                self.at += 1
                high = self._member()
                if len(high) != 1 or high[0][1] < low[0][0]:
                    raise BadRegex(f"invalid character class range in `{self.text}`")
                low = ((low[0][0], high[0][1]),)
            ranges += low
        self.at += 1
        merged = self._cased(_merge(ranges))
        return _complement(merged) if negated else merged

    def _member(self) -> Ranges:
        if self.at >= len(self.text):
            raise BadRegex(f"missing closing ]: `{self.text}`")
        sign = self._take()
        return self._escape() if sign == "\\" else ((ord(sign), ord(sign)),)

    def _posix(self) -> Ranges:
        close = self.text.find(":]", self.at)
        name = self.text[self.at + 2 : close] if close >= 0 else ""
        if name.removeprefix("^") not in _POSIX:
            raise BadRegex(f"invalid character class range: `[:{name}:]`")
        self.at = close + 2
        ranges = _merge(_span(_POSIX[name.removeprefix("^")]))
        return _complement(ranges) if name.startswith("^") else ranges
