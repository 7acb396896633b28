"""Event streams: the members of a stream's union as framed messages, in both directions.

Out, a handler's result holds an async iterator of one-key dicts, `{"EventName": {...}}`, which goes out frame by
frame as it comes. In, the frames of the body become a list of such dicts. Source:
https://smithy.io/2.0/aws/amazon-eventstream.html and https://smithy.io/2.0/spec/streaming.html.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import msgspec

from gureum.gateway.wire import frames, http
from gureum.gateway.wire.frames import Header, Message, Moment
from gureum.gateway.wire.refusal import refusal
from gureum.gateway.wire.scalars import Malformed
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request, Response
from gureum.kernel.models import Model, Operation, Shape

CONTENT_TYPE = "application/vnd.amazon.eventstream"

Read = Callable[[bytes], Any]
Write = Callable[[Any], bytes]


class Format(NamedTuple):
    """How a protocol writes the payload of a message: its media type, and compilers of its readers and writers.

    `read` and `write` take a structure with all the members that stand in the payload.
    """

    content_type: str
    read: Callable[[Model, Shape], Read]
    write: Callable[[Model, Shape], Write]


def without(shape: Shape, names: set[str]) -> Shape:
    """`shape` less some members, under a name of its own, so that compilers do not take it for the whole."""
    members = {name: ref for name, ref in (shape.members or {}).items() if name not in names}
    return msgspec.structs.replace(shape, members=members, name=f"{shape.name} less {sorted(names)}")


# ---------------------------------------------------------------------------------------------------------
# In


def stream_reader(
    model: Model, union: Shape, form: Format
) -> Callable[[list[Message]], list[dict[str, Any]]]:
    """Compile the function that turns messages into events of `union`. It raises Malformed."""
    readers = {name: _event_reader(model, shape, form) for name, shape in model.members_of(union).items()}

    def read(messages: list[Message]) -> list[dict[str, Any]]:
        events = []
        for message in messages:
            name = str(message.headers.get(":event-type", ""))
            if (event := readers.get(name)) is not None:
                events.append({name: event(message)})
        return events

    return read


def _event_reader(model: Model, shape: Shape, form: Format) -> Callable[[Message], dict[str, Any]]:
    members = model.members_of(shape)
    headers = [name for name, member in members.items() if member.eventheader]
    payload = next((name for name, member in members.items() if member.eventpayload), None)
    read = _payload_reader(model, members[payload], form) if payload is not None else None
    rest = form.read(model, without(shape, set(headers))) if payload is None else None

    def event(message: Message) -> dict[str, Any]:
        found: dict[str, Any] = {name: message.headers[name] for name in headers if name in message.headers}
        if read is not None and payload is not None:
            found[payload] = read(message.payload)
        elif rest is not None and message.payload:
            found.update(rest(message.payload))
        return found

    return event


def _payload_reader(model: Model, shape: Shape, form: Format) -> Read:
    if shape.type == "blob":
        return bytes
    if shape.type == "string":
        return _utf8
    return form.read(model, shape)


def _utf8(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise Malformed("An event's text is not UTF-8") from error


def messages(request: Request) -> list[Message]:
    """The messages of a request's body; signed envelopes are opened, their empty last one dropped."""
    found: list[Message] = []
    for message in frames.decode(http.body(request)):
        if ":chunk-signature" in message.headers:
            found.extend(frames.decode(message.payload))
        else:
            found.append(message)
    return found


def rpc_reader(model: Model, operation: Operation, form: Format) -> Callable[..., dict[str, Any]]:
    """Compile the reader of an operation whose input is a stream: an `initial-request`, then the events."""
    shape, stream = model.input(operation), operation.events_in
    assert shape is not None and stream is not None
    initial = form.read(model, without(shape, {stream}))
    read = stream_reader(model, model.members_of(shape)[stream], form)

    def parse(request: Request, labels: dict[str, str]) -> dict[str, Any]:
        try:
            found = messages(request)
            first = found and found[0].headers.get(":event-type") == "initial-request"
            fields: dict[str, Any] = initial(found[0].payload) if first else {}
            return {**fields, stream: read(found[1:] if first else found)}
        except (Malformed, RecursionError) as error:
            raise Fault("SerializationException", str(error)) from error

    return parse


# ---------------------------------------------------------------------------------------------------------
# Out


def stream_writer(model: Model, union: Shape, form: Format) -> Callable[[dict[str, Any]], bytes]:
    """Compile the function that frames one event of `union`."""
    writers = {
        name: _event_writer(model, name, shape, form) for name, shape in model.members_of(union).items()
    }

    def write(event: dict[str, Any]) -> bytes:
        ((name, value),) = event.items()
        return writers[name](value)

    return write


def _event_writer(model: Model, name: str, shape: Shape, form: Format) -> Callable[[dict[str, Any]], bytes]:
    members = model.members_of(shape)
    moments = {key for key, member in members.items() if member.eventheader and member.type == "timestamp"}
    headers = {key for key, member in members.items() if member.eventheader}
    payload = next((key for key, member in members.items() if member.eventpayload), None)
    kind = "exception" if shape.exception else "event"
    start: dict[str, Header] = {":message-type": kind, f":{kind}-type": name}
    media, write = form.content_type, form.write(model, without(shape, headers))
    if payload is not None:
        media, write = _payload_writer(model, members[payload], form)

    def frame(value: dict[str, Any]) -> bytes:
        head: dict[str, Header] = {**start, ":content-type": media}
        for key in headers & value.keys():
            head[key] = Moment(value[key]) if key in moments else value[key]
        if payload is not None:
            return frames.encode(head, write(value[payload]) if value.get(payload) is not None else b"")
        rest = {key: item for key, item in value.items() if key not in headers}
        return frames.encode(head, write(rest))

    return frame


def _payload_writer(model: Model, shape: Shape, form: Format) -> tuple[str, Write]:
    if shape.type == "blob":
        return "application/octet-stream", bytes
    if shape.type == "string":
        return "text/plain", lambda value: str(value).encode()
    return form.content_type, form.write(model, shape)


async def framed(
    events: AsyncIterator[dict[str, Any]],
    write: Callable[[dict[str, Any]], bytes],
    model: Model,
    union: Shape,
) -> AsyncIterator[bytes]:
    """The events as frames. A Fault that ends the stream goes out as its last frame."""
    try:
        async for event in events:
            yield write(event)
    except Fault as problem:
        yield _last(problem, write, model, union)


def _last(problem: Fault, write: Callable[[dict[str, Any]], bytes], model: Model, union: Shape) -> bytes:
    found = refusal(model, problem)
    for name, ref in (union.members or {}).items():
        if found.shape is not None and ref.shape == found.shape.name:
            return write({name: found.members})
    headers: dict[str, Header] = {
        ":message-type": "error",
        ":error-code": problem.code,
        ":error-message": problem.message,
    }
    return frames.encode(headers, b"")


def rpc_writer(model: Model, operation: Operation, form: Format) -> Callable[..., Response]:
    """Compile the writer of an operation whose output is a stream: an `initial-response`, then the events."""
    shape, stream = model.output(operation), operation.events_out
    assert shape is not None and stream is not None
    initial = form.write(model, without(shape, {stream}))
    union = model.members_of(shape)[stream]
    write = stream_writer(model, union, form)
    head: dict[str, Header] = {
        ":message-type": "event",
        ":event-type": "initial-response",
        ":content-type": form.content_type,
    }

    async def body(result: dict[str, Any]) -> AsyncIterator[bytes]:
        yield frames.encode(head, initial({key: value for key, value in result.items() if key != stream}))
        async for frame in framed(result[stream], write, model, union):
            yield frame

    def answer(result: dict[str, Any], request_id: str) -> Response:
        headers = [("x-amzn-RequestId", request_id), ("Content-Type", CONTENT_TYPE)]
        return Response(operation.status, headers, body(result))

    return answer
