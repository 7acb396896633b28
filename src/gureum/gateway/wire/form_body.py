"""Shapes as form fields: `Tags.member.1.Key=a` to a plain dict, for query and ec2.

The dotted names are gathered into a tree of dicts with text at the leaves; compiled readers walk it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from gureum.gateway.wire import scalars
from gureum.gateway.wire.scalars import Malformed, Unparsable
from gureum.kernel.models import Model, Shape

MAX_PARTS = 64

Tree = dict[str, Any]
Read = Callable[[Any, str], Any]


class Rules(NamedTuple):
    """How a protocol spells names: `member` gives a member's, `flat` says that every list is flattened."""

    member: Callable[[str, Shape], str]
    flat: bool


def tree(pairs: Iterable[tuple[str, str]]) -> Tree:
    """The dotted names as a tree. A name that is both a value and a branch stays a branch."""
    root: Tree = {}
    for key, value in pairs:
        if "." not in key:
            if not isinstance(root.get(key), dict):
                root[key] = value
            continue
        parts = key.split(".", MAX_PARTS)
        if len(parts) > MAX_PARTS:
            raise Malformed("A parameter name has too many parts")
        node = root
        for part in parts[:-1]:
            below = node.get(part)
            if type(below) is not dict:
                below = node[part] = {}
            node = below
        if type(node.get(parts[-1])) is not dict:
            node[parts[-1]] = value
    return root


class BadParameter(Malformed):
    """A parameter whose text does not fit its type: `name` as the caller wrote it, and the text."""

    def __init__(self, name: str, text: str, type_name: str) -> None:
        super().__init__(f"Value ({text}) for parameter {name} is invalid. Must be of type {type_name}.")
        self.name, self.text, self.type_name = name, text, type_name


class Readers:
    """Compiles form readers for one model and one protocol. A reader takes a node and the name it stands at."""

    def __init__(self, model: Model, rules: Rules) -> None:
        self._model, self._rules = model, rules
        self._structures: dict[str, Read] = {}

    def compile(self, shape: Shape) -> Read:
        """The reader of `shape` from its node."""
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        convert, type_name = scalars.reader(shape), shape.type

        def read(node: Any, at: str) -> Any:
            if type(node) is not str:
                raise BadParameter(at, "", type_name)
            try:
                return convert(node)
            except Malformed as error:
                text = error.text if isinstance(error, Unparsable) else node
                raise BadParameter(at, text, type_name) from error

        return read

    def structure(self, shape: Shape) -> Read:
        """The reader of a structure; names that the model does not know are passed over, as AWS does."""
        if (found := self._structures.get(shape.name)) is not None:
            return found
        fields: dict[str, tuple[str, Read]] = {}

        def read(node: Any, at: str) -> dict[str, Any]:
            if type(node) is not dict:
                return {}
            prefix = f"{at}." if at else ""
            out = {}
            for key, below in node.items():
                if (field := fields.get(key)) is not None:
                    out[field[0]] = field[1](below, prefix + key)
            return out

        self._structures[shape.name] = read
        for name, member in self._model.members_of(shape).items():
            fields[self._member_name(name, member)] = (name, self.compile(member))
        return read

    def _member_name(self, name: str, shape: Shape) -> str:
        if not self._rules.flat and shape.type == "list" and shape.flattened and shape.member:
            return shape.query_name or shape.member.location_name or self._rules.member(name, shape)
        return self._rules.member(name, shape)

    def _list(self, shape: Shape) -> Read:
        assert shape.member is not None
        read = self.compile(self._model.resolve(shape.member))
        if self._rules.flat or shape.flattened:
            return lambda node, at: _items(read, node, at)
        name = shape.member.location_name or "member"

        def items(node: Any, at: str) -> list[Any]:
            if type(node) is not dict:
                return []
            # Old clients say "member" whatever the model calls the items.
            used = name if name in node else "member"
            return _items(read, node.get(used), f"{at}.{used}")

        return items

    def _map(self, shape: Shape) -> Read:
        assert shape.key is not None and shape.value is not None
        key_name, value_name = shape.key.location_name or "key", shape.value.location_name or "value"
        read = self.compile(self._model.resolve(shape.value))
        flat = self._rules.flat or shape.flattened

        def pair(node: Any, at: str) -> tuple[str, Any]:
            if type(node) is not dict or type(node.get(key_name)) is not str or value_name not in node:
                raise BadParameter(at, "", "map entry")
            return node[key_name], read(node[value_name], f"{at}.{value_name}")

        def pairs(node: Any, at: str) -> dict[str, Any]:
            if type(node) is not dict:
                return {}
            return dict(_items(pair, node if flat else node.get("entry"), at if flat else f"{at}.entry"))

        return pairs


def _items(read: Read, node: Any, at: str) -> list[Any]:
    """The items `at.1`, `at.2` … by number; gaps are closed, as AWS closes them."""
    if type(node) is not dict:
        return []
    numbered = sorted((int(key), key) for key in node if len(key) <= 9 and key.isascii() and key.isdigit())
    return [read(node[key], f"{at}.{key}") for _, key in numbered]
