"""JSON text to a plain dict and back, by the model: what the JSON protocols and rest-json share."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from gureum.gateway.wire import scalars, times
from gureum.gateway.wire.scalars import Malformed
from gureum.gateway.wire.tree import Leaf, Names, Readers, Writers, mismatch
from gureum.kernel.models import Shape

encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def decode(text: bytes) -> Any:
    """The value that JSON text holds. Raises Malformed."""
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(str(error)) from error


def _wire_name(name: str, shape: Shape) -> str:
    return shape.location_name or name


NAMES = Names(read=lambda name, shape: (_wire_name(name, shape),), write=_wire_name)


def read_leaf(shape: Shape) -> Leaf:
    """The reader of a scalar in JSON."""
    return _READ[shape.type](shape)


def write_leaf(shape: Shape) -> Callable[[Any], Any] | None:
    """The writer of a scalar in JSON; blobs go out as base64 by the encoder itself."""
    if shape.type == "timestamp":
        if (shape.timestamp_format or times.UNIX) == times.UNIX:
            return times.to_unix
        return times.formatter(shape.timestamp_format or times.UNIX)
    if shape.type in ("float", "double"):
        return _finite
    return int if shape.type in ("integer", "long") else None


def _finite(value: float) -> float | str:
    return value if math.isfinite(value) else scalars.float_text(value)


def readers(model: Any) -> Readers:
    """The readers of one model."""
    return Readers(model, read_leaf, NAMES)


def writers(model: Any) -> Writers:
    """The writers of one model."""
    return Writers(model, write_leaf, NAMES)


def _string(shape: Shape) -> Leaf:
    def read(value: Any) -> str:
        raise mismatch(value, "string")

    return Leaf(read, str)


def _boolean(shape: Shape) -> Leaf:
    def read(value: Any) -> bool:
        if isinstance(value, str):
            raise Malformed("Unexpected token received from parser")
        raise mismatch(value, "boolean")

    return Leaf(read, bool)


def _integer(shape: Shape) -> Leaf:
    limit, type_name = scalars.INT_LIMITS[shape.type], shape.type

    def read(value: Any) -> int:
        # A fraction is cut off, as Java's Number.intValue does on AWS's side.
        if type(value) is float and math.isfinite(value):
            value = int(value)
        if type(value) is not int or not -limit <= value < limit:
            raise mismatch(value, type_name)
        return value

    return Leaf(read)


def _float(shape: Shape) -> Leaf:
    def read(value: Any) -> float:
        if type(value) is int:
            try:
                return float(value)
            except OverflowError as error:
                raise mismatch(value, shape.type) from error
        if type(value) is str:
            try:
                return scalars.special_float(value)
            except KeyError:
                pass
        raise mismatch(value, shape.type)

    return Leaf(read, float)


def _timestamp(shape: Shape) -> Leaf:
    def read(value: Any) -> float:
        try:
            if type(value) is str:
                return times.parse(value)
            if type(value) is float or type(value) is int:
                return float(times.sane(value))
        except ValueError as error:
            raise mismatch(value, "timestamp") from error
        raise mismatch(value, "timestamp")

    return Leaf(read)


def _blob(shape: Shape) -> Leaf:
    def read(value: Any) -> bytes:
        if type(value) is not str:
            raise mismatch(value, "blob")
        return scalars.unbase64(value)

    return Leaf(read)


_READ: dict[str, Callable[[Shape], Leaf]] = {
    "string": _string,
    "boolean": _boolean,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "timestamp": _timestamp,
    "blob": _blob,
}
