"""An input that is accepted and never read is a lie: every member of an operation's input is read, or said not to be.

A handler reads a member when it, or a function of its package that it hands the request to, looks it up by name;
naming it in `@ops.on` counts. What a service truly has no use for is listed in its `catalog.py`:

    UNREAD = {"CreateQueue.Color": "AWS ignores it too: <page>"}     # or "*.Color" for all operations
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from gureum.kernel import model_files
from house.source import Finding, Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
# Read by the front door for every service, wherever the model has them.
READ_BY_THE_DOOR: set[str] = set()
EVERYTHING = "**"


def check(files: Sequence[Source]) -> Iterator[Finding]:
    """The members that no handler of one service package reads."""
    functions: dict[str, list[Function]] = {}
    for source in files:
        for node in ast.walk(source.tree):
            if isinstance(node, Function):
                functions.setdefault(node.name, []).append(node)
    constants = {name: value for source in files for name, value in named_constants(source.tree)}
    unread = waivers(files)
    used: set[str] = set()
    services = dict(declared(files))
    for source in files:
        for node in source.tree.body:
            if isinstance(node, Function) and (found := registration(node)):
                service = services.get(found[0]) or next(iter(services.values()), "")
                yield from judged(source, node, service, Reading(functions, constants), unread, used)
    for key in sorted(set(unread) - used):
        source = next(source for source in files if source.path.name == "catalog.py")
        yield source.finding(
            1, "unread-member", f"UNREAD names {key}, which is read or is not there: remove it"
        )


def judged(
    source: Source,
    handler: Function,
    service: str,
    reading: Reading,
    unread: Mapping[str, str],
    used: set[str],
) -> Iterator[Finding]:
    model = inputs_of(service)
    operation = next((name for name in model if name.lower() == handler.name.replace("_", "").lower()), None)
    if operation is None:
        return
    members = model[operation] - READ_BY_THE_DOOR
    if pages(handler):
        members = members - paging_of(service, operation)
    read = reading.members(handler)
    if EVERYTHING in read:
        return
    for member in sorted(members - read):
        keys = [key for key in (f"{operation}.{member}", f"*.{member}") if key in unread]
        used.update(keys)
        if not keys:
            text = f"{operation} takes {member} and never reads it"
            yield source.finding(handler.lineno, "unread-member", text)


def pages(handler: Function) -> bool:
    """It hands its request to `ctx.page`, which reads the members that the model's paginator names."""
    calls = (node for node in ast.walk(handler) if isinstance(node, ast.Call))
    return any(
        getattr(call.func, "attr", "") == "page" and mentions(call, request_name(handler)) for call in calls
    )


def declared(files: Sequence[Source]) -> Iterator[tuple[str, str]]:
    """(variable, service) for each `ops = Operations("sqs")`."""
    for source in files:
        for node in ast.walk(source.tree):
            match node:
                case ast.Assign(
                    targets=[ast.Name(name)],
                    value=ast.Call(func=ast.Name("Operations"), args=[ast.Constant(str(service)), *_]),
                ):
                    yield name, service


def registration(node: Function) -> tuple[str, ast.Call] | None:
    """The variable and the call of `@ops.on(…)`."""
    for decorator in node.decorator_list:
        match decorator:
            case ast.Call(func=ast.Attribute(value=ast.Name(name), attr="on")):
                return name, decorator
    return None


def waivers(files: Sequence[Source]) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in files:
        if source.path.name == "catalog.py":
            for node in source.tree.body:
                target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
                if isinstance(target, ast.Name) and target.id == "UNREAD":
                    found |= ast.literal_eval(node.value)  # type: ignore[attr-defined]
    return found


def named_constants(tree: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Module-level names of tuples, lists, sets and dicts, with the strings in them."""
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name):
                yield target.id, strings(node.value)


def strings(node: ast.AST) -> set[str]:
    return {n.value for n in ast.walk(node) if isinstance(n, ast.Constant) and isinstance(n.value, str)}


class Reading:
    """Follows a request through the functions of one package."""

    def __init__(self, functions: Mapping[str, list[Function]], constants: Mapping[str, set[str]]) -> None:
        self.functions, self.constants = functions, constants

    def members(self, handler: Function) -> set[str]:
        found = registration(handler)
        read = strings(found[1]) if found else set()
        seen: set[int] = set()
        waiting: list[tuple[Function, str | None]] = [(handler, request_name(handler))]
        while waiting:
            node, request = waiting.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            read |= self.in_function(node, request)
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and mentions(call, request):
                    name = getattr(call.func, "id", None) or getattr(call.func, "attr", None)
                    waiting += [(f, None) for f in self.functions.get(name or "", ())]
        return read

    def in_function(self, node: Function, request: str | None) -> set[str]:
        """Names looked up in this function: `x["A"]`, `x.get("A")`, `"A" in x`, and those given with the request."""
        read: set[str] = set()
        for part in ast.walk(node):
            match part:
                case ast.Subscript(slice=ast.Constant(str(key)), ctx=ast.Load()):
                    read.add(key)
                case ast.Compare(left=ast.Constant(str(key)), ops=[ast.In() | ast.NotIn()]):
                    read.add(key)
                case ast.Call(func=ast.Attribute(attr="get" | "pop"), args=[ast.Constant(str(key)), *_]):
                    read.add(key)
                case (
                    ast.Call(func=ast.Attribute(attr="get"), args=[ast.Name(), *_])
                    | ast.Subscript(slice=ast.Name())
                ):
                    read |= self.iterated(node)
                case ast.Call(func=ast.Attribute(value=ast.Name(name), attr="items")) if name == request:
                    read.add(EVERYTHING)
                case ast.Call() if mentions(part, request):
                    read |= strings(part) | self.named(part)
                case ast.keyword(arg=None, value=ast.Name(name)) if name == request:
                    read.add(EVERYTHING)
                case ast.Dict(keys=keys, values=values):
                    if any(
                        k is None and getattr(v, "id", "") == request
                        for k, v in zip(keys, values, strict=True)
                    ):
                        read.add(EVERYTHING)
        return read

    def iterated(self, node: Function) -> set[str]:
        """A key held in a variable may be any string that a loop or comprehension here runs over."""
        found: set[str] = set()
        for part in ast.walk(node):
            if isinstance(part, ast.For | ast.comprehension):
                found |= strings(part.iter) | self.named(part.iter)
        return found

    def named(self, node: ast.AST) -> set[str]:
        """The strings in the package's constants that this expression names."""
        names = (getattr(part, "id", None) or getattr(part, "attr", "") for part in ast.walk(node))
        return {text for name in names for text in self.constants.get(str(name), ())}


def request_name(handler: Function) -> str | None:
    """A handler's second parameter is the request."""
    return handler.args.args[1].arg if len(handler.args.args) > 1 else None


def mentions(call: ast.Call, request: str | None) -> bool:
    """The call is given the request itself; in a function further down, anything by a name (it may be it)."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    if request is None:
        return any(isinstance(value, ast.Name) for value in given)
    return any(isinstance(value, ast.Name) and value.id == request for value in given)


@cache
def inputs_of(service: str) -> dict[str, set[str]]:
    """operation → the members of its input, from the model."""
    try:
        model, _ = model_files.model(service, dict[str, Any])
    except model_files.UnknownService:
        return {}
    return {
        name: set(model["shapes"][spec["input"]["shape"]].get("members", ())) if "input" in spec else set()
        for name, spec in model["operations"].items()
    }


@cache
def paging_of(service: str, operation: str) -> set[str]:
    """The members of an input that the model's paginator of this operation sets."""
    _, folder = model_files.model(service, dict[str, Any])
    pages = model_files.beside(folder, "paginators-1").get("pagination", {}).get(operation, {})
    tokens = pages.get("input_token", ())
    return {*([tokens] if isinstance(tokens, str) else tokens), pages.get("limit_key", "")}
