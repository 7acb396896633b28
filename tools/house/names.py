"""Names that say nothing, and words that do not belong into the project."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from house.source import Finding, Source

EMPTY_PARTS = {"Manager", "Helper", "Helpers", "Util", "Utils", "Backend", "Impl"}
EMPTY_MODULES = {"manager", "helper", "helpers", "util", "utils", "backend", "impl", "base", "misc", "common"}
PARTS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")

# Written as patterns, so that this file does not hold what it looks for.
WORDS = {
    r"/work/(main|shared|\.library)\b": "a path of one machine",
    r"(?i)\b(pypi\.org|(files\.)?pythonhosted\.org|registry\.npmjs\.org|deb\.debian\.org|crates\.io)\b": (
        "the host of a package registry"
    ),
    r"(?i)\b(proxy\.golang\.org|repo1?\.maven\.org|repo\.maven\.apache\.org|rubygems\.org)\b": (
        "the host of a package registry"
    ),
    r"(?i)\b(this|the|a) (session's|helper's) (brief|report)\b": "talk about how the text came to be",
    r"(?i)\bco-authored-by\b": "talk about how the text came to be",
}
NOT_READ = {".png", ".ico", ".woff2", ".gz", ".zip", ".parquet", ".pdf", ".jpg", ".whl"}


def check(source: Source) -> Iterator[Finding]:
    module = source.path.stem
    if (
        module in EMPTY_MODULES
        or module.endswith("_v2")
        or set(module.split("_")) & {"utils", "helpers", "manager"}
    ):
        yield source.finding(1, "empty-name", f"a module called {module} says nothing: name what it holds")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and (why := class_objection(node, source)):
            yield source.finding(node.lineno, "empty-name", f"class {node.name}: {why}")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and second(node, source):
            yield source.finding(
                node.lineno, "empty-name", f"{node.name}: replace the first, do not add a second"
            )


def second(node: ast.FunctionDef | ast.AsyncFunctionDef, source: Source) -> bool:
    """A `_v2` beside a first. A handler carries its operation's name (ListObjectsV2); engines drive cgroups v2."""
    if source.under("engines") or any(".on(" in ast.unparse(decorator) for decorator in node.decorator_list):
        return False
    return node.name.endswith("_v2")


def class_objection(node: ast.ClassDef, source: Source) -> str | None:
    parts = PARTS.findall(node.name)
    if found := EMPTY_PARTS & set(parts):
        return f"{', '.join(sorted(found))} says nothing: name what it does"
    # Records carry AWS's own nouns (CapacityProvider).
    if parts[-1:] == ["Provider"] and source.path.name != "records.py":
        return "Provider says nothing: name what it provides"
    if parts[:1] == ["Base"] and len(parts) > 1:
        return "Base says nothing: name what all have in common"
    return "replace the first, do not add a second" if parts[-1:] == ["V2"] else None


def words(path: Path) -> Iterator[Finding]:
    """Lines of any file in the repository that hold a word from WORDS."""
    if path.suffix in NOT_READ:
        return
    try:
        text = path.read_text()
    except UnicodeDecodeError:
        return
    for pattern, why in WORDS.items():
        for match in re.finditer(pattern, text):
            yield Finding(path, text.count("\n", 0, match.start()) + 1, "word", f"{match[0]}: {why}")
