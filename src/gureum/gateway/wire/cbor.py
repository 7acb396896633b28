"""Smithy RPC v2 CBOR: `POST /service/<service>/operation/<operation>`, a CBOR map each way.

Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cbor2

from gureum.gateway.wire import event_stream, http, json, scalars, times
from gureum.gateway.wire.refusal import refusal
from gureum.gateway.wire.scalars import Malformed
from gureum.gateway.wire.tree import Leaf, Names, Readers, Writers, mismatch
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation, Shape

MAX_DEPTH = 128
_EPOCH_TAG = 1


def match(model: Model, request: Request) -> tuple[Operation, dict[str, str]]:
    """The operation that the path names. Raises Fault UnknownOperationException."""
    parts = request.path.rsplit("/", 4)
    if len(parts) == 5 and parts[1] == "service" and parts[3] == "operation":
        operation = model.operations.get(parts[4])
        if operation is not None and request.method == "POST":
            return operation, {}
    raise Fault("UnknownOperationException", status=404)


def encode(value: Any) -> bytes:
    """A value as CBOR."""
    return cbor2.dumps(value)


def decode(text: bytes) -> Any:
    """The value that CBOR holds; a timestamp becomes the number under its tag. Raises Malformed."""
    try:
        return cbor2.loads(
            text,
            semantic_decoders={_EPOCH_TAG: lambda value, immutable: value},
            max_depth=MAX_DEPTH,
            strict_hashable_types=True,
        )
    except (cbor2.CBORError, ValueError, OverflowError, MemoryError, RecursionError, TypeError) as error:
        raise Malformed(str(error)) from error


# Names: the protocol uses the member's own; botocore's serialiser sends a locationName where there is one.
NAMES = Names(
    read=lambda name, shape: (name, shape.location_name) if shape.location_name else (name,),
    write=lambda name, shape: name,
)


def _exactly(type_name: str, plain: type) -> Leaf:
    def read(value: Any) -> Any:
        raise mismatch(value, type_name)

    return Leaf(read, plain)


def _integer(shape: Shape) -> Leaf:
    limit, type_name = scalars.INT_LIMITS[shape.type], shape.type

    def read(value: Any) -> int:
        if type(value) is float and value.is_integer():
            value = int(value)
        if type(value) is not int or not -limit <= value < limit:
            raise mismatch(value, type_name)
        return value

    return Leaf(read)


def _float(shape: Shape) -> Leaf:
    def read(value: Any) -> float:
        if type(value) is int and abs(value) < 2**64:
            return float(value)
        raise mismatch(value, shape.type)

    return Leaf(read, float)


def _timestamp(shape: Shape) -> Leaf:
    def read(value: Any) -> float:
        if type(value) is float or type(value) is int:
            try:
                return float(times.sane(value))
            except ValueError as error:
                raise mismatch(value, "timestamp") from error
        raise mismatch(value, "timestamp")

    return Leaf(read)


_READ: dict[str, Callable[[Shape], Leaf]] = {
    "string": lambda shape: _exactly("string", str),
    "boolean": lambda shape: _exactly("boolean", bool),
    "blob": lambda shape: _exactly("blob", bytes),
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "timestamp": _timestamp,
}


def _write_leaf(shape: Shape) -> Callable[[Any], Any] | None:
    if shape.type == "timestamp":
        return lambda value: cbor2.CBORTag(_EPOCH_TAG, times.to_unix(value))
    if shape.type in ("float", "double"):
        return float
    return int if shape.type in ("integer", "long") else None


@functools.cache
def _readers(model: Model) -> Readers:
    return Readers(model, lambda shape: _READ[shape.type](shape), NAMES)


@functools.cache
def _writers(model: Model) -> Writers:
    return Writers(model, _write_leaf, NAMES)


def _payload_reader(model: Model, shape: Shape) -> Callable[[bytes], Any]:
    read = _readers(model).structure(shape)
    return lambda text: read(decode(text))


def _payload_writer(model: Model, shape: Shape) -> Callable[[Any], bytes]:
    write = _writers(model).structure(shape)
    return lambda value: encode(write(value))


EVENTS = event_stream.Format("application/cbor", _payload_reader, _payload_writer)


def reader(model: Model, operation: Operation) -> Callable[[Request, dict[str, str]], dict[str, Any]]:
    """Compile the function that reads an operation's input. It raises Fault SerializationException."""
    if operation.events_in is not None:
        return event_stream.rpc_reader(model, operation, EVENTS)
    shape = model.input(operation)
    read = _readers(model).structure(shape) if shape is not None else None

    def parse(request: Request, labels: dict[str, str]) -> dict[str, Any]:
        try:
            text = http.body(request)
            value = decode(text) if text else {}
            if read is not None:
                fields: dict[str, Any] = read(value)
                return fields
        except (Malformed, RecursionError) as error:
            raise Fault("SerializationException", str(error)) from error
        return {}

    return parse


_PROTOCOL = ("smithy-protocol", "rpc-v2-cbor")


def writer(model: Model, operation: Operation) -> Callable[[dict[str, Any], str], Response]:
    """Compile the function that writes an operation's output."""
    if operation.events_out is not None:
        stream = event_stream.rpc_writer(model, operation, EVENTS)

        def streamed(result: dict[str, Any], request_id: str) -> Response:
            response = stream(result, request_id)
            response.headers.append(_PROTOCOL)
            return response

        return streamed
    shape = model.output(operation)
    write = _writers(model).structure(shape) if shape is not None else None

    def answer(result: dict[str, Any], request_id: str) -> Response:
        headers = [("x-amzn-RequestId", request_id), _PROTOCOL]
        if write is None:
            return Response(operation.status, headers)
        return http.response(operation.status, headers, encode(write(result)), "application/cbor")

    return answer


def fault(model: Model, operation: Operation | None, problem: Fault, request_id: str) -> Response:
    """A fault as CBOR: `__type` names the shape."""
    found = refusal(model, problem)
    members = json.error_members(model, found, _writers(model))
    headers = [("x-amzn-RequestId", request_id), _PROTOCOL, *json.query_error(model, found)]
    text = encode({"__type": json.type_name(model, found), **members})
    return http.response(found.status, headers, text, "application/cbor")
