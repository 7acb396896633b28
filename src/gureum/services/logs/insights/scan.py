"""Reading a query's text symbol by symbol.

What a `/` or a `*` is depends on where it stands, so symbols are read when asked for and as what is asked for.
"""

from __future__ import annotations

import re

from gureum.services.logs.insights.faults import Malformed, unexpected
from gureum.services.logs.regex import BadRegex, Regex

_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_SYMBOL = re.compile(
    r"[<>!]=|=~|[-+*/%^=<>()\[\],|:]|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.])|\d+[A-Za-z]+\b"
    r"|@?`[^`]*`|@?[\w@][\w@]*|\"|'|."
)
_NAME = re.compile(r"(@?)(?:`([^`]*)`|(\w[\w@]*))")
_STEP = re.compile(r"\.(?:`([^`]*)`|(\w[\w@]*))|\[(\d+)\]")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class Scanner:
    """A place in a query's text. Each `take…` goes on to what follows; the others only look."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.ended = 0  # where what was taken last ended

    def _skip(self) -> int:
        found = _BLANK.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.at

    def peek(self) -> str:
        """The next symbol, or "" at the end."""
        found = _SYMBOL.match(self.text, self._skip())
        return found[0] if found else ""

    def word(self) -> str:
        """The next symbol in lower case: keywords know no case."""
        return self.peek().lower()

    def take(self) -> str:
        symbol = self.peek()
        self._to(self.at + len(symbol))
        return symbol

    def _to(self, place: int) -> None:
        self.at = self.ended = place

    def accept(self, *wanted: str) -> bool:
        """Takes the words or signs if they come next, in that order."""
        start, ended = self.at, self.ended
        for word in wanted:
            if self.word() != word:
                self.at, self.ended = start, ended
                return False
            self.take()
        return True

    def expect(self, wanted: str) -> None:
        if not self.accept(wanted):
            raise self.refuse()

    def refuse(self) -> Malformed:
        """That what comes next cannot stand here."""
        symbol = self.peek()
        return unexpected(self.text, self.at, self.at + len(symbol))

    def name(self) -> tuple[str | int, ...]:
        """A field's name with its steps. Raises Malformed."""
        found = _NAME.match(self.text, self._skip())
        if not found:
            raise self.refuse()
        parts: list[str | int] = [found[1] + (found[2] if found[2] is not None else found[3])]
        self._to(found.end())
        while found := _STEP.match(self.text, self.at):
            parts.append(int(found[3]) if found[3] else found[1] if found[1] is not None else found[2])
            self._to(found.end())
        return tuple(parts)

    def number(self) -> int | float:
        found = _NUMBER.match(self.text, self._skip())
        if not found or self.text[found.end() : found.end() + 1].isalpha():
            raise self.refuse()
        self._to(found.end())
        return int(found[0]) if found[0].isdigit() else float(found[0])

    def string(self) -> str:
        """A text in single or double quotes; a backslash takes the meaning from the next character."""
        self._skip()
        start, quote = self.at, self.text[self.at : self.at + 1]
        if quote not in ('"', "'") or not quote:
            raise self.refuse()
        out: list[str] = []
        at = start + 1
        while at < len(self.text) and self.text[at] != quote:
            if self.text[at] == "\\" and at + 1 < len(self.text):
                at += 1
                following = self.text[at]
                out.append(_ESCAPES.get(following, following if following in "\"'\\/`" else "\\" + following))
            else:
                out.append(self.text[at])
            at += 1
        if at >= len(self.text):
            raise unexpected(self.text, start, start + 1)
        self._to(at + 1)
        return "".join(out)

    def regex(self) -> Regex:
        """What stands between slashes; `\\/` is a slash."""
        start = at = self._skip()
        at += 1
        while at < len(self.text) and self.text[at] != "/":
            at += 2 if self.text[at] == "\\" else 1
        if at >= len(self.text):
            raise unexpected(self.text, start, start + 1)
        self._to(at + 1)
        try:
            return Regex(self.text[start + 1 : at].replace("\\/", "/"))
        except BadRegex as bad:
            raise Malformed(f"Invalid regular expression: {bad}", start, at + 1) from bad
