"""The wire protocols: HTTP messages to operations and plain dicts, and back, by the service's model.

`match` says which operation a request means and in which protocol; `parse` gives its input in AWS's own member
names; `answer` and `fault` write what came of it. Values are Python's own: str, int, float, bool, bytes, list,
dict; a timestamp is a float, seconds since the epoch, UTC; a blob that is the whole body is bytes or the
request's `Body` as it came; an event stream is a list of one-key dicts in, and an async iterator of them out.
Whatever the bytes, only Fault is raised.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, cast

from gureum.gateway.wire import cbor, ec2, json, query, rest_json, rest_xml
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation

Protocol = Literal["query", "ec2", "json", "rest-json", "rest-xml", "smithy-rpc-v2-cbor"]

_MODULES: dict[str, Any] = {
    "query": query,
    "ec2": ec2,
    "json": json,
    "rest-json": rest_json,
    "rest-xml": rest_xml,
    "smithy-rpc-v2-cbor": cbor,
}
_READERS: dict[str, dict[Operation, Callable[[Request, dict[str, str]], dict[str, Any]]]] = {
    protocol: {} for protocol in _MODULES
}
_WRITERS: dict[str, dict[Operation, Callable[[dict[str, Any], str], Response]]] = {
    protocol: {} for protocol in _MODULES
}


@functools.cache
def protocols(model: Model) -> tuple[Protocol, ...]:
    """The protocols that a service speaks. One that spoke query once still takes it from old clients."""
    meta = model.metadata
    old = ("query",) if meta.query_compatible and "query" not in meta.protocols else ()
    return cast("tuple[Protocol, ...]", (*meta.protocols, *old))


def detect(request: Request, spoken: tuple[Protocol, ...]) -> Protocol:
    """The protocol that a request is in, of those that the service speaks.

    CBOR says so in a header and JSON in its target; a form or an `Action` is query; anything else is the
    service's REST protocol, or where it has none its first.
    """
    if len(spoken) == 1:
        return spoken[0]
    headers = request.headers
    if headers.get("smithy-protocol") == "rpc-v2-cbor" and "smithy-rpc-v2-cbor" in spoken:
        return "smithy-rpc-v2-cbor"
    if "x-amz-target" in headers and "json" in spoken:
        return "json"
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if "query" in spoken and (form or "Action=" in request.query):
        return "query"
    return next((protocol for protocol in spoken if protocol.startswith("rest")), spoken[0])


def match(model: Model, request: Request) -> tuple[Operation, Protocol, dict[str, str]]:
    """The operation that a request means, its protocol, and what was read on the way there: the path's labels,
    or a form's fields. `parse` wants them back.

    Raises Fault with the protocol's own code where there is no such operation.
    """
    protocol = detect(request, protocols(model))
    operation, labels = _MODULES[protocol].match(model, request)
    return operation, protocol, labels


def parse(
    protocol: Protocol, model: Model, operation: Operation, labels: dict[str, str], request: Request
) -> dict[str, Any]:
    """The operation's input as a plain dict. Raises Fault for what cannot be read; checks no constraints."""
    read = _READERS[protocol].get(operation)
    if read is None:
        read = _READERS[protocol][operation] = _MODULES[protocol].reader(model, operation)
    return read(request, labels)


def answer(
    protocol: Protocol, model: Model, operation: Operation, result: dict[str, Any], request_id: str
) -> Response:
    """The response that carries `result`. Raises KeyError for a member that the output does not have."""
    write = _WRITERS[protocol].get(operation)
    if write is None:
        write = _WRITERS[protocol][operation] = _MODULES[protocol].writer(model, operation)
    return write(result, request_id)


def fault(
    protocol: Protocol, model: Model, operation: Operation | None, problem: Fault, request_id: str
) -> Response:
    """The response that carries a fault, with the status that the fault or else the model gives it."""
    response: Response = _MODULES[protocol].fault(model, operation, problem, request_id)
    return response
