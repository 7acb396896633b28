"""EC2's own dialect of the query protocol: every list flattened, names capitalised, no result wrapper.

Source: https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html.
"""

from __future__ import annotations

import functools
from typing import Any

from gureum.gateway.wire import http, query, xml_body
from gureum.gateway.wire.form_body import Readers, Rules
from gureum.gateway.wire.query import Answer, Parse
from gureum.gateway.wire.refusal import refusal
from gureum.gateway.wire.scalars import Malformed
from gureum.gateway.wire.xml import escape
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation, Shape


def _member(name: str, shape: Shape) -> str:
    if shape.query_name:
        return shape.query_name
    wire_name = shape.location_name
    return wire_name[0].upper() + wire_name[1:] if wire_name else name


def match(model: Model, request: Request) -> tuple[Operation, dict[str, str]]:
    """The operation that `Action` names, and the form's fields, so that they are decoded once only.

    Raises Fault MissingAction, InvalidAction, MalformedQueryString.
    """
    try:
        pairs = dict(http.form(request))
    except Malformed as error:
        raise Fault("MalformedQueryString", str(error)) from error
    action = pairs.get("Action")
    if action is None:
        raise Fault("MissingAction", "The request must contain the parameter Action.")
    operation = model.operations.get(action)
    if operation is None:
        raise Fault("InvalidAction", f"The action {action} is not valid for this web service.")
    return operation, pairs


@functools.cache
def _readers(model: Model) -> Readers:
    return Readers(model, Rules(_member, flat=True))


def reader(model: Model, operation: Operation) -> Parse:
    """Compile the function that reads an operation's input. It raises Fault InvalidParameterValue."""
    return query.form_reader(model, operation, _readers(model), "InvalidParameterValue")


def writer(model: Model, operation: Operation) -> Answer:
    """Compile the function that writes an operation's output."""
    shape = model.output(operation)
    name = operation.name
    # EC2's namespace ends in a slash on the wire though not in the model.
    space = query.namespace(model).rstrip("/") + "/"
    start = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name}Response xmlns="{escape(space)}">'
    write = xml_body.writers(model).members(shape) if shape is not None else None

    def answer(result: dict[str, Any], request_id: str) -> Response:
        pieces = [start, f"<requestId>{request_id}</requestId>"]
        if write is not None:
            write(result, pieces.append)
        elif not result:
            pieces.append("<return>true</return>")
        pieces.append(f"</{name}Response>")
        headers = [("x-amzn-RequestId", request_id)]
        return http.response(operation.status, headers, "".join(pieces).encode(), "text/xml;charset=UTF-8")

    return answer


def fault(model: Model, operation: Operation | None, problem: Fault, request_id: str) -> Response:
    """A fault as a `Response` document with one error in it."""
    found = refusal(model, problem)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error>'
        f"<Code>{escape(found.query_code)}</Code><Message>{escape(found.message)}</Message>"
        f"{xml_body.error_members(model, found)}"
        f"</Error></Errors><RequestID>{request_id}</RequestID></Response>"
    )
    headers = [("x-amzn-RequestId", request_id)]
    return http.response(found.status, headers, text.encode(), "text/xml;charset=UTF-8")
