"""What a field is compared with: a number, a text with `*` at its ends, or a `%regex%`.

Source: "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail" in the
CloudWatch Logs user guide (quotas and the supported regular expressions among it), and AWS's own answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from gureum.services.logs.patterns.faults import Malformed, bad_term
from gureum.services.logs.regex import BadRegex, Regex

MAX_REGEXES = 2  # in one pattern

NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?\Z", re.ASCII)
_REGEX_CHARACTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 :_#=@/;,-^$?[]{}|\\*+."
)

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def read_regex(text: str, start: int) -> tuple[Regex, int]:
    """The expression between the % at `start` and the next, and where it ends. Raises Malformed."""
    at = start + 1
    while at < len(text) and text[at] != "%":
        if text[at] not in _REGEX_CHARACTERS:
            raise bad_term(text[start : at + 1])
        at += 1
    if at >= len(text):
        raise bad_term(text[start:])
    source = text[start + 1 : at]
    try:
        return Regex(source), at + 1
    except BadRegex as bad:
        raise Malformed("Failed to compile regular expression.") from bad


def read_quoted(text: str, start: int) -> tuple[str, int]:
    """The text between the double quote at `start` and its fellow, unescaped. Raises Malformed."""
    out: list[str] = []
    at = start + 1
    while at < len(text):
        if text[at] == '"':
            return "".join(out), at + 1
        if text[at] == "\\" and text[at + 1 : at + 2] in ('"', "\\"):
            at += 1
        out.append(text[at])
        at += 1
    raise bad_term(text[start:])


def check_regexes(count: int) -> None:
    if count > MAX_REGEXES:
        raise Malformed(
            f"Your input has exceeded the maximum of {MAX_REGEXES} regular expressions per filter pattern."
        )


def text_test(wanted: str) -> Callable[[str], bool]:
    """Equality with `*` standing for anything at the start and the end; inside it is only itself."""
    head, tail = wanted.startswith("*"), wanted.endswith("*") and len(wanted) > 1
    core = wanted[int(head) : len(wanted) - int(tail)]
    if head and not core:
        return lambda text: True
    if head and tail:
        return lambda text: core in text
    if head:
        return lambda text: text.endswith(core)
    if tail:
        return lambda text: text.startswith(core)
    return lambda text: text == core
