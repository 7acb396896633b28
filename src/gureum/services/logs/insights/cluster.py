"""The pattern command: messages of one shape together, with tokens for what varies in them.

A message is split into words and marks. Words that hold digits (numbers, dates, addresses, identifiers) vary; then
messages of the same length are put together when enough of their words agree (after Drain, He et al. 2017), and
the words in which they do not become tokens too.
Source: "pattern" in the CloudWatch Logs user guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import md5

from gureum.services.logs.insights.compile import Getter
from gureum.services.logs.insights.row import Row
from gureum.services.logs.insights.values import Value, text

MAX_CLUSTERS = 5_000
MAX_WORDS = 400
ALIKE = 0.6  # the part of the words that must agree
FIELDS = ("@PatternId", "@pattern", "@ratio", "@regexString", "@sampleCount", "@severityLabel")

_WORDS = re.compile(
    r"(?P<UUID>\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b)"
    r"|(?P<Date>\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?)"
    r"|(?P<IP>\b\d{1,3}(?:\.\d{1,3}){3}\b)"
    r"|(?P<Time>\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b|\b\d+(?:\.\d+)?(?=\s?(?:ms|us|ns|s|sec|seconds|minutes)\b))"
    r"|(?P<Number>(?<![\w.])[-+]?\d+(?:\.\d+)?(?![\w]))"
    r"|(?P<Token>\b\w*\d\w*\b)"
    r"|(?P<word>\w+)|(?P<mark>\W)"
)
_SEVERITY = (
    (
        "ERROR",
        re.compile(
            r"\b(?:ERROR|FATAL|CRITICAL|SEVERE|EXCEPTION|error|fatal|Exception)\b|Exception\b|Error\b"
        ),
    ),
    ("WARN", re.compile(r"\b(?:WARN|WARNING|warn|warning)\b")),
    ("INFO", re.compile(r"\b(?:INFO|info)\b")),
    ("DEBUG", re.compile(r"\b(?:DEBUG|TRACE|debug|trace)\b")),
)
_VARIES = "\0"


@dataclass(slots=True)
class _Shape:
    words: list[str]  # of what varies _VARIES and its kind
    count: int = 1

    def takes(self, words: list[str]) -> bool:
        agree = sum(
            mine == theirs for mine, theirs in zip(self.words, words, strict=True) if not mine.isspace()
        )
        return agree >= ALIKE * max(1, sum(not word.isspace() for word in words))

    def widen(self, words: list[str]) -> None:
        self.count += 1
        for at, (mine, theirs) in enumerate(zip(self.words, words, strict=True)):
            if mine != theirs:
                self.words[at] = mine if mine[0] == _VARIES else _VARIES + "Token"

    def template(self) -> tuple[str, str]:
        """The pattern as it is shown, and as a regular expression."""
        shown, regex, seen = "", "", 0
        for word in self.words:
            if word[0] == _VARIES:
                seen += 1
                shown, regex = shown + f"<{word[1:]}-{seen}>", regex + ".*"
            else:
                shown, regex = shown + word, regex + re.escape(word)
        return shown, regex


def _words(message: str) -> list[str]:
    words = []
    for found in _WORDS.finditer(message):
        kind = found.lastgroup or "word"
        words.append(found[0] if kind in ("word", "mark") else _VARIES + kind)
        if len(words) == MAX_WORDS:
            words.append(_VARIES + "Token")
            break
    return words or [" "]


def _severity(message: str) -> str | None:
    return next((name for name, pattern in _SEVERITY if pattern.search(message)), None)


class Clusters:
    """The shapes seen so far; beyond MAX_CLUSTERS messages of new shapes count as the shape `<Token-1>`."""

    def __init__(self) -> None:
        self._shapes: dict[tuple[int, str, str | None], list[_Shape]] = {}
        self._exact: dict[tuple[str, ...], _Shape] = {}
        self._rest = _Shape([_VARIES + "Token"], 0)
        self.total = 0

    def add(self, message: str) -> None:
        words = _words(message)
        self.total += 1
        known = self._exact.get(tuple(words))
        if known is not None:
            known.count += 1
            return
        near = self._shapes.setdefault((len(words), words[0], _severity(message)), [])
        shape = next((shape for shape in near if shape.takes(words)), None)
        if shape is not None:
            shape.widen(words)
        elif len(self._exact) < MAX_CLUSTERS:
            shape = _Shape(list(words))
            near.append(shape)
        else:
            shape = self._rest
            shape.count += 1
        if len(self._exact) < MAX_CLUSTERS:
            self._exact[tuple(words)] = shape

    def rows(self) -> Iterator[dict[str, Value]]:
        """The fields of each shape, the commonest first."""
        shapes = [shape for near in self._shapes.values() for shape in near]
        shapes += [self._rest] if self._rest.count else []
        for shape in sorted(shapes, key=lambda shape: -shape.count):
            shown, regex = shape.template()
            yield {
                "@PatternId": md5(shown.encode("utf-8", "replace"), usedforsecurity=False).hexdigest(),
                "@pattern": shown,
                "@ratio": shape.count / self.total,
                "@regexString": regex,
                "@sampleCount": shape.count,
                "@severityLabel": _severity(shown),
            }


def cluster(rows: Iterator[Row], source: Getter) -> Iterator[Row]:
    """The rows of the pattern command over a field."""
    clusters = Clusters()
    for row in rows:
        known = text(source(row))
        if known is not None:
            clusters.add(known)
    for fields in clusters.rows():
        yield Row(None, fields)
