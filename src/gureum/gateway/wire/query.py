"""The query protocol: a form with `Action` and `Version`, an XML answer with a result wrapper.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html; the errors that every query service shares
are on https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonErrors.html.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from gureum.gateway.wire import form_body, http, xml_body
from gureum.gateway.wire.form_body import Readers, Rules
from gureum.gateway.wire.refusal import refusal
from gureum.gateway.wire.scalars import Malformed
from gureum.gateway.wire.xml import escape
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation, Shape

Parse = Callable[[Request, dict[str, str]], dict[str, Any]]
Answer = Callable[[dict[str, Any], str], Response]


def _member(name: str, shape: Shape) -> str:
    return shape.query_name or shape.location_name or name


def match(model: Model, request: Request) -> tuple[Operation, dict[str, str]]:
    """The operation that `Action` names, and the form's fields, so that they are decoded once only.

    Raises Fault MissingAction, InvalidAction, MalformedQueryString.
    """
    try:
        pairs = dict(http.form(request))
    except Malformed as error:
        raise Fault("MalformedQueryString", str(error), status=404) from error
    action = pairs.get("Action")
    if action is None:
        raise Fault("MissingAction", "The request must contain the parameter Action.")
    operation = model.operations.get(action)
    if operation is None:
        version = pairs.get("Version", model.metadata.api_version)
        raise Fault("InvalidAction", f"Could not find operation {action} for version {version}")
    return operation, pairs


@functools.cache
def _writers(model: Model) -> xml_body.Writers:
    return xml_body.Writers(model, lambda name, shape: shape.query_name or xml_body.member_name(name, shape))


@functools.cache
def _readers(model: Model) -> Readers:
    return Readers(model, Rules(_member, flat=False))


def reader(model: Model, operation: Operation) -> Parse:
    """Compile the function that reads an operation's input. It raises Fault MalformedInput."""
    return form_reader(model, operation, _readers(model), "MalformedInput")


def form_reader(model: Model, operation: Operation, readers: Readers, code: str) -> Parse:
    """A reader of forms that refuses with `code` what does not fit."""
    shape = model.input(operation)
    read = readers.structure(shape) if shape is not None else None

    def parse(request: Request, labels: dict[str, str]) -> dict[str, Any]:
        if read is None:
            return {}
        try:
            pairs = labels.items() if "Action" in labels else http.form(request)
            fields: dict[str, Any] = read(form_body.tree(pairs), "")
        except (Malformed, RecursionError) as error:
            raise Fault(code, str(error)) from error
        return fields

    return parse


def namespace(model: Model) -> str:
    """The service's XML namespace; one that speaks query no longer by its model has it by AWS's old rule."""
    meta = model.metadata
    return meta.xml_namespace or f"http://{meta.endpoint_prefix}.amazonaws.com/doc/{meta.api_version}/"


def writer(model: Model, operation: Operation) -> Answer:
    """Compile the function that writes an operation's output."""
    shape = model.output(operation)
    name, wrapper = operation.name, operation.result_wrapper or f"{operation.name}Result"
    start = f'<{name}Response xmlns="{escape(namespace(model))}">'
    open_result, close_result = (f"<{wrapper}>", f"</{wrapper}>") if shape is not None else ("", "")
    write = _writers(model).members(shape) if shape is not None else None

    def answer(result: dict[str, Any], request_id: str) -> Response:
        pieces = [start, open_result]
        if write is not None:
            write(result, pieces.append)
        pieces.append(
            f"{close_result}<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
            f"</{name}Response>"
        )
        headers = [("x-amzn-RequestId", request_id)]
        return http.response(operation.status, headers, "".join(pieces).encode(), "text/xml")

    return answer


def fault(model: Model, operation: Operation | None, problem: Fault, request_id: str) -> Response:
    """A fault as an `ErrorResponse` document."""
    found = refusal(model, problem)
    text = (
        f'<ErrorResponse xmlns="{escape(namespace(model))}"><Error>'
        f"<Type>{'Sender' if found.sender else 'Receiver'}</Type><Code>{escape(found.query_code)}</Code>"
        f"<Message>{escape(found.message)}</Message>{xml_body.error_members(model, found)}</Error>"
        f"<RequestId>{request_id}</RequestId></ErrorResponse>"
    )
    return http.response(found.status, [("x-amzn-RequestId", request_id)], text.encode(), "text/xml")
