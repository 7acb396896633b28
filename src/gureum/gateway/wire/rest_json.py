"""rest-json: HTTP bindings with JSON bodies.

Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gureum.gateway.wire import http, json, json_body, rest
from gureum.gateway.wire.event_stream import without
from gureum.gateway.wire.refusal import refusal
from gureum.gateway.wire.rest import Answer, Body, Headers, Parse
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation, Shape


def match(model: Model, request: Request) -> tuple[Operation, dict[str, str]]:
    """The operation that method and path name. Raises Fault UnknownOperationException."""
    found = rest.match(model, request)
    if found is None:
        raise Fault("UnknownOperationException", status=404)
    return found


def _read(model: Model, shape: Shape) -> Callable[[bytes], Any]:
    convert = json.readers(model).compile(shape).convert
    return lambda text: convert(json_body.decode(text))


def _write(model: Model, shape: Shape, operation: Operation) -> Callable[[Any], bytes]:
    convert = json.writers(model).compile(shape)
    if convert is None:
        return json_body.encode
    return lambda value: json_body.encode(convert(value))


def _request_id(model: Model, request_id: str) -> Headers:
    return [("x-amzn-RequestId", request_id)]


BODY = Body(
    content_type="application/json",
    read=_read,
    write=_write,
    events=json.EVENTS,
    request_id=_request_id,
    malformed=lambda message: Fault("SerializationException", message),
)


def reader(model: Model, operation: Operation) -> Parse:
    """Compile the function that reads an operation's input. It raises Fault SerializationException."""
    return rest.reader(model, operation, BODY)


def writer(model: Model, operation: Operation) -> Answer:
    """Compile the function that writes an operation's output."""
    return rest.writer(model, operation, BODY)


def fault(model: Model, operation: Operation | None, problem: Fault, request_id: str) -> Response:
    """A fault as JSON; `x-amzn-ErrorType` names the shape."""
    found = refusal(model, problem)
    headers = [("x-amzn-RequestId", request_id), ("x-amzn-ErrorType", rest.one_line(found.code))]
    if found.shape is None:
        members = found.members
    else:
        places = model.members_of(found.shape)
        writers = rest.header_writers(model, places)
        for name, write in writers.items():
            # Some models bind a member to the very header that names the error.
            if found.members.get(name) is not None and places[name].location_name != "x-amzn-ErrorType":
                write(found.members[name], headers)
        shape = without(found.shape, {name for name, member in places.items() if member.location is not None})
        body = {name: value for name, value in found.members.items() if name in (shape.members or {})}
        members = json.error_members(model, found._replace(shape=shape, members=body), json.writers(model))
    if operation is not None and operation.method == "HEAD":
        return Response(found.status, headers)
    return http.response(found.status, headers, json_body.encode(members), "application/json")
