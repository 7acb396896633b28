"""The schema: AWS's service models as botocore carries them, read without importing botocore.

`load("sqs")` decodes the newest model of a service straight into slotted structs. Documentation is skipped by
the decoder and never allocated, equal member references are shared, and names are interned, so that a dozen
loaded services stay small. The format is botocore's `service-2.json`; what its traits mean is described in
Smithy's AWS protocol pages (https://smithy.io/2.0/aws/protocols/index.html).

A service that botocore does not carry brings `gureum/services/<service>/model.json` in the same format; one
whose model lacks a fact brings `model.extras.json` (`{"merge": {...}}`, as botocore's `sdk-extras` do).
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from gureum.kernel import model_files
from gureum.kernel.model_files import UnknownService, services

__all__ = ["Model", "Operation", "Shape", "UnknownService", "load", "services"]


class Namespace(Struct, frozen=True, gc=False):
    """An XML namespace: `uri`, and the prefix that declares it where it is not the default one."""

    uri: str
    prefix: str | None = None


class ContextParam(Struct, frozen=True, gc=False):
    """The name under which a member takes part in endpoint rules (S3's `Bucket` and `Key`)."""

    name: str


class Traits(Struct, frozen=True, rename="camel", gc=False):
    """What the wire needs to know about a value where it stands. A reference's traits win over its shape's."""

    location: str | None = None
    location_name: str | None = None
    query_name: str | None = None
    flattened: bool = False
    streaming: bool = False
    jsonvalue: bool = False
    xml_attribute: bool = False
    xml_namespace: Namespace | None = None
    timestamp_format: str | None = None
    eventpayload: bool = False
    eventheader: bool = False
    host_label: bool = False
    idempotency_token: bool = False
    context_param: ContextParam | None = None
    enum: tuple[str, ...] | None = None
    deprecated: bool = False


class Ref(Traits, frozen=True, rename="camel", gc=False):
    """A reference to a shape, with the traits of this place. `result_wrapper` is an output's alone."""

    shape: str = ""
    result_wrapper: str | None = None


class ErrorTrait(Struct, rename="camel", gc=False):
    """How an error looks on the wire: its code where it differs from the shape's name, and its HTTP status."""

    code: str | None = None
    http_status_code: int | None = None
    sender_fault: bool | None = None


class Shape(Traits, frozen=True, rename="camel", eq=False):
    """One shape of a model. `type` is structure, list, map, string, integer, long, float, double, boolean,
    timestamp or blob; the other fields are the traits that apply to that type."""

    type: str = "structure"
    name: str = ""
    members: dict[str, Ref] | None = None
    required: tuple[str, ...] = ()
    member: Ref | None = None
    key: Ref | None = None
    value: Ref | None = None
    min: int | float | None = None
    max: int | float | None = None
    pattern: str | None = None
    sensitive: bool = False
    document: bool = False
    union: bool = False
    exception: bool = False
    error: ErrorTrait | None = None
    fault: bool = False
    event: bool = False
    eventstream: bool = False
    payload: str | None = None
    sparse: bool = False
    requires_length: bool = False
    xml_order: tuple[str, ...] = ()


class Checksum(Struct, rename="camel", gc=False):
    """The `httpChecksum` trait: which member names the algorithm, and which ones an answer may carry."""

    request_algorithm_member: str | None = None
    request_checksum_required: bool = False
    request_validation_mode_member: str | None = None
    response_algorithms: tuple[str, ...] = ()


class ErrorModel(Struct, frozen=True, gc=False):
    """One modelled error. `code` is what JSON and REST answers carry, `query_code` what query answers carry;
    `fault` says that the server, not the caller, is to blame."""

    shape: str
    code: str
    status: int
    fault: bool
    query_code: str


class Operation(Struct, frozen=True, eq=False):
    """One operation. `input` and `output` are shape names; `*_name` and `*_namespace` the XML root element's.

    `payload_in`/`payload_out` name the member that is the whole body, `streaming_in`/`streaming_out` the blob
    member that is streamed, `events_in`/`events_out` the event stream member. `auth` is "none" where no
    signature is asked for. `status` is the HTTP status of a success.
    """

    name: str
    method: str
    uri: str
    status: int
    input: str | None
    output: str | None
    errors: tuple[str, ...]
    input_name: str | None
    input_namespace: Namespace | None
    result_wrapper: str | None
    payload_in: str | None
    payload_out: str | None
    streaming_in: str | None
    streaming_out: str | None
    events_in: str | None
    events_out: str | None
    idempotency_tokens: tuple[str, ...]
    context_params: dict[str, str]
    auth: str | None
    deprecated: bool
    readonly: bool
    unsigned_payload: bool
    unwrapped: bool
    checksum: Checksum | None
    host_prefix: str | None


class Metadata(Struct, frozen=True, gc=False):
    """What a model says of its service as a whole."""

    protocols: tuple[str, ...]
    api_version: str
    service_id: str
    full_name: str
    endpoint_prefix: str
    signing_name: str
    signature_version: str
    target_prefix: str | None
    json_version: str
    xml_namespace: str | None
    query_compatible: bool
    global_endpoint: str | None


class Model:
    """A service's model. `operations`, `shapes` and `errors` are read-only mappings by name; `errors` answers
    to shape names and to wire codes, the shape's name winning where both exist."""

    def __init__(self, service: str, raw: _Raw, folder: Path) -> None:
        self.service = service
        self.metadata = _metadata(service, raw.metadata)
        self.shapes: Mapping[str, Shape] = raw.shapes
        self.operations: Mapping[str, Operation] = {
            sys.intern(name): _operation(name, op, raw.shapes) for name, op in raw.operations.items()
        }
        self.errors: Mapping[str, ErrorModel] = _errors(raw.shapes)
        self._folder = folder

    def resolve(self, ref: Ref) -> Shape:
        """The shape that `ref` names, with the traits that `ref` adds."""
        shape = self.shapes[ref.shape]
        traits = {
            field: value
            for field in _TRAITS
            if (value := getattr(ref, field)) is not None and value is not False
        }
        return msgspec.structs.replace(shape, **traits) if traits else shape

    def members_of(self, shape: Shape) -> dict[str, Shape]:
        """A structure's members by name, in the model's order, with the traits of their places."""
        return {name: self.resolve(ref) for name, ref in (shape.members or {}).items()}

    def input(self, operation: Operation) -> Shape | None:
        """The operation's input structure; None where it takes none."""
        return self.shapes[operation.input] if operation.input else None

    def output(self, operation: Operation) -> Shape | None:
        """The operation's output structure; None where it has none."""
        return self.shapes[operation.output] if operation.output else None

    def members(self, operation: str) -> tuple[str, ...]:
        """The names of the operation's input members. Raises KeyError for an unknown operation."""
        shape = self.input(self.operations[operation])
        return tuple(shape.members or ()) if shape else ()

    @functools.cached_property
    def paginators(self) -> Mapping[str, dict[str, Any]]:
        """botocore's paginators by operation name (`input_token`, `output_token`, `limit_key`, `result_key`)."""
        found = model_files.beside(self._folder, "paginators-1").get("pagination", {})
        extras = model_files.beside(self._folder, "paginators-1.sdk-extras").get("merge", {})
        merged: dict[str, Any] = model_files.merge(found, extras.get("pagination", {}))
        return merged

    @functools.cached_property
    def waiters(self) -> Mapping[str, dict[str, Any]]:
        """botocore's waiters by name (`operation`, `delay`, `maxAttempts`, `acceptors`)."""
        waiters: dict[str, Any] = model_files.beside(self._folder, "waiters-2").get("waiters", {})
        return waiters


@functools.cache
def load(service: str) -> Model:
    """The model of a service by botocore's name of it. Raises UnknownService."""
    raw, folder = model_files.model(service, _Raw)
    return Model(service, _shared(raw), folder)


# ---------------------------------------------------------------------------------------------------------
# Reading


class _RawOperation(Struct, rename="camel", gc=False):
    http: dict[str, Any]
    input: Ref | None = None
    output: Ref | None = None
    errors: tuple[Ref, ...] = ()
    authtype: str | None = None
    auth: tuple[str, ...] = ()
    deprecated: bool = False
    readonly: bool = False
    unsigned_payload: bool = False
    unwrapped: bool = False
    http_checksum: Checksum | None = None
    http_checksum_required: bool = False
    endpoint: dict[str, Any] | None = None


class _Raw(Struct, gc=False):
    metadata: dict[str, Any]
    operations: dict[str, _RawOperation]
    shapes: dict[str, Shape]


_TRAITS = Traits.__struct_fields__


def _shared(raw: _Raw) -> _Raw:
    """Intern names and share equal references: a model repeats the same few hundred over and over."""
    seen: dict[Ref, Ref] = {}
    put = msgspec.structs.force_setattr
    for name, shape in raw.shapes.items():
        put(shape, "name", sys.intern(name))
        if shape.members:
            put(shape, "members", {sys.intern(key): _one(ref, seen) for key, ref in shape.members.items()})
        for field in ("member", "key", "value"):
            if (ref := getattr(shape, field)) is not None:
                put(shape, field, _one(ref, seen))
        if shape.required:
            put(shape, "required", tuple(map(sys.intern, shape.required)))
    return raw


def _one(ref: Ref, seen: dict[Ref, Ref]) -> Ref:
    if (found := seen.get(ref)) is None:
        msgspec.structs.force_setattr(ref, "shape", sys.intern(ref.shape))
        found = seen[ref] = ref
    return found


def _metadata(service: str, raw: dict[str, Any]) -> Metadata:
    prefix = raw["endpointPrefix"]
    return Metadata(
        protocols=tuple(raw.get("protocols") or (raw["protocol"],)),
        api_version=raw["apiVersion"],
        service_id=raw.get("serviceId", service),
        full_name=raw.get("serviceFullName", service),
        endpoint_prefix=prefix,
        signing_name=raw.get("signingName", prefix),
        signature_version=raw.get("signatureVersion", "v4"),
        target_prefix=raw.get("targetPrefix"),
        json_version=raw.get("jsonVersion", "1.1"),
        xml_namespace=raw.get("xmlNamespace"),
        query_compatible="awsQueryCompatible" in raw,
        global_endpoint=raw.get("globalEndpoint"),
    )


def _operation(name: str, raw: _RawOperation, shapes: dict[str, Shape]) -> Operation:
    taken = shapes[raw.input.shape] if raw.input else None
    given = shapes[raw.output.shape] if raw.output else None
    checksum = raw.http_checksum or (
        Checksum(request_checksum_required=True) if raw.http_checksum_required else None
    )
    refs = (taken.members or {}) if taken else {}
    return Operation(
        name=sys.intern(name),
        method=sys.intern(raw.http.get("method", "POST")),
        uri=raw.http["requestUri"],
        status=int(raw.http.get("responseCode", 200)),
        input=taken.name if taken else None,
        output=given.name if given else None,
        errors=tuple(sys.intern(ref.shape) for ref in raw.errors),
        input_name=(raw.input.location_name if raw.input else None)
        or (taken.location_name if taken else None),
        input_namespace=raw.input.xml_namespace if raw.input else None,
        result_wrapper=raw.output.result_wrapper if raw.output else None,
        payload_in=taken.payload if taken else None,
        payload_out=given.payload if given else None,
        streaming_in=next(_streaming(taken, shapes), None),
        streaming_out=next(_streaming(given, shapes), None),
        events_in=next(_event_streams(taken, shapes), None),
        events_out=next(_event_streams(given, shapes), None),
        idempotency_tokens=tuple(key for key, ref in refs.items() if ref.idempotency_token),
        context_params={key: ref.context_param.name for key, ref in refs.items() if ref.context_param},
        auth="none" if raw.authtype == "none" or raw.auth == ("smithy.api#noAuth",) else None,
        deprecated=raw.deprecated,
        readonly=raw.readonly,
        unsigned_payload=raw.unsigned_payload,
        unwrapped=raw.unwrapped,
        checksum=checksum,
        host_prefix=(raw.endpoint or {}).get("hostPrefix"),
    )


def _streaming(shape: Shape | None, shapes: dict[str, Shape]) -> Iterator[str]:
    if shape is not None and shape.payload is not None and shape.members:
        ref = shape.members[shape.payload]
        if ref.streaming or shapes[ref.shape].streaming:
            yield shape.payload


def _event_streams(shape: Shape | None, shapes: dict[str, Shape]) -> Iterator[str]:
    if shape is not None:
        yield from (key for key, ref in (shape.members or {}).items() if shapes[ref.shape].eventstream)


def _errors(shapes: dict[str, Shape]) -> dict[str, ErrorModel]:
    found: dict[str, ErrorModel] = {}
    for shape in shapes.values():
        if shape.exception:
            trait = shape.error or ErrorTrait()
            fault = shape.fault and not trait.sender_fault
            status = trait.http_status_code or (500 if fault else 400)
            code = trait.code or shape.name
            found[shape.name] = ErrorModel(shape.name, shape.name, status, fault or status >= 500, code)
    for error in list(found.values()):
        found.setdefault(error.query_code, error)
    return found
