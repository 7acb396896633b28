"""Where each statement of a policy document stands in its text, as the simulator tells it."""

from __future__ import annotations

import re
from typing import Any

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[{}\[\]]', re.DOTALL)


def statements(text: str) -> list[tuple[int, int]]:
    """Start and end (exclusive) of each statement of a well-formed document, in order."""
    found: list[tuple[int, int]] = []
    depth, inside, start = 0, 0, 0
    for token in _TOKEN.finditer(text):
        mark = token.group()
        if mark in "{[":
            depth += 1
            if inside == 0 and depth == 2 and _after_statement(text, token.start()):
                inside = 2 if mark == "{" else 3
            if inside and mark == "{" and depth == inside:
                start = token.start()
        elif mark in "}]":
            if inside and mark == "}" and depth == inside:
                found.append((start, token.end()))
            depth -= 1
            if depth < 2:
                inside = 0
    return found


def _after_statement(text: str, at: int) -> bool:
    return re.search(r'"Statement"\s*:\s*$', text[:at]) is not None


def shown(text: str, at: int) -> dict[str, Any]:
    """A place in a text as line and column, both counted from one."""
    return {"Line": text.count("\n", 0, at) + 1, "Column": at - (text.rfind("\n", 0, at) + 1) + 1}
