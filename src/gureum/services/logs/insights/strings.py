"""Functions of texts, JSON and hashes. Each takes values and gives one; None stands for what is missing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import urllib.parse
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from gureum.services.logs.insights.values import Value, equal, number, plain, read_json, show, text, truth
from gureum.services.logs.regex import BadRegex, Regex

Function = Callable[..., Value]


def of_text(function: Callable[[str], Value]) -> Function:
    """A function of one text, missing where the text is."""

    def applied(value: Value) -> Value:
        known = text(value)
        return None if known is None else function(known)

    return applied


def _strip(side: str) -> Function:
    def strip(value: Value, characters: Value = None) -> Value:
        known, unwanted = text(value), text(characters)
        if known is None:
            return None
        if side == "l":
            return known.lstrip(unwanted)
        return known.rstrip(unwanted) if side == "r" else known.strip(unwanted)

    return strip


def _substr(value: Value, start: Value, length: Value = None) -> Value:
    known, first = text(value), number(start)
    if known is None or first is None:
        return None
    begin = max(int(first), 0)
    count = number(length)
    return known[begin:] if count is None else known[begin : begin + max(int(count), 0)]


def _replace(value: Value, old: Value, new: Value) -> Value:
    known, was, becomes = text(value), text(old), text(new)
    if known is None or was is None or becomes is None:
        return known
    return known.replace(was, becomes) if was else known


@lru_cache(maxsize=256)
def _regex(source: str) -> Regex | None:
    try:
        return Regex(source)
    except BadRegex:
        return None


_REFERENCE = re.compile(r"\\(\d)|\$(\d)|\$\{(\d)\}")


def _regex_replace(value: Value, pattern: Value, new: Value) -> Value:
    known, becomes = text(value), text(new)
    regex = pattern if isinstance(pattern, Regex) else _regex(text(pattern) or "")
    if known is None or becomes is None or regex is None:
        return known

    def expand(groups: tuple[str | None, ...]) -> str:
        def group(found: re.Match[str]) -> str:
            index = int(found[1] or found[2] or found[3] or 0)
            return (groups[index] or "") if index < len(groups) else ""

        return _REFERENCE.sub(group, becomes)

    return regex.replace(known, expand)


def _contains(value: Value, wanted: Value, ignore_case: Value = None) -> Value:
    known, part = text(value), text(wanted)
    if known is None or part is None:
        return 0
    if truth(ignore_case):
        known, part = known.casefold(), part.casefold()
    return int(part in known)


def _starts(value: Value, wanted: Value) -> Value:
    known, part = text(value), text(wanted)
    return int(known is not None and part is not None and known.startswith(part))


def _ends(value: Value, wanted: Value) -> Value:
    known, part = text(value), text(wanted)
    return int(known is not None and part is not None and known.endswith(part))


def _split(value: Value, delimiter: Value) -> Value:
    known, between = text(value), text(delimiter)
    if known is None:
        return None
    return known.split(between) if between else [known]


def _base64_decode(known: str) -> Value:
    try:
        return base64.b64decode(known, validate=True).decode("utf-8", "replace")
    except (ValueError, binascii.Error):
        return None


def _hex_to_ascii(known: str) -> Value:
    try:
        return bytes.fromhex(known.removeprefix("0x")).decode("latin-1")
    except ValueError:
        return None


def _hex_to_dec(known: str) -> Value:
    return int(known, 16) if re.fullmatch(r"(?:0[xX])?[0-9a-fA-F]{1,32}", known) else None


def _dec_to_hex(value: Value) -> Value:
    found = number(value)
    return hex(int(found)) if found is not None and abs(found) < 1e30 else None


def _array(value: Value) -> list[Any] | None:
    found = value if isinstance(value, list) else read_json(value) if isinstance(value, str) else None
    return found if isinstance(found, list) else None


def _array_size(value: Value) -> Value:
    found = _array(value)
    return None if found is None else len(found)


def _array_contains(value: Value, wanted: Value) -> Value:
    return int(any(equal(plain(member), wanted) for member in _array(value) or ()))


def _json_parse(value: Value) -> Value:
    found = read_json(value) if isinstance(value, str) else None
    return found if isinstance(found, dict | list) else None


def _concat(*parts: Value) -> Value:
    return "".join(text(part) or "" for part in parts)


ANY = 1_000  # arguments, as many as one likes

FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    "strlen": (1, 1, of_text(len)),
    "toupper": (1, 1, of_text(str.upper)),
    "tolower": (1, 1, of_text(str.lower)),
    "upper": (1, 1, of_text(str.upper)),
    "lower": (1, 1, of_text(str.lower)),
    "trim": (1, 2, _strip("")),
    "ltrim": (1, 2, _strip("l")),
    "rtrim": (1, 2, _strip("r")),
    "substr": (2, 3, _substr),
    "replace": (3, 3, _replace),
    "regexreplace": (3, 3, _regex_replace),
    "strcontains": (2, 3, _contains),
    "startswith": (2, 2, _starts),
    "endswith": (2, 2, _ends),
    "concat": (1, ANY, _concat),
    "split": (2, 2, _split),
    "isempty": (1, 1, lambda value: int(value is None or text(value) == "")),
    "isblank": (
        1,
        1,
        lambda value: int(value is None or (text(value) or "x").isspace() or text(value) == ""),
    ),
    "urlencode": (1, 1, of_text(lambda known: urllib.parse.quote(known, safe=""))),
    "urldecode": (1, 1, of_text(urllib.parse.unquote)),
    "base64encode": (1, 1, of_text(lambda known: base64.b64encode(known.encode()).decode())),
    "base64decode": (1, 1, of_text(_base64_decode)),
    "hextoascii": (1, 1, of_text(_hex_to_ascii)),
    "hextodec": (1, 1, of_text(_hex_to_dec)),
    "dectohex": (1, 1, _dec_to_hex),
    "md5": (1, 1, of_text(lambda known: hashlib.md5(known.encode(), usedforsecurity=False).hexdigest())),
    "sha256": (1, 1, of_text(lambda known: hashlib.sha256(known.encode()).hexdigest())),
    "messagesize": (1, 1, of_text(lambda known: len(known.encode()))),
    "jsonparse": (1, 1, _json_parse),
    "jsonstringify": (1, 1, lambda value: show(value) if isinstance(value, dict | list) else None),
    "jsonarraysize": (1, 1, _array_size),
    "jsonarraycontains": (2, 2, _array_contains),
}
