"""Every operation of every service against botocore: what it sends we read, what we answer it reads.

One seeded value per operation, direction and protocol; about 21,000 pairs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from wire_oracle import Values, content, parsed, plain, request, service_model, services, tidy

from gureum.gateway import wire
from gureum.kernel import models
from gureum.kernel.faults import Fault

# botocore's own model makes these two mean one request: only the second can be told on the wire.
SUPERSEDED = {
    "GetBucketLifecycle": "GetBucketLifecycleConfiguration",
    "PutBucketLifecycle": "PutBucketLifecycleConfiguration",
    "GetBucketNotification": "GetBucketNotificationConfiguration",
    "PutBucketNotification": "PutBucketNotificationConfiguration",
    "ListDirectoryBuckets": "ListBuckets",
}
# Its output has members that share one element name, which botocore cannot read back itself.
UNREADABLE = {"GetBucketNotification"}


class Both(NamedTuple):
    """One service as we and as botocore know it."""

    service: str
    model: models.Model
    theirs: Any

    @property
    def protocols(self) -> list[str]:
        meta = self.theirs.metadata
        return list(meta.get("protocols") or [meta["protocol"]])


# Of module scope, so that pytest takes the three tests of one service together and then forgets it.
@pytest.fixture(scope="module", params=services())
def both(request: pytest.FixtureRequest) -> Both:
    return Both(request.param, models.load.__wrapped__(request.param), service_model(request.param))


def test_inputs(both: Both) -> None:
    service, model, theirs = both
    for name in theirs.operation_names:
        operation = theirs.operation_model(name)
        for protocol in both.protocols:
            shape = operation.input_shape
            params = Values(f"{service}{name}{protocol}", protocol).structure(shape) if shape else {}
            stream = model.operations[name].events_in
            params.pop(stream, None)
            sent = request(protocol, operation, params)
            if stream is not None:
                sent.body = b""
            found, detected, labels = wire.match(model, sent)
            if name in SUPERSEDED and service == "s3":
                assert found.name == SUPERSEDED[name]
                continue
            assert (found.name, detected) == (name, protocol)
            got = wire.parse(detected, model, found, labels, sent)
            got.pop(stream, None)
            if "ContentLength" not in params:
                got.pop("ContentLength", None)  # the HTTP header of that name
            assert plain(got) == plain(params), (name, protocol)


def test_outputs(both: Both) -> None:
    service, model, theirs = both
    for name in theirs.operation_names:
        operation = theirs.operation_model(name)
        if operation.has_event_stream_output or name in UNREADABLE:
            continue
        for protocol in both.protocols:
            shape = operation.output_shape
            result = Values(f"{name}{service}{protocol}", protocol).structure(shape) if shape else {}
            for key, member in (shape.members if shape else {}).items():
                if member.serialization.get("location") == "statusCode":
                    result[key] = 201
            response = wire.answer(protocol, model, model.operations[name], tidy(result), "id-1")
            if model.operations[name].method == "HEAD" or response.status == 204:
                assert content(response) == b""
                continue
            got = parsed(protocol, operation, response)
            if "ResponseHeaders" in got:  # a member that takes every header, the usual ones too
                wanted = result.get("ResponseHeaders", {})
                got["ResponseHeaders"] = {key: got["ResponseHeaders"][key] for key in wanted}
            for key in [*got]:
                if key.lower() == "contenttype" and key not in result:
                    del got[key]
            if (service, name) == ("s3", "GetBucketLocation"):
                # botocore reads this one in a handler outside its parsers.
                assert result["LocationConstraint"].encode() in b"".join(_unescaped(response))
                continue
            assert plain(got) == plain(result), (name, protocol)


def _unescaped(response: Any) -> list[bytes]:
    from xml.sax.saxutils import unescape

    return [unescape(content(response).decode(), {"&quot;": '"'}).encode()]


def test_errors(both: Both) -> None:
    service, model, theirs = both
    operation = theirs.operation_model(theirs.operation_names[0])
    for shape in theirs.error_shapes:
        for protocol in both.protocols:
            members = Values(f"{service}{shape.name}{protocol}", protocol).structure(shape)
            message = next((name for name in shape.members if name.lower() == "message"), None)
            for name, member in shape.members.items():
                # Members that stand in the place of the code or the message themselves.
                if str(member.serialization.get("name", name)).lower() in (
                    "x-amzn-errortype",
                    "code",
                    "type",
                ):
                    members.pop(name, None)
            members.pop(message, None)
            fault = Fault(shape.name, "what <went> wrong & why")
            fault.extra = tidy(members)
            response = wire.fault(protocol, model, None, fault, "id-1")
            error = parsed(protocol, operation, response)["Error"]
            in_xml = protocol in ("query", "ec2", "rest-xml")
            legacy = in_xml or "x-amzn-query-error" in dict(response.headers)
            expected = model.errors[shape.name].query_code if legacy else shape.name
            assert error["Code"] == expected, (shape.name, protocol)
            assert error["Message"] == "what <went> wrong & why", (shape.name, protocol)
            status = shape.metadata.get("error", {}).get("httpStatusCode")
            assert response.status == status or status is None
            got = parsed(protocol, operation, response, shape)
            for name in [*got]:
                if name == message or name not in members:
                    del got[name]
            assert plain(got) == plain(members), (shape.name, protocol)
