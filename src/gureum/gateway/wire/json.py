"""AWS JSON 1.0 and 1.1: one POST, the operation in `X-Amz-Target`, a JSON object each way.

Source: https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html, and for services that once spoke query
https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#aws-protocols-awsquerycompatible-trait.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from gureum.gateway.wire import event_stream, http, json_body
from gureum.gateway.wire.refusal import Refusal, refusal
from gureum.gateway.wire.scalars import Malformed
from gureum.gateway.wire.tree import Readers, Writers
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation, Shape

_DATED = re.compile(r"(.+)_(\d{8})\Z")


def match(model: Model, request: Request) -> tuple[Operation, dict[str, str]]:
    """The operation that `X-Amz-Target` names. Raises Fault UnknownOperationException."""
    target = request.headers.get("x-amz-target", "")
    operation = model.operations.get(target.rpartition(".")[2])
    if operation is None:
        raise Fault("UnknownOperationException")
    return operation, {}


@functools.cache
def readers(model: Model) -> Readers:
    """The JSON readers of one model, each shape compiled once."""
    return json_body.readers(model)


@functools.cache
def writers(model: Model) -> Writers:
    """The JSON writers of one model, each shape compiled once."""
    return json_body.writers(model)


def _payload_reader(model: Model, shape: Shape) -> Callable[[bytes], Any]:
    read = readers(model).structure(shape)
    return lambda text: read(json_body.decode(text))


def _payload_writer(model: Model, shape: Shape) -> Callable[[Any], bytes]:
    write = writers(model).structure(shape)
    return lambda value: json_body.encode(write(value))


EVENTS = event_stream.Format("application/json", _payload_reader, _payload_writer)


def reader(model: Model, operation: Operation) -> Callable[[Request, dict[str, str]], dict[str, Any]]:
    """Compile the function that reads an operation's input. It raises Fault SerializationException."""
    shape = model.input(operation)
    if operation.events_in is not None:
        return event_stream.rpc_reader(model, operation, EVENTS)
    read = readers(model).structure(shape) if shape is not None else None

    def parse(request: Request, labels: dict[str, str]) -> dict[str, Any]:
        try:
            text = http.body(request)
            value = json_body.decode(text) if text else {}
            if read is not None:
                fields: dict[str, Any] = read(value)
                return fields
        except (Malformed, RecursionError) as error:
            raise Fault("SerializationException", str(error)) from error
        return {}

    return parse


def writer(model: Model, operation: Operation) -> Callable[[dict[str, Any], str], Response]:
    """Compile the function that writes an operation's output."""
    shape = model.output(operation)
    if operation.events_out is not None:
        return event_stream.rpc_writer(model, operation, EVENTS)
    write = writers(model).structure(shape) if shape is not None else None
    content_type = ("Content-Type", f"application/x-amz-json-{model.metadata.json_version}")
    encode, status = json_body.encode, operation.status

    def answer(result: dict[str, Any], request_id: str) -> Response:
        text = encode(write(result)) if write is not None else b""
        return Response(status, [("x-amzn-RequestId", request_id), content_type], text)

    return answer


def fault(model: Model, operation: Operation | None, problem: Fault, request_id: str) -> Response:
    """A fault as JSON: `__type` names the shape."""
    found = refusal(model, problem)
    members = error_members(model, found, writers(model))
    headers = [("x-amzn-RequestId", request_id), *query_error(model, found)]
    text = json_body.encode({"__type": type_name(model, found), **members})
    return http.response(found.status, headers, text, f"application/x-amz-json-{model.metadata.json_version}")


def error_members(model: Model, found: Refusal, write: Writers) -> dict[str, Any]:
    """The members of an error's body; a shape with no message of its own still carries one."""
    if found.shape is None:
        return found.members
    members: dict[str, Any] = write.structure(found.shape)(found.members)
    if not any(name.lower() == "message" for name in members):
        members["message"] = found.message
    return members


def query_error(model: Model, found: Refusal) -> list[tuple[str, str]]:
    """The header that tells clients of a once-query service its old error code."""
    if not model.metadata.query_compatible:
        return []
    return [("x-amzn-query-error", f"{found.query_code};{'Sender' if found.sender else 'Receiver'}")]


def type_name(model: Model, found: Refusal) -> str:
    """JSON 1.0 services put a namespace before the shape's name, 1.1 services the name alone."""
    if model.metadata.json_version != "1.0":
        return found.code
    if found.shape is None:
        return f"com.amazon.coral.service#{found.code}"
    dated = _DATED.match(model.metadata.target_prefix or "")
    package = f"{dated[1].lower()}.v{dated[2]}" if dated else model.service
    return f"com.amazonaws.{package}#{found.code}"
