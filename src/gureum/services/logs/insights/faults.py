"""How a query can be wrong."""

from __future__ import annotations


class Malformed(ValueError):
    """A query that StartQuery answers with MalformedQueryException.

    `message` is its text; `start` and `end` are the QueryCompileErrorLocation (character offsets in the query).
    """

    def __init__(self, message: str, start: int = 0, end: int = 0) -> None:
        super().__init__(message)
        self.message, self.start, self.end = message, start, end


def unexpected(query: str, start: int, end: int) -> Malformed:
    """AWS's words for a symbol where none like it may stand: with its line and its position in that line."""
    line = query.count("\n", 0, start) + 1
    position = start - (query.rfind("\n", 0, start) + 1)
    symbol = query[start:end] or "<EOF>"
    return Malformed(f"unexpected symbol found {symbol} at line {line} and position {position}", start, end)
