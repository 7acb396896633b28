"""Which operation a REST request means: URI templates as a tree, the most specific match first.

A literal segment beats a label, a label beats a greedy one. Operations of the same path are told apart by the
literals in their query (`?uploads`, `?list-type=2`), then by the query parameters and headers that they
require: `x-amz-copy-source` makes a PUT of an object a copy. Source:
https://smithy.io/2.0/spec/http-bindings.html#http-trait.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import NamedTuple

from gureum.gateway.wire import http
from gureum.kernel.message import Request
from gureum.kernel.models import Model, Operation


class Route(NamedTuple):
    """One operation at the end of a path. `literals` are query parameters that must be there (None: with any
    value); `queries` and `headers` are required by the input."""

    operation: Operation
    labels: tuple[str, ...]
    literals: tuple[tuple[str, str | None], ...]
    queries: tuple[str, ...]
    headers: tuple[str, ...]


class _Node:
    __slots__ = ("bare", "greedy", "label", "literals", "routes", "told")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.label: _Node | None = None
        self.greedy: _Node | None = None
        self.routes: dict[str, list[Route]] = {}
        # Those that want nothing of the query, and the others by the first parameter that they want.
        self.bare: dict[str, list[Route]] = {}
        self.told: dict[str, dict[str, list[Route]]] = {}


class Uris:
    """The compiled URI templates of one model."""

    def __init__(self, model: Model) -> None:
        self._root = _Node()
        for operation in model.operations.values():
            self._add(model, operation)
        _sort(self._root)

    def find(self, request: Request) -> tuple[Operation, dict[str, str]] | None:
        """The operation and its labels, decoded; None where no path fits. Raises Malformed."""
        segments = request.path.split("/")[1:]
        query = dict(http.query(request)) if request.query else {}
        for node, values in _walk(self._root, segments, 0, ()):
            route = _route(node, request.method, query, request.headers)
            if route is not None:
                labels = {name: http.label(value) for name, value in zip(route.labels, values, strict=True)}
                return route.operation, labels
        return None

    def _add(self, model: Model, operation: Operation) -> None:
        path, _, query = operation.uri.partition("?")
        node, labels = self._root, []
        for segment in _trimmed(path):
            if not segment.startswith("{"):
                node = node.literals.setdefault(segment, _Node())
                continue
            labels.append(segment.strip("{}+"))
            kind = "greedy" if segment.endswith("+}") else "label"
            if getattr(node, kind) is None:
                setattr(node, kind, _Node())
            node = getattr(node, kind)
        literals = tuple((name, value or None) for name, value in http.fields(query))
        shape = model.input(operation)
        places: dict[str, set[str]] = {"querystring": set(), "header": set()}
        if shape is not None:
            members = model.members_of(shape)
            for name in shape.required:
                member = members[name]
                if member.location in places:
                    places[member.location].add(member.location_name or name)
        headers = tuple(name.lower() for name in places["header"])
        route = Route(operation, tuple(labels), literals, tuple(places["querystring"]), headers)
        node.routes.setdefault(operation.method, []).append(route)


def _trimmed(path: str) -> list[str]:
    segments = path.split("/")[1:]
    return segments[:-1] if segments and segments[-1] == "" else segments


def _sort(node: _Node) -> None:
    """Order each node's routes so that the first that fits is the right one."""
    for method, routes in node.routes.items():
        routes.sort(
            key=lambda it: (-len(it.literals), -len(it.queries) - len(it.headers), it.operation.deprecated)
        )
        node.bare[method] = [route for route in routes if not route.literals]
        told = node.told.setdefault(method, {})
        for route in routes:
            if route.literals:
                told.setdefault(route.literals[0][0], []).append(route)
    for below in (*node.literals.values(), node.label, node.greedy):
        if below is not None:
            _sort(below)


Values = tuple[str, ...]


def _walk(node: _Node, segments: list[str], at: int, values: Values) -> Iterator[tuple[_Node, Values]]:
    """All nodes that the path may end at, the most specific first, with the labels' raw values."""
    rest = len(segments) - at
    if rest == 0 or (rest == 1 and segments[at] == ""):
        if node.routes:
            yield node, values
        if rest == 0:
            return
    segment = segments[at]
    below = node.literals.get(segment)
    if below is None and "%" in segment:
        below = node.literals.get(http.label(segment))
    if below is not None:
        yield from _walk(below, segments, at + 1, values)
    if node.label is not None and segment != "":
        yield from _walk(node.label, segments, at + 1, (*values, segment))
    if node.greedy is not None:
        yield from _greedy(node.greedy, segments, at, values)


def _greedy(node: _Node, segments: list[str], at: int, values: Values) -> Iterator[tuple[_Node, Values]]:
    """A greedy label takes all it can, less what must follow it."""
    if node.literals or node.label:
        for end in range(len(segments) - 1, at, -1):
            # What follows must be more than the end of the path, which the last lines take.
            value = "/".join(segments[at:end])
            for found in _walk(node, segments, end, (*values, value)):
                if found[0] is not node:
                    yield found
    if node.routes and (value := "/".join(segments[at:])):
        yield node, (*values, value)


def _route(node: _Node, method: str, query: dict[str, str], headers: dict[str, str]) -> Route | None:
    """The route that a request at this node means: of those whose literals are in the query the ones with the
    most, else of those that have none."""
    if query and (told := node.told.get(method)):
        found = [
            route
            for name in query
            if name in told
            for route in told[name]
            if all(key in query and (value is None or query[key] == value) for key, value in route.literals)
        ]
        if found:
            most = max(len(route.literals) for route in found)
            return _fullest([route for route in found if len(route.literals) == most], query, headers)
    bare = node.bare.get(method)
    return _fullest(bare, query, headers) if bare else None


def _fullest(routes: list[Route], query: dict[str, str], headers: dict[str, str]) -> Route:
    """The first route whose required parts are all there; else the one that lacks least: its validation then
    says what is missing."""
    best, lacking = routes[0], 0
    for route in routes:
        missing = 0
        for name in route.queries:
            missing += name not in query
        for name in route.headers:
            missing += name not in headers
        if missing == 0:
            return route
        if route is routes[0] or missing < lacking:
            best, lacking = route, missing
    return best


@functools.cache
def uris(model: Model) -> Uris:
    """The compiled URI templates of a model."""
    return Uris(model)
