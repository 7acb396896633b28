"""rest-xml: HTTP bindings with XML bodies, in the two ways that AWS writes errors.

Source: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html. A service signed by S3's own signature
version writes errors without a wrapper (`noErrorWrapping`) and names its request id headers as S3 does
(https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from typing import Any

from gureum.gateway.wire import event_stream, http, query, rest, xml, xml_body
from gureum.gateway.wire.refusal import refusal
from gureum.gateway.wire.rest import Answer, Body, Headers, Parse
from gureum.gateway.wire.xml import escape
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation, Shape

DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def match(model: Model, request: Request) -> tuple[Operation, dict[str, str]]:
    """The operation that method and path name. Raises Fault MethodNotAllowed or UnknownOperationException."""
    found = rest.match(model, request)
    if found is not None:
        return found
    if _bare(model):
        text = "The specified method is not allowed against this resource."
        raise Fault("MethodNotAllowed", text, status=405)
    raise Fault("UnknownOperationException", status=404)


def _bare(model: Model) -> bool:
    return model.metadata.signature_version == "s3"


@functools.cache
def namespace(model: Model) -> str:
    """The namespace of the service's documents: its own, or the one that its inputs declare."""
    declared = (operation.input_namespace for operation in model.operations.values())
    found = next((space.uri for space in declared if space is not None), None)
    return model.metadata.xml_namespace or found or query.namespace(model)


def _read(model: Model, shape: Shape) -> Callable[[bytes], Any]:
    convert = xml_body.readers(model).compile(shape)
    return lambda text: convert(xml.parse(text))


def _write(model: Model, shape: Shape, operation: Operation) -> Callable[[Any], bytes]:
    """The document of a body. Its root is the payload's name, or the output's."""
    output = model.output(operation)
    payload = operation.payload_out
    name = shape.location_name or (shape.name if payload is not None else (output or shape).name)
    space = escape(namespace(model))
    if operation.unwrapped:
        return _unwrapped(model, shape, f'{DECLARATION}<{{name}} xmlns="{space}">')
    if shape.xml_namespace is None and shape.type == "structure":
        write = xml_body.writers(model).members(shape)
        start, end = f'{DECLARATION}<{name} xmlns="{space}">', f"</{name}>"
    else:
        write = xml_body.writers(model).element(shape, name)
        start, end = DECLARATION, ""

    def text(value: Any) -> bytes:
        pieces = [start]
        write(value, pieces.append)
        pieces.append(end)
        return "".join(pieces).encode()

    return text


def _unwrapped(model: Model, shape: Shape, start: str) -> Callable[[Any], bytes]:
    """A document whose root is the output's only member itself."""
    ((name, member),) = model.members_of(shape).items()
    tag = member.location_name or name

    def text(value: dict[str, Any]) -> bytes:
        content = value.get(name)
        head = start.replace("{name}", tag)
        return f"{head}{escape(str(content)) if content is not None else ''}</{tag}>".encode()

    return text


def _event_reader(model: Model, shape: Shape) -> Callable[[bytes], Any]:
    return _read(model, shape)


def _event_writer(model: Model, shape: Shape) -> Callable[[Any], bytes]:
    write = xml_body.writers(model).element(shape, shape.location_name or shape.name.partition(" ")[0])

    def text(value: Any) -> bytes:
        # An event with nothing to say has an empty payload.
        if not value:
            return b""
        pieces: list[str] = []
        write(value, pieces.append)
        return "".join(pieces).encode()

    return text


def host_id(request_id: str) -> str:
    """The second id that S3 gives each answer, made from the first."""
    return base64.b64encode((request_id * 57)[:57].encode()).decode()


def _request_id(model: Model, request_id: str) -> Headers:
    if _bare(model):
        return [("x-amz-request-id", request_id), ("x-amz-id-2", host_id(request_id))]
    return [("x-amzn-RequestId", request_id)]


BODY = Body(
    content_type="application/xml",
    read=_read,
    write=_write,
    events=event_stream.Format("text/xml", _event_reader, _event_writer),
    request_id=_request_id,
    malformed=lambda message: Fault(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    ),
)


def reader(model: Model, operation: Operation) -> Parse:
    """Compile the function that reads an operation's input. It raises Fault MalformedXML."""
    return rest.reader(model, operation, BODY)


def writer(model: Model, operation: Operation) -> Answer:
    """Compile the function that writes an operation's output."""
    return rest.writer(model, operation, BODY)


def fault(model: Model, operation: Operation | None, problem: Fault, request_id: str) -> Response:
    """A fault as XML: an `Error` document where the service writes it bare, else an `ErrorResponse`."""
    found = refusal(model, problem)
    headers = _request_id(model, request_id)
    if found.shape is not None:
        places = model.members_of(found.shape)
        for name, write in rest.header_writers(model, places).items():
            if (value := found.members.get(name)) is not None:
                write(value, headers)
    inner = f"<Code>{escape(found.query_code)}</Code><Message>{escape(found.message)}</Message>"
    members = xml_body.error_members(model, found)
    if _bare(model):
        ids = f"<RequestId>{request_id}</RequestId><HostId>{host_id(request_id)}</HostId>"
        text = f"{DECLARATION}<Error>{inner}{members}{ids}</Error>"
    else:
        kind = "Sender" if found.sender else "Receiver"
        text = (
            f'{DECLARATION}<ErrorResponse xmlns="{escape(namespace(model))}"><Error><Type>{kind}</Type>'
            f"{inner}{members}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    content = b"" if operation is not None and operation.method == "HEAD" else text.encode()
    return http.response(found.status, headers, content, "application/xml")
