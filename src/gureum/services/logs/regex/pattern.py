"""One expression, matched by Python's engine where that is surely quick, else by the linear machine.

Python's engine backtracks: on hostile text its time can grow as a power of the text's length, or as 2 to it.
`Cost` says from above how far, for each text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from gureum.services.logs.regex.cost import Cost, longest_literal
from gureum.services.logs.regex.linear import Machine
from gureum.services.logs.regex.syntax import At, Chars, Either, Group, Node, Parser, Repeat, Seq

MAX_STEPS = 4e6  # of the backtracking engine on one text: a few hundredths of a second

_PLACES = {
    "start": r"\A", "end": r"\Z", "line_start": "(?m:^)", "line_end": "(?m:$)",
    "word": r"(?a:\b)", "not_word": r"(?a:\B)",
}  # fmt: skip


def _python(node: Node) -> str:
    match node:
        case Chars(ranges):
            if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
                return re.escape(chr(ranges[0][0]))
            return (
                "[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges) + "]"
                if ranges
                else "(?!)"
            )
        case At(place):
            return _PLACES[place]
        case Seq(items):
            return "".join(_python(item) for item in items)
        case Either(items):
            return "(?:" + "|".join(_python(item) for item in items) + ")"
        case Group(item, _, _):
            return f"({_python(item)})"
        case Repeat(item, least, most, greedy):
            bounds = f"{{{least},{'' if most is None else most}}}"
            return f"(?:{_python(item)}){bounds}{'' if greedy else '?'}"


class Regex:
    """A compiled expression. `names` are its groups' names in order, None for unnamed. Raises BadRegex."""

    def __init__(self, source: str) -> None:
        parser = Parser(source)
        self.source, self.tree = source, parser.parse()
        self.names = tuple(parser.group_names)
        self._machine = Machine(self.tree)
        self._quick = re.compile(_python(self.tree))
        self._literal = longest_literal(self.tree)
        self._cost = Cost(self.tree)

    def search(self, text: str) -> bool:
        """Whether it matches anywhere in the text."""
        if self._literal not in text:
            return False
        if self._cost.of(text) <= MAX_STEPS:
            return self._quick.search(text) is not None
        return self._machine.search(text)

    def groups(self, text: str) -> tuple[str | None, ...] | None:
        """What the groups of the leftmost match caught (None where a group took no part), or None."""
        if not self.search(text):
            return None
        spans = next(self._spans(text))
        return tuple(text[b:e] if b >= 0 else None for b, e in zip(spans[2::2], spans[3::2], strict=True))

    def all_groups(self, text: str) -> list[tuple[str | None, ...]]:
        """The same of each match, left to right, none overlapping."""
        return [
            tuple(text[b:e] if b >= 0 else None for b, e in zip(s[2::2], s[3::2], strict=True))
            for s in self._spans(text)
        ]

    def replace(self, text: str, new: Callable[[tuple[str | None, ...]], str]) -> str:
        """The text with each match replaced by `new(what its groups caught)`."""
        out, done = [], 0
        for spans in self._spans(text):
            caught = tuple(
                text[b:e] if b >= 0 else None for b, e in zip(spans[::2], spans[1::2], strict=True)
            )
            out += [text[done : spans[0]], new(caught)]
            done = spans[1]
        return "".join([*out, text[done:]])

    def _spans(self, text: str) -> Iterator[list[int]]:
        if self._cost.of(text) <= MAX_STEPS:
            for found in self._quick.finditer(text):
                yield [edge for group in range(len(self.names) + 1) for edge in found.span(group)]
            return
        start = 0
        while start <= len(text):
            spans = self._machine.spans(text, start, len(self.names))
            if spans is None:
                return
            yield spans
            start = spans[1] if spans[1] > spans[0] else spans[1] + 1
