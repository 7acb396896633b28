"""The models' regular expressions, as Python runs them.

The `pattern` trait is written for Java, and AWS matches the whole value. What Python's `re` cannot take
(`\\p{L}`, class intersections) runs on the `regex` package; Java spellings that neither takes are respelled.
Java's `\\w`, `\\d` and `\\s` are ASCII, so ours are wherever the pattern has no Unicode property.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

Match = Callable[[str], bool]

# Patterns that may try exponentially many ways run under a time limit, and so do long values against patterns
# that may try quadratically many. What cannot be decided in that time does not match.
LONG = 256
LIMIT_SECONDS = 0.05

# Outside the basic plane Java counts surrogates; Python counts characters.
_RESPELLED = {
    r"\uD800\uDC00-\uDBFF\uDFFF": r"\U00010000-\U0010FFFF",
    r"\p{all}": r"\s\S",
    r"\p{LD}": r"\p{L}\p{Nd}",
    r"\z": r"\Z",
}
_BRACED_HEX = re.compile(r"\\x\{([0-9A-Fa-f]{1,4})\}")
_REPEATED_TWICE = re.compile(r"(\{\d+\})(?=\{\d+,\d*\})")


def compile(pattern: str) -> Match | None:
    """The function that says whether a whole value matches; None where the pattern cannot be run at all."""
    text = respell(pattern)
    repeats, nested = _repeats(text)
    if repeats is None or nested:
        return _limited(text)
    full = re.compile(text, re.ASCII).fullmatch
    if repeats < 2:
        return lambda value: full(value) is not None
    slow = _limited(text)

    def match(value: str) -> bool:
        if len(value) > LONG and slow is not None:
            return slow(value)
        return full(value) is not None

    return match


def respell(pattern: str) -> str:
    """The pattern with Java's own spellings put in Python's words."""
    for java, python in _RESPELLED.items():
        pattern = pattern.replace(java, python)
    pattern = _BRACED_HEX.sub(lambda found: rf"\u{int(found[1], 16):04x}", pattern)
    # Java takes `x{11}{0,3}` as `(?:x{11}){0,3}`; only one pattern has it, after a class.
    return _group_repeats(pattern) if _REPEATED_TWICE.search(pattern) else pattern


def _group_repeats(pattern: str) -> str:
    return re.sub(r"(\[[^\]]*\]\{\d+\})(\{\d+,\d*\})", r"(?:\1)\2", pattern)


def _repeats(text: str) -> tuple[int | None, bool]:
    """How many repeats a pattern has, and whether within one there is a further choice (another repeat, an
    option, an alternative), which is what backtracking multiplies. (None, False) where `re` refuses it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed = re._parser.parse(text, re.ASCII)  # type: ignore[attr-defined]
        except re.error:
            return None, False
    choices = list(_choices(parsed, False))
    return choices.count(False), any(choices)


def _choices(node: Any, within: bool) -> Iterator[bool]:
    """Of each repeat, and of each option or alternative inside a repeat: whether it stands within a repeat."""
    if isinstance(node, tuple) and len(node) == 2:
        kind, content = str(node[0]), node[1]
        if kind.endswith("REPEAT") and content[0] != content[1]:
            if within or content[1] > 1:
                yield within
            yield from _choices(content[2], within or content[1] > 1)
            return
        if kind == "BRANCH" and within:
            yield True
    if hasattr(node, "data") or isinstance(node, (tuple, list)):
        for part in node.data if hasattr(node, "data") else node:
            yield from _choices(part, within)


def _limited(text: str) -> Match | None:
    """The match on the `regex` package, which can be stopped. It is loaded only by a service that needs it."""
    regex: Any = importlib.import_module("regex")
    flags = 0 if "\\p" in text or "\\P" in text else regex.ASCII
    try:
        full = regex.compile(text, flags).fullmatch
    except regex.error:
        return None

    def match(value: str) -> bool:
        try:
            return full(value, timeout=LIMIT_SECONDS) is not None
        except TimeoutError:
            return False

    return match
