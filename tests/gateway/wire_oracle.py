"""botocore as the oracle: seeded random values for any shape, and its own serialisers and parsers.

Values are generated from botocore's own reading of the models, not from ours, so that a mistake in ours shows.
"""

from __future__ import annotations

import asyncio
import io
import math
import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
from botocore.awsrequest import create_request_object, prepare_request_dict

from gureum.kernel.message import Request, Response

TEXT = string.ascii_letters + string.digits + " -_.:/+=&?%#'\"<>;,~$@!*()[]{}|\\^`é구름𝄞"
TOKEN = string.ascii_letters + string.digits + "-_.:/+=&?%#'<>;~$@!*()[]{}|^`"
HOST = string.ascii_letters + string.digits


def service_model(service: str) -> botocore.model.ServiceModel:
    # A loader keeps all that it ever loaded, documentation and all: each gets one of its own.
    description = botocore.loaders.Loader().load_service_model(service, "service-2")
    return botocore.model.ServiceModel(description, service)


def services() -> list[str]:
    return sorted(botocore.loaders.Loader().list_available_services("service-2"))


class Values:
    """Random values for shapes, as botocore's clients take them."""

    def __init__(self, seed: str, protocol: str) -> None:
        self.random, self.protocol = random.Random(seed), protocol

    def structure(self, shape: Any, depth: int = 0) -> dict[str, Any]:
        members = dict(shape.members)
        if getattr(shape, "is_tagged_union", False) and members:
            name = self.random.choice(list(members))
            return {name: self.value(members[name], depth + 1)}
        chance = 0.7 if depth < 2 else 0.35 if depth < 4 else 0.0
        required = set(shape.required_members) | {
            name for name, member in members.items() if member.serialization.get("location") == "uri"
        }
        chosen = [name for name in members if name in required or self.random.random() < chance]
        if not chosen and members:
            # A structure with nothing in it does not survive the query protocol.
            chosen = [min(members, key=lambda name: _cost(members[name], frozenset({shape.name})))]
        return {name: self.value(members[name], depth + 1) for name in chosen}

    def value(self, shape: Any, depth: int = 0, key: bool = False) -> Any:
        kind = shape.type_name
        place = shape.serialization.get("location")
        if kind == "structure":
            return self.document() if shape.is_document_type else self.structure(shape, depth)
        if kind == "list":
            # Beyond some depth one item keeps recursive shapes small.
            count = self.random.randint(1, 3) if depth < 4 else 1
            if place == "header" and shape.member.type_name == "string":
                return [self.text(HOST, 1, 8) for _ in range(count)]
            return [self.value(shape.member, depth + 1) for _ in range(count)]
        if kind == "map":
            if place == "headers":
                return {
                    f"k{i}-{self.text(string.ascii_lowercase, 1, 5)}": self.text(TOKEN, 1, 9) for i in (1, 2)
                }
            return {
                f"{self.value(shape.key, depth + 1, key=True)}{i}": self.value(shape.value, depth + 1)
                for i in range(self.random.randint(1, 2))
            }
        return self.scalar(shape, kind, place, key)

    def scalar(self, shape: Any, kind: str, place: str | None, key: bool) -> Any:
        if kind == "string":
            if shape.serialization.get("jsonvalue") and place == "header":
                return self.document()
            if shape.serialization.get("hostLabel"):
                return self.text(HOST, 1, 9)
            if place in ("header", "headers"):
                return self.text(TOKEN, 1, 20)
            return self.text(TEXT, 1 if place in ("uri",) or key else 0, 20)
        if kind == "boolean":
            return self.random.random() < 0.5
        if kind in ("integer", "long"):
            bits = 31 if kind == "integer" else 63
            return self.random.choice((0, 1, -1, 2**bits - 1, -(2**bits), self.random.randint(0, 10**6)))
        if kind in ("float", "double"):
            return self.random.choice((0.0, 1.5, -2.25, self.random.randint(-(10**5), 10**5) / 8))
        if kind == "timestamp":
            whole = shape.serialization.get("timestampFormat") == "rfc822" or place == "header"
            at = datetime(2001, 1, 1, tzinfo=UTC) + timedelta(seconds=self.random.randint(0, 10**9))
            return at if whole else at + timedelta(milliseconds=self.random.choice((0, 0, 123, 500)))
        assert kind == "blob", kind
        return self.text(TEXT, 1, 30).encode()

    def text(self, letters: str, least: int, most: int) -> str:
        return "".join(self.random.choices(letters, k=self.random.randint(least, most)))

    def document(self, depth: int = 0) -> Any:
        if depth > 2 or self.random.random() < 0.4:
            return self.random.choice(("a", 1, 2.5, True, "구름"))
        if self.random.random() < 0.5:
            return [self.document(depth + 1) for _ in range(2)]
        return {self.text(HOST, 1, 4): self.document(depth + 1) for _ in range(2)}


def _cost(shape: Any, above: frozenset[str] = frozenset()) -> int:
    """How deep the smallest value of a shape is: what to choose where recursion must end."""
    if shape.type_name == "structure":
        if shape.name in above:
            return 99
        below = [_cost(member, above | {shape.name}) for member in shape.members.values()]
        return 1 + min(below, default=0)
    if shape.type_name in ("list", "map"):
        return 1 + _cost(shape.member if shape.type_name == "list" else shape.value, above)
    return 0


def request(protocol: str, operation: botocore.model.OperationModel, params: dict[str, Any]) -> Request:
    """What botocore would send."""
    serializer = botocore.serialize.create_serializer(protocol, include_validation=False)
    raw = serializer.serialize_to_request(params, operation)
    raw.pop("host_prefix", None)
    if not isinstance(raw["body"], (bytes, str, dict)):
        raw["body"] = b""
    prepare_request_dict(raw, "http://127.0.0.1:4566", {})
    prepared = create_request_object(raw).prepare()
    url = urlsplit(prepared.url)
    headers = {
        (name if isinstance(name, str) else name.decode()).lower(): value
        if isinstance(value, str)
        else value.decode()
        for name, value in prepared.headers.items()
    }
    body = prepared.body or b""
    return Request(
        prepared.method, url.path, url.query, headers, body.encode() if isinstance(body, str) else body
    )


def tidy(value: Any) -> Any:
    """A value as a handler gives it: dates as seconds, everything else as it is."""
    if isinstance(value, dict):
        return {key: tidy(item) for key, item in value.items()}
    if isinstance(value, list):
        return [tidy(item) for item in value]
    return round(value.timestamp(), 3) if isinstance(value, datetime) else value


def plain(value: Any) -> Any:
    """A value with dates as seconds, and without what text protocols cannot say: empty containers."""
    if isinstance(value, dict):
        pruned = {key: plain(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item is not None and item not in ({}, [], b"")}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, float):
        return value if not math.isfinite(value) else round(value, 6)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return value


def content(response: Response) -> bytes:
    """The response's body, an iterator read to its end."""
    if isinstance(response.body, bytes):
        return response.body

    async def gather() -> bytes:
        assert not isinstance(response.body, bytes)
        return b"".join([piece async for piece in response.body])  # type: ignore[union-attr]

    return asyncio.run(gather())


class Raw(io.BytesIO):
    """A body as botocore's parsers get it when it is a stream."""

    def stream(self) -> Any:
        yield self.read()


def parsed(protocol: str, operation: Any, response: Response, shape: Any = None) -> dict[str, Any]:
    """What botocore reads out of a response."""
    parser = botocore.parsers.create_parser(protocol)
    body: Any = content(response)
    output = operation.output_shape
    streams = (
        shape is None
        and output is not None
        and (operation.has_streaming_output or operation.has_event_stream_output)
    )
    payload = output.serialization.get("payload") if output is not None else None
    blob = shape is None and payload is not None and output.members[payload].type_name == "blob"
    raw = {
        "status_code": response.status,
        "headers": botocore.awsrequest.HeadersDict(response.headers),
        "body": Raw(body) if (streams or blob) and response.status < 300 else body,
        "context": {"operation_name": operation.name},
    }
    found: dict[str, Any] = parser.parse(raw, shape if shape is not None else output)
    found.pop("ResponseMetadata", None)
    if blob and payload in found and response.status < 300:
        found[payload] = found[payload].read()
    return found
