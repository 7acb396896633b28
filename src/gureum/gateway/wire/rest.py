"""What rest-json and rest-xml share: members bound to the path, the query, headers, the status and the body.

Source: https://smithy.io/2.0/spec/http-bindings.html. The two protocols differ in how they write the body; a
`Body` says how.
"""

from __future__ import annotations

import base64
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, TypeAlias

from gureum.gateway.wire import event_stream, http, json_body, scalars, times, uris
from gureum.gateway.wire.event_stream import Format, without
from gureum.gateway.wire.scalars import Malformed
from gureum.kernel.faults import Fault
from gureum.kernel.message import FilePart, Request, Response
from gureum.kernel.models import Model, Operation, Shape

Parse = Callable[[Request, dict[str, str]], dict[str, Any]]
Answer = Callable[[dict[str, Any], str], Response]
Headers = list[tuple[str, str]]


class Body(NamedTuple):
    """How a protocol reads and writes structured bodies.

    `read(model, shape)` compiles bytes → value, `write(model, shape, operation)` value → bytes; both get the
    structure with exactly the members that stand in the body. `request_id(id)` gives the headers that carry
    it; `malformed(message)` the protocol's fault for a body that cannot be read.
    """

    content_type: str
    read: Callable[[Model, Shape], Callable[[bytes], Any]]
    write: Callable[[Model, Shape, Operation], Callable[[Any], bytes]]
    events: Format
    request_id: Callable[[Model, str], Headers]
    malformed: Callable[[str], Fault]


def match(model: Model, request: Request) -> tuple[Operation, dict[str, str]] | None:
    """The operation and labels of a request; None where none fits, or the path is not UTF-8."""
    try:
        return uris.uris(model).find(request)
    except Malformed:
        return None


# ---------------------------------------------------------------------------------------------------------
# In


def reader(model: Model, operation: Operation, body: Body) -> Parse:
    """Compile the function that reads an operation's input. It raises the protocol's fault for what is
    malformed."""
    shape = model.input(operation)
    if shape is None:
        return lambda request, labels: {}
    members = model.members_of(shape)
    labels_ = [
        (name, member.location_name or name, _text_reader(member))
        for name, member in members.items()
        if member.location == "uri"
    ]
    queries = _query_reader(model, operation, members)
    headers = _header_reader(model, members)
    rest = _body_reader(model, shape, body)

    def parse(request: Request, labels: dict[str, str]) -> dict[str, Any]:
        try:
            found = rest(request) if rest is not None else {}
            for name, wire_name, read in labels_:
                if wire_name in labels:
                    found[name] = read(labels[wire_name])
            if request.query and queries is not None:
                queries(http.query(request), found)
            if headers is not None:
                headers(request.headers, found)
        except (Malformed, RecursionError) as error:
            raise body.malformed(str(error)) from error
        return found

    return parse


def _text_reader(shape: Shape) -> Callable[[str], Any]:
    return scalars.reader(shape)


def _query_reader(
    model: Model, operation: Operation, members: dict[str, Shape]
) -> Callable[[http.Pairs, dict[str, Any]], None] | None:
    single: dict[str, tuple[str, Callable[[str], Any], bool]] = {}
    many: dict[str, tuple[str, Callable[[str], Any]]] = {}
    rest: tuple[str, bool] | None = None
    literals = {name for name, _ in http.fields(operation.uri.partition("?")[2])}
    for name, member in members.items():
        if member.location != "querystring":
            continue
        wire_name = member.location_name or name
        if member.type == "map":
            assert member.value is not None
            rest = (name, model.resolve(member.value).type == "list")
        elif member.type == "list":
            assert member.member is not None
            many[wire_name] = (name, _text_reader(model.resolve(member.member)))
        else:
            single[wire_name] = (name, _text_reader(member), member.type == "string")
    if not single and not many and rest is None:
        return None

    def read(pairs: http.Pairs, found: dict[str, Any]) -> None:
        for key, value in pairs:
            if (one := single.get(key)) is not None:
                # An empty number or date counts as not given.
                if value or one[2]:
                    found[one[0]] = one[1](value)
            elif (several := many.get(key)) is not None:
                found.setdefault(several[0], []).append(several[1](value))
            elif rest is not None and key not in literals:
                into = found.setdefault(rest[0], {})
                if rest[1]:
                    into.setdefault(key, []).append(value)
                else:
                    into.setdefault(key, value)

    return read


def _header_reader(
    model: Model, members: dict[str, Shape]
) -> Callable[[dict[str, str], dict[str, Any]], None] | None:
    fields = [
        (name, (member.location_name or name).lower(), _header_value_reader(model, member), member.type)
        for name, member in members.items()
        if member.location == "header"
    ]
    prefixes = [
        (name, (member.location_name or "").lower())
        for name, member in members.items()
        if member.location == "headers"
    ]
    if not fields and not prefixes:
        return None

    def read(headers: dict[str, str], found: dict[str, Any]) -> None:
        for name, key, convert, kind in fields:
            value = headers.get(key)
            if value is not None and (value or kind == "string"):
                found[name] = convert(value)
        for name, prefix in prefixes:
            cut = len(prefix)
            named = {key[cut:]: value for key, value in headers.items() if key.startswith(prefix)}
            if named:
                found[name] = named

    return read


def _header_value_reader(model: Model, shape: Shape) -> Callable[[str], Any]:
    if shape.jsonvalue:
        return lambda text: json_body.decode(scalars.unbase64(text))
    if shape.type != "list":
        return scalars.reader(shape)
    assert shape.member is not None
    member = model.resolve(shape.member)
    convert = scalars.reader(member)
    split = _dates if member.type == "timestamp" else _quoted
    return lambda text: [convert(item) for item in split(text)]


_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|\Z)')


def _quoted(text: str) -> list[str]:
    """The items of a comma-separated header; an item in quotes may hold commas."""
    items, at = [], 0
    while at < len(text):
        found = _ITEM.match(text, at)
        if found is None or found.end() == at:
            raise Malformed("A header's list is malformed")
        quoted, plain = found.groups()
        items.append(re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain.strip())
        at = found.end()
    return items


def _dates(text: str) -> list[str]:
    """The items of a list of HTTP dates, each of which holds a comma itself."""
    parts = [part.strip() for part in text.split(",")]
    if parts and parts[0][:1].isalpha():
        return [", ".join(parts[at : at + 2]) for at in range(0, len(parts), 2)]
    return parts


def _body_reader(model: Model, shape: Shape, body: Body) -> Callable[[Request], dict[str, Any]] | None:
    members = model.members_of(shape)
    if shape.payload is not None:
        return _payload_reader(model, shape.payload, members[shape.payload], body)
    bound = {name for name, member in members.items() if member.location is not None}
    if len(bound) == len(members):
        return None
    convert = body.read(model, without(shape, bound) if bound else shape)

    def read(request: Request) -> dict[str, Any]:
        text = http.body(request)
        fields: dict[str, Any] = convert(text) if text else {}
        return fields

    return read


def _payload_reader(
    model: Model, name: str, member: Shape, body: Body
) -> Callable[[Request], dict[str, Any]]:
    if member.eventstream:
        events = event_stream.stream_reader(model, member, body.events)
        return lambda request: {name: events(event_stream.messages(request))}
    if member.type == "blob":
        if member.streaming:
            return lambda request: {name: request.body}
        # Not read into memory here either: a large function package stays where the seam put it.
        return lambda request: {name: request.body} if request.body else {}
    if member.type == "string":

        def text_of(request: Request) -> dict[str, Any]:
            try:
                text = http.body(request).decode()
            except UnicodeDecodeError as error:
                raise Malformed("The body is not UTF-8") from error
            return {name: text} if text else {}

        return text_of
    convert = body.read(model, member)

    def read(request: Request) -> dict[str, Any]:
        text = http.body(request)
        return {name: convert(text)} if text else {}

    return read


# ---------------------------------------------------------------------------------------------------------
# Out


def writer(model: Model, operation: Operation, body: Body) -> Answer:
    """Compile the function that writes an operation's output."""
    shape = model.output(operation)
    if shape is None:
        return lambda result, request_id: Response(operation.status, body.request_id(model, request_id))
    members = model.members_of(shape)
    headers = header_writers(model, members)
    status_member = next((name for name, member in members.items() if member.location == "statusCode"), None)
    bound = {name for name, member in members.items() if member.location is not None}
    write = _body_writer(model, operation, shape, bound, body)
    silent = operation.method == "HEAD"

    def answer(result: dict[str, Any], request_id: str) -> Response:
        out = body.request_id(model, request_id)
        rest = result
        if bound:
            rest = {name: value for name, value in result.items() if name not in bound}
            for name, value in result.items():
                if value is not None and (head := headers.get(name)) is not None:
                    head(value, out)
        code = result.get(status_member) if status_member is not None else None
        status = int(code) if code is not None else operation.status
        content, media = write(rest)
        if silent or status in (204, 304):
            content, media = b"", None
        if media is not None and not any(name == "Content-Type" for name, _ in out):
            out.append(("Content-Type", media))
        return Response(status, out, content)

    return answer


Content: TypeAlias = bytes | FilePart | AsyncIterator[bytes]


def _body_writer(
    model: Model, operation: Operation, shape: Shape, bound: set[str], body: Body
) -> Callable[[dict[str, Any]], tuple[Content, str | None]]:
    members = model.members_of(shape)
    if shape.payload is not None:
        return _payload_writer(model, operation, shape.payload, members[shape.payload], body)
    if len(bound) == len(members):
        return lambda rest: (_none(rest), None)
    write = body.write(model, without(shape, bound) if bound else shape, operation)
    return lambda rest: (write(rest), body.content_type)


def _none(rest: dict[str, Any]) -> bytes:
    if rest:
        raise KeyError(next(iter(rest)))
    return b""


def _payload_writer(
    model: Model, operation: Operation, name: str, member: Shape, body: Body
) -> Callable[[dict[str, Any]], tuple[Content, str | None]]:
    def value_of(rest: dict[str, Any]) -> Any:
        if any(key != name for key in rest):
            raise KeyError(next(key for key in rest if key != name))
        return rest.get(name)

    if member.eventstream:
        frame = event_stream.stream_writer(model, member, body.events)
        return lambda rest: (
            event_stream.framed(value_of(rest), frame, model, member),
            event_stream.CONTENT_TYPE,
        )
    if member.type == "blob":
        return lambda rest: (b"" if (value := value_of(rest)) is None else value, "application/octet-stream")
    if member.type == "string":
        return lambda rest: ((value_of(rest) or "").encode(), "text/plain")
    write = body.write(model, member, operation)

    def content(rest: dict[str, Any]) -> tuple[Content, str | None]:
        value = value_of(rest)
        return (b"", None) if value is None else (write(value), body.content_type)

    return content


def header_writers(model: Model, members: dict[str, Shape]) -> dict[str, Callable[[Any, Headers], None]]:
    """For each member that travels in headers, the function that adds it to a list of headers."""
    writers: dict[str, Callable[[Any, Headers], None]] = {}
    for name, member in members.items():
        if member.location == "header":
            writers[name] = _header_writer(model, member.location_name or name, member)
        elif member.location == "headers":
            writers[name] = _prefix_writer(member.location_name or "")
    return writers


def _header_writer(model: Model, key: str, shape: Shape) -> Callable[[Any, Headers], None]:
    convert = _header_value_writer(model, shape)
    return lambda value, out: out.append((key, one_line(convert(value))))


def _prefix_writer(prefix: str) -> Callable[[Any, Headers], None]:
    def write(value: dict[str, str], out: Headers) -> None:
        out.extend((one_line(prefix + key), one_line(item)) for key, item in value.items())

    return write


def one_line(text: str) -> str:
    """A header's value can hold no line break: what would start another header becomes a space."""
    return text if text.isprintable() else re.sub(r"[\r\n\x00]+", " ", text)


def _header_value_writer(model: Model, shape: Shape) -> Callable[[Any], str]:
    if shape.jsonvalue:
        return lambda value: base64.b64encode(json_body.encode(value)).decode()
    if shape.type != "list":
        return scalars.writer(shape, times.RFC822)
    assert shape.member is not None
    member = model.resolve(shape.member)
    convert = scalars.writer(member, times.RFC822)
    quote = _quote if member.type == "string" else str
    return lambda value: ",".join(quote(convert(item)) for item in value if item is not None)


def _quote(text: str) -> str:
    if '"' in text or "," in text:
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return text
