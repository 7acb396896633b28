"""What a room may not import or build itself. Who may import whom is import-linter's to hold."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator

from house.source import Finding, Source

FORMATS = {"json", "xml", "orjson", "ujson", "simplejson", "lxml", "defusedxml", "xmltodict"}
OUTSIDE = {
    "subprocess": "an engine's port runs programs",
    "socket": "an engine's port reaches the network",
    "sqlite3": "records go through ctx.table",
    "threading": "long work is a reconciler",
    "asyncio": "long work is a reconciler",
    "concurrent": "long work is a reconciler",
    "multiprocessing": "an engine's port runs programs",
    "httpx": "an engine's port reaches the network",
    "requests": "an engine's port reaches the network",
    "urllib3": "an engine's port reaches the network",
    "boto3": "ctx.aws calls other services",
    "botocore": "the kernel reads the models",
}


def check(source: Source) -> Iterator[Finding]:
    if source.under("kernel", "gateway", "services") and not source.under("gateway/wire", "kernel/models.py"):
        yield from formats(source)
    if source.under("services"):
        yield from outside(source)
        yield from drivers(source)
    if not source.under("kernel"):
        yield from arns(source)
    yield from pure(source)
    yield from stubs(source)


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, module) for each absolute import, also those inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.lineno, node.module


def names_imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """As `imported`, but `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def drivers(source: Source) -> Iterator[Finding]:
    """`gureum.engines.containers.port` is what a service may see of an engine."""
    for line, name in names_imported(source.tree):
        parts = name.split(".")
        if parts[:2] == ["gureum", "engines"] and parts[3:4] != ["port"]:
            yield source.finding(
                line, "behind-the-port", f"imports {name}: a service sees an engine's port alone"
            )


def pure(source: Source) -> Iterator[Finding]:
    """`policy/` and every `rules` import the standard library, and one another within their own folder."""
    parts = source.place.split("/")
    if parts[0] == "policy":
        own = "gureum.policy"
    elif parts[-1] == "rules.py":
        own = None
    elif "rules" in parts[:-1]:
        own = ".".join(["gureum", *parts[: parts.index("rules") + 1]])
    else:
        return
    checking = set(only_when_checking(source.tree))
    for line, module in imported(source.tree):
        known = module.split(".")[0] in sys.stdlib_module_names or (
            own and f"{module}.".startswith(f"{own}.")
        )
        if not known and line not in checking:
            yield source.finding(line, "pure", f"imports {module}: here the standard library must do")


def only_when_checking(tree: ast.AST) -> Iterator[int]:
    """The lines that stand under `if TYPE_CHECKING:`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from range(node.body[0].lineno, (node.body[-1].end_lineno or 0) + 1)


def stubs(source: Source) -> Iterator[Finding]:
    """`gureum.api` is not there at run time."""
    checking = set(only_when_checking(source.tree))
    for line, name in names_imported(source.tree):
        if name.startswith("gureum.api.") and line not in checking:
            yield source.finding(line, "run-time-stub", "gureum.api is imported under TYPE_CHECKING only")


def formats(source: Source) -> Iterator[Finding]:
    for line, module in imported(source.tree):
        if module.split(".")[0] in FORMATS:
            yield source.finding(
                line, "wire-format", f"imports {module}: only gateway/wire reads wire formats"
            )


def outside(source: Source) -> Iterator[Finding]:
    for line, module in imported(source.tree):
        if why := OUTSIDE.get(module.split(".")[0]):
            yield source.finding(line, "outside-world", f"imports {module}: {why}")
    for node in ast.walk(source.tree):
        match node:
            case ast.Attribute(value=ast.Name("time"), attr="sleep"):
                yield source.finding(node.lineno, "outside-world", "time.sleep: a reconciler returns Again")
            case ast.ImportFrom(module="time", names=names) if any(name.name == "sleep" for name in names):
                yield source.finding(node.lineno, "outside-world", "time.sleep: a reconciler returns Again")
    yield from state(source)


def state(source: Source) -> Iterator[Finding]:
    """A module-level container that starts empty is filled later, and lost at a restart."""
    for node in source.tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(name), *_], value=value) if is_empty(value):
                pass
            case ast.AnnAssign(target=ast.Name(name), value=ast.expr() as value) if is_empty(value):
                pass
            case _:
                continue
        yield source.finding(
            node.lineno, "module-state", f"{name} is state in a module: it is lost at a restart"
        )


def is_empty(value: ast.expr) -> bool:
    match value:
        case ast.Dict(keys=[]) | ast.List(elts=[]):
            return True
        case ast.Call(func=ast.Name("dict" | "list" | "set" | "deque"), args=[], keywords=[]):
            return True
        case ast.Call(func=ast.Name("defaultdict" | "OrderedDict" | "Counter")):
            return True
    return False


def arns(source: Source) -> Iterator[Finding]:
    """ARNs are made from a kind's declaration, by the kernel."""
    for node in ast.walk(source.tree):
        match node:
            case ast.JoinedStr(values=[ast.Constant(str(text)), *_]):
                pass
            case ast.BinOp(left=ast.Constant(str(text)), op=ast.Mod() | ast.Add()):
                pass
            case ast.Call(func=ast.Attribute(value=ast.Constant(str(text)), attr="format")):
                pass
            case _:
                continue
        if text.startswith("arn:"):
            yield source.finding(node.lineno, "hand-made-arn", "an ARN made by hand: ask the kind for it")
