"""Shapes as XML: compiled readers of elements and writers of text, for rest-xml, query and ec2.

Source: https://smithy.io/2.0/spec/protocol-traits.html#xml-bindings. Names, flattening, attributes and
namespaces come from the model's traits. A writer takes the value and an `emit` function for pieces of text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gureum.gateway.wire import scalars, times
from gureum.gateway.wire.refusal import Refusal
from gureum.gateway.wire.scalars import Malformed
from gureum.gateway.wire.xml import Element, escape
from gureum.kernel.models import Model, Namespace, Shape

Emit = Callable[[str], None]
Read = Callable[[Element], Any]
Write = Callable[[Any, Emit], None]


def member_name(name: str, shape: Shape) -> str:
    """The element name of a structure's member. A flattened list goes by its items' name where they have one."""
    if shape.type == "list" and shape.flattened and shape.member and shape.member.location_name:
        return shape.member.location_name
    return shape.location_name or name


class Readers:
    """Compiles element readers for one model."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._structures: dict[str, Read] = {}

    def compile(self, shape: Shape) -> Read:
        """The reader of `shape` from its element."""
        if shape.type == "structure":
            return self.structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        convert = scalars.reader(shape)
        return lambda element: convert(element.text)

    def structure(self, shape: Shape) -> Read:
        """The reader of a structure; elements that the model does not know are passed over."""
        if (found := self._structures.get(shape.name)) is not None:
            return found
        fields: dict[str, tuple[str, Read]] = {}
        repeated: dict[str, tuple[str, Callable[[Element, Any], Any]]] = {}
        attributes: list[tuple[str, str]] = []

        def read(element: Element) -> dict[str, Any]:
            out: dict[str, Any] = {}
            for child in element.children:
                if (field := fields.get(child.name)) is not None:
                    out[field[0]] = field[1](child)
                elif (many := repeated.get(child.name)) is not None:
                    out[many[0]] = many[1](child, out.get(many[0]))
            for name, key in attributes:
                if key in element.attributes:
                    out[name] = element.attributes[key]
            return out

        self._structures[shape.name] = read
        for name, member in self._model.members_of(shape).items():
            if member.xml_attribute:
                attributes.append((name, member.location_name or name))
            elif member.flattened and member.type in ("list", "map"):
                collect = self._collect(member)
                repeated[member.location_name or name] = (name, collect)
                repeated[member_name(name, member)] = (name, collect)
            else:
                fields[member.location_name or name] = (name, self.compile(member))
        return read

    def _list(self, shape: Shape) -> Read:
        assert shape.member is not None
        read = self.compile(self._model.resolve(shape.member))
        return lambda element: [read(child) for child in element.children]

    def _map(self, shape: Shape) -> Read:
        pair = self._pair(shape)

        def read(element: Element) -> dict[str, Any]:
            return dict(pair(child) for child in element.children)

        return read

    def _collect(self, shape: Shape) -> Callable[[Element, Any], Any]:
        """Adds one element of a flattened list or map to what came before it."""
        if shape.type == "map":
            pair = self._pair(shape)
            return lambda element, before: {**(before or {}), **dict([pair(element)])}
        assert shape.member is not None
        read = self.compile(self._model.resolve(shape.member))

        def append(element: Element, before: list[Any] | None) -> list[Any]:
            before = [] if before is None else before
            before.append(read(element))
            return before

        return append

    def _pair(self, shape: Shape) -> Callable[[Element], tuple[str, Any]]:
        assert shape.key is not None and shape.value is not None
        key_name, value_name = shape.key.location_name or "key", shape.value.location_name or "value"
        read = self.compile(self._model.resolve(shape.value))

        def pair(element: Element) -> tuple[str, Any]:
            parts = {child.name: child for child in element.children}
            try:
                return parts[key_name].text, read(parts[value_name])
            except KeyError as error:
                raise Malformed("The XML you provided was not well-formed") from error

        return pair


class Writers:
    """Compiles writers of elements for one model, by `name` of members. Timestamps are iso8601 unless their
    shape says otherwise."""

    def __init__(self, model: Model, name: Callable[[str, Shape], str] = member_name) -> None:
        self._model, self._name = model, name
        self._structures: dict[str, Write] = {}

    def element(self, shape: Shape, name: str) -> Write:
        """The writer of `shape` as an element called `name`."""
        if shape.type == "structure":
            return self._structure(shape, name)
        if shape.type == "list":
            return self._list(shape, name)
        if shape.type == "map":
            return self._map(shape, name)
        start, end = f"<{name}{declared(shape.xml_namespace)}>", f"</{name}>"
        if shape.type == "string":
            return lambda value, emit: emit(f"{start}{escape(value)}{end}")
        convert = scalars.writer(shape, times.ISO8601)
        return lambda value, emit: emit(f"{start}{convert(value)}{end}")

    def members(self, shape: Shape) -> Write:
        """The writer of a structure's members, without an element around them. A member that is None is left
        out; one that the model does not know raises KeyError."""
        if (found := self._structures.get(shape.name)) is not None:
            return found
        fields: dict[str, Write | None] = {}

        def write(value: dict[str, Any], emit: Emit) -> None:
            for name, item in value.items():
                field = fields[name]
                if item is not None and field is not None:
                    field(item, emit)

        self._structures[shape.name] = write
        for name, member in self._model.members_of(shape).items():
            # Attributes are written with the start tag.
            wire_name = self._name(name, member)
            fields[name] = None if member.xml_attribute else self.element(member, wire_name)
        return write

    def _structure(self, shape: Shape, name: str) -> Write:
        write = self.members(shape)
        space, end = declared(shape.xml_namespace), f"</{name}>"
        members = self._model.members_of(shape).items()
        attributes = [(key, at.location_name or key) for key, at in members if at.xml_attribute]

        def element(value: dict[str, Any], emit: Emit) -> None:
            tags = "".join(f' {tag}="{escape(value[key])}"' for key, tag in attributes if value.get(key))
            emit(f"<{name}{space}{tags}>")
            write(value, emit)
            emit(end)

        return element

    def _list(self, shape: Shape, name: str) -> Write:
        assert shape.member is not None
        member = self._model.resolve(shape.member)
        if shape.flattened:
            flat = self.element(member, name)

            def repeat(value: list[Any], emit: Emit) -> None:
                for item in value:
                    flat(item, emit)

            return repeat
        write = self.element(member, member.location_name or "member")
        start, end = f"<{name}{declared(shape.xml_namespace)}>", f"</{name}>"

        def element(value: list[Any], emit: Emit) -> None:
            emit(start)
            for item in value:
                write(item, emit)
            emit(end)

        return element

    def _map(self, shape: Shape, name: str) -> Write:
        assert shape.key is not None and shape.value is not None
        key_name = shape.key.location_name or "key"
        value = self._model.resolve(shape.value)
        write = self.element(value, shape.value.location_name or "value")
        entry = name if shape.flattened else "entry"
        start, end = ("", "") if shape.flattened else (f"<{name}>", f"</{name}>")

        def element(pairs: dict[str, Any], emit: Emit) -> None:
            emit(start)
            for key, item in pairs.items():
                emit(f"<{entry}><{key_name}>{escape(key)}</{key_name}>")
                write(item, emit)
                emit(f"</{entry}>")
            emit(end)

        return element


def declared(space: Namespace | None) -> str:
    """A namespace as an attribute of a start tag."""
    if space is None:
        return ""
    prefix = f":{space.prefix}" if space.prefix else ""
    return f' xmlns{prefix}="{escape(space.uri)}"'


@functools.cache
def readers(model: Model) -> Readers:
    """The XML readers of one model, each shape compiled once."""
    return Readers(model)


@functools.cache
def writers(model: Model) -> Writers:
    """The XML writers of one model, each shape compiled once."""
    return Writers(model)


def error_members(model: Model, found: Refusal) -> str:
    """An error's further members as elements, its message left to the caller."""
    members = {name: value for name, value in found.members.items() if name.lower() != "message"}
    pieces: list[str] = []
    if found.shape is not None:
        known = found.shape.members or {}
        modelled = {name: members.pop(name) for name in [*members] if name in known}
        writers(model).members(found.shape)(modelled, pieces.append)
    pieces.extend(f"<{name}>{escape(str(value))}</{name}>" for name, value in members.items())
    return "".join(pieces)
