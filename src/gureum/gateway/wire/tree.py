"""Shapes over a decoded tree of dicts and lists, as JSON and CBOR have it: compiled readers and writers.

A reader turns what the decoder gave into a plain dict in the model's own member names, checking every type; a
writer does the reverse. Both are closures, compiled once per shape. Timestamps are floats inside.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gureum.gateway.wire.scalars import Malformed
from gureum.kernel.models import Model, Shape

Convert = Callable[[Any], Any]


class Leaf(NamedTuple):
    """How one scalar is converted. A value whose type is exactly `plain` needs no conversion."""

    convert: Convert
    plain: type | None = None


class _Never:
    """A type that no value has: for leaves that always need converting."""


class Names(NamedTuple):
    """Which names a format uses for a member, given the member's own name and shape."""

    read: Callable[[str, Shape], tuple[str, ...]]
    write: Callable[[str, Shape], str]


def is_document(shape: Shape) -> bool:
    """Whether the value is free-form JSON."""
    return shape.type == "structure" and shape.document


# AWS's own texts, as DynamoDB sends them to those who send the wrong JSON type.
_JAVA = {
    "string": "java.lang.String",
    "boolean": "java.lang.Boolean",
    "integer": "java.lang.Integer",
    "long": "java.lang.Long",
    "float": "java.lang.Float",
    "double": "java.lang.Double",
    "blob": "java.nio.ByteBuffer",
    "timestamp": "java.util.Date",
}
_FOUND = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE", bytes: "BYTES_VALUE"}


def mismatch(value: Any, type_name: str) -> Malformed:
    """The refusal of a value that is not of the shape's type."""
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected")
    java = _JAVA.get(type_name, f"java.util.{type_name.capitalize()}")
    if isinstance(value, list):
        return Malformed(f"Unrecognized collection type class {java}")
    if type_name in ("list", "map", "structure"):
        return Malformed("Unexpected field type")
    found = (
        f"{str(value).upper()}_VALUE" if isinstance(value, bool) else _FOUND.get(type(value), "NULL_VALUE")
    )
    return Malformed(f"{found} cannot be converted to {java.rpartition('.')[2]}")


class Readers:
    """Compiles readers for one model in one format. `leaf` compiles the scalars."""

    def __init__(self, model: Model, leaf: Callable[[Shape], Leaf], names: Names) -> None:
        self._model, self._leaf, self._names = model, leaf, names
        self._structures: dict[str, Convert] = {}

    def compile(self, shape: Shape) -> Leaf:
        """The reader of `shape`."""
        if shape.type == "structure":
            return Leaf(_same) if shape.document else Leaf(self.structure(shape))
        if shape.type == "list":
            return Leaf(self._list(shape))
        if shape.type == "map":
            return Leaf(self._map(shape))
        return self._leaf(shape)

    def structure(self, shape: Shape) -> Convert:
        """The reader of a structure: unknown members and nulls are passed over, as AWS does."""
        if (found := self._structures.get(shape.name)) is not None:
            return found
        fields: dict[str, tuple[str, type, Convert]] = {}
        known = fields.get

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise mismatch(value, "structure")
            out = {}
            for key, item in value.items():
                field = known(key)
                if field is not None and item is not None:
                    name, plain, convert = field
                    out[name] = item if type(item) is plain else convert(item)
            return out

        # Kept before its members are compiled, so that a shape may contain itself.
        self._structures[shape.name] = read
        for name, member in self._model.members_of(shape).items():
            leaf = self.compile(member)
            for wire_name in self._names.read(name, member):
                fields[wire_name] = (name, leaf.plain or _Never, leaf.convert)
        return read

    def _list(self, shape: Shape) -> Convert:
        assert shape.member is not None
        leaf = self.compile(self._model.resolve(shape.member))
        plain, convert, sparse = leaf.plain or _Never, leaf.convert, shape.sparse

        def read(value: Any) -> list[Any]:
            if type(value) is not list:
                raise mismatch(value, "list")
            out = []
            for item in value:
                if type(item) is plain:
                    out.append(item)
                elif item is not None:
                    out.append(convert(item))
                elif sparse:
                    out.append(None)
                else:
                    raise Malformed("null is not allowed in this list")
            return out

        return read

    def _map(self, shape: Shape) -> Convert:
        assert shape.value is not None
        leaf = self.compile(self._model.resolve(shape.value))
        plain, convert, sparse = leaf.plain or _Never, leaf.convert, shape.sparse

        def read(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise mismatch(value, "map")
            out = {}
            for key, item in value.items():
                if type(key) is not str:
                    raise mismatch(key, "string")
                if type(item) is plain:
                    out[key] = item
                elif item is not None:
                    out[key] = convert(item)
                elif sparse:
                    out[key] = None
                else:
                    raise Malformed("null is not allowed in this map")
            return out

        return read


class Writers:
    """Compiles writers for one model in one format. `leaf` gives a scalar's conversion, None for as it is."""

    def __init__(self, model: Model, leaf: Callable[[Shape], Convert | None], names: Names) -> None:
        self._model, self._leaf, self._names = model, leaf, names
        self._structures: dict[str, Convert] = {}

    def compile(self, shape: Shape) -> Convert | None:
        """The writer of `shape`; None where the value goes out as it is."""
        if shape.type == "structure":
            return None if shape.document else self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        return self._leaf(shape)

    def structure(self, shape: Shape) -> Convert:
        """The writer of a structure. A member that is None is left out; one that the model does not know
        raises KeyError: that is a handler's mistake, not a client's."""
        if (found := self._structures.get(shape.name)) is not None:
            return found
        fields: dict[str, tuple[str, Convert | None]] = {}

        def write(value: dict[str, Any]) -> dict[str, Any]:
            out = {}
            for name, item in value.items():
                wire_name, convert = fields[name]
                if item is not None:
                    out[wire_name] = convert(item) if convert is not None else item
            return out

        self._structures[shape.name] = write
        for name, member in self._model.members_of(shape).items():
            fields[name] = (self._names.write(name, member), self.compile(member))
        return write

    def _list(self, shape: Shape) -> Convert | None:
        assert shape.member is not None
        convert = self.compile(self._model.resolve(shape.member))
        if convert is None:
            return None
        return lambda value: [None if item is None else convert(item) for item in value]

    def _map(self, shape: Shape) -> Convert | None:
        assert shape.value is not None
        convert = self.compile(self._model.resolve(shape.value))
        if convert is None:
            return None
        return lambda value: {key: None if item is None else convert(item) for key, item in value.items()}


def _same(value: Any) -> Any:
    return value
