"""Each service package has the same shape, and what it declares is really registered."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from house.source import Finding, Source

REGISTERING = {"on", "reconciler", "listener", "resource"}


def check(service: str, files: Sequence[Source]) -> Iterator[Finding]:
    """The rules on one service package as a whole. A package without operations yet is not judged."""
    by_place = {source.place: source for source in files}
    root = by_place.get(f"services/{service}/__init__.py")
    if root is None:
        yield files[0].finding(1, "service-shape", f"services/{service} has no __init__.py")
        return
    if not ast.get_docstring(root.tree):
        yield root.finding(1, "service-shape", "its docstring says in one sentence what the service is for")
    if not any(makes_operations(source) for source in files):
        return
    if not any(source.path.name == "catalog.py" for source in files):
        yield root.finding(1, "service-shape", "no catalog.py: CloudFormation types, console tables, metrics")
    for source in files:
        if source.path.name != "records.py" and (line := registers(source, {"resource"})):
            yield source.finding(line, "service-shape", "records are declared in records.py")
    reached = reachable(root, by_place)
    for source in files:
        if source.place not in reached and registers(source, REGISTERING):
            text = "nothing imports it from the package's __init__, so what it declares is never registered"
            yield source.finding(1, "service-shape", text)


def makes_operations(source: Source) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Operations"
        for node in ast.walk(source.tree)
    )


def registers(source: Source, names: set[str]) -> int | None:
    """The line of the first decorator called by one of these names (`@ops.on(…)`, `@resource(…)`)."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for decorator in node.decorator_list:
                called = decorator.func if isinstance(decorator, ast.Call) else decorator
                name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", None)
                if name in names:
                    return decorator.lineno
    return None


def reachable(root: Source, by_place: dict[str, Source]) -> set[str]:
    """The package's files that importing its `__init__` imports, in turn."""
    seen: set[str] = set()
    waiting = [root]
    while waiting:
        source = waiting.pop()
        if source.place in seen:
            continue
        seen.add(source.place)
        waiting += [by_place[place] for place in imported_places(source) if place in by_place]
    return seen


def imported_places(source: Source) -> Iterator[str]:
    """Where each imported name may live: as a module, as a package, or inside the module it comes from."""
    here = source.place.split("/")[:-1]
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".") if node.module else []
            base = here[: len(here) - node.level + 1] if node.level else []
            path = [*base, *(module[1:] if not node.level and module[:1] == ["gureum"] else module)]
            yield from spellings(path)
            for alias in node.names:
                yield from spellings([*path, alias.name])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                yield from spellings(alias.name.split(".")[1:])


def spellings(path: list[str]) -> Iterator[str]:
    # Importing a.b.c runs a/__init__ and a/b/__init__ first.
    for end in range(1, len(path) + 1):
        yield "/".join(path[:end]) + "/__init__.py"
    yield "/".join(path) + ".py"
