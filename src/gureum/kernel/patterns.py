"""The models' regular expressions, as Python runs them.

The `pattern` trait is written for Java, and AWS matches the whole value. What Python's `re` cannot take
(`\\p{L}`, class intersections) runs on the `regex` package; Java spellings that neither takes are respelled.
Java's `\\w`, `\\d` and `\\s` are ASCII, so ours are wherever the pattern has no Unicode property.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable
from typing import Any

Match = Callable[[str], bool]

# A long value against a pattern with several stars can take seconds: such values run under a time limit.
LONG = 4096
LIMIT_SECONDS = 0.1

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
    found = _engine(text)
    if found is None:
        return None
    full = found.fullmatch

    def match(value: str) -> bool:
        return _slowly(text, value) if len(value) > LONG else full(value) is not None

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


def _engine(text: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(text, re.ASCII)
        except re.error:
            regex = _regex()
            try:
                return regex.compile(text)
            except regex.error:
                return None


def _regex() -> Any:
    """The `regex` package, loaded only by a service that needs it."""
    return importlib.import_module("regex")


def _slowly(text: str, value: str) -> bool:
    regex = _regex()
    flags = 0 if "\\p" in text or "\\P" in text else regex.ASCII
    try:
        return regex.fullmatch(text, value, flags=flags, timeout=LIMIT_SECONDS) is not None
    except (TimeoutError, regex.error):
        return False
