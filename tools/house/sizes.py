"""Files stay under about 400 lines, functions under 60: what fits a reader's head."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from house.source import Finding, Source

FILE_LINES = 420
FUNCTION_LINES = 60


def check(source: Source) -> Iterator[Finding]:
    if len(source.lines) > FILE_LINES:
        yield source.finding(
            1, "long-file", f"{len(source.lines)} lines; split it by noun (about 400 at most)"
        )
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (size := length(node)) > FUNCTION_LINES
        ):
            yield source.finding(
                node.lineno, "long-function", f"{node.name} has {size} lines; {FUNCTION_LINES} at most"
            )


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, its docstring not counted: telling more must cost nothing."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if (
        isinstance(first, ast.Expr)
        and isinstance(first.value, ast.Constant)
        and isinstance(first.value.value, str)
    ):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines
