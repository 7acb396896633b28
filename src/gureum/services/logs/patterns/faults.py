"""How a filter pattern can be wrong, in AWS's words."""

from __future__ import annotations


class Malformed(ValueError):
    """A filter pattern that AWS answers with InvalidParameterException.

    `message` is AWS's text. Where AWS has no particular one it is "Invalid filter pattern"; TestMetricFilter and
    PutMetricFilter then say "Invalid metric filter pattern" instead, so `particular` tells the two apart.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(message or "Invalid filter pattern")
        self.message, self.particular = str(self), bool(message)


def bad_term(term: str) -> Malformed:
    """The lexer's refusal: the term up to and with the character that cannot be there."""
    return Malformed(f"Invalid character(s) in term '{term}'")
