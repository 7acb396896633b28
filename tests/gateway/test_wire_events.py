"""Event streams: botocore reads what we frame, we read what it frames, and damage is refused."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from typing import Any

import botocore.eventstream
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire_oracle import Values, parsed, plain, service_model, tidy

from gureum.gateway import wire
from gureum.gateway.wire import frames
from gureum.gateway.wire.scalars import Malformed
from gureum.kernel import models
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request

OUT = [
    ("kinesis", "SubscribeToShard"),
    ("logs", "StartLiveTail"),
    ("lambda", "InvokeWithResponseStream"),
    ("bedrock-runtime", "ConverseStream"),
    ("s3", "SelectObjectContent"),
    ("transcribe-streaming", "StartStreamTranscription"),
    ("sagemaker-runtime", "InvokeEndpointWithResponseStream"),
    ("polly", "StartSpeechSynthesisStream"),
    ("healthlake", "UpdateProfileWithAgent"),
    ("iotsitewise", "InvokeAssistant"),
]
OUT = [pair for pair in OUT if pair[0] in models.services()]


async def stream(events: list[dict[str, Any]], end: Fault | None = None) -> AsyncIterator[dict[str, Any]]:
    for event in events:
        yield event
    if end is not None:
        raise end


@pytest.mark.parametrize(("service", "name"), OUT)
def test_botocore_reads_our_events(service: str, name: str) -> None:
    model, theirs = models.load(service), service_model(service).operation_model(name)
    protocol: Any = model.metadata.protocols[0]
    member = model.operations[name].events_out
    assert member is not None
    values = Values(service + name, protocol)
    shape = theirs.output_shape.members[member]
    events = [
        {key: values.structure(event)}
        for key, event in shape.members.items()
        if not event.metadata.get("exception")
    ]
    rest = {
        key: values.value(value)
        for key, value in theirs.output_shape.members.items()
        if key != member and value.serialization.get("location") != "statusCode"
    }
    result = {**tidy(rest), member: stream(tidy(events))}
    response = wire.answer(protocol, model, model.operations[name], result, "id-1")
    got = parsed(protocol, theirs, response)
    assert [plain(event) for event in got.pop(member)] == [plain(event) for event in events]
    for key in ("contentType", "ContentType", "StatusCode"):  # the HTTP answer's own
        got.pop(key, None)
        rest.pop(key, None)
    assert plain(got) == plain(rest)


def test_a_fault_ends_the_stream_in_its_own_words() -> None:
    model, theirs = models.load("kinesis"), service_model("kinesis").operation_model("SubscribeToShard")
    for code, seen in [("ResourceNotFoundException", "ResourceNotFoundException"), ("Whatever", "Whatever")]:
        result = {"EventStream": stream([], Fault(code, "gone"))}
        response = wire.answer("json", model, model.operations["SubscribeToShard"], result, "id-1")
        with pytest.raises(botocore.exceptions.EventStreamError) as caught:
            list(parsed("json", theirs, response)["EventStream"])
        assert caught.value.response["Error"] == {"Code": seen, "Message": "gone"}


def event(name: str, payload: bytes, **headers: Any) -> bytes:
    return frames.encode({":message-type": "event", ":event-type": name, **headers}, payload)


def signed(inner: bytes) -> bytes:
    return frames.encode({":date": frames.Moment(1.5), ":chunk-signature": b"s" * 32}, inner)


def test_events_in() -> None:
    model = models.load("lexv2-runtime")
    operation = model.operations["StartConversation"]
    body = event("TextInputEvent", b'{"text":"hi","eventId":"e"}') + event("NoSuchEvent", b"{}")
    labels = {"botId": "b", "botAliasId": "a", "localeId": "en_US", "sessionId": "session"}
    for text in (body, signed(event("TextInputEvent", b'{"text":"hi","eventId":"e"}')) + signed(b"")):
        params = wire.parse("rest-json", model, operation, labels, Request("POST", "/", "", {}, text))
        assert params["requestEventStream"] == [{"TextInputEvent": {"text": "hi", "eventId": "e"}}]
        assert params["botId"] == "b"


def test_blob_payloads_in() -> None:
    model = models.load("connecthealth")
    operation = model.operations["StartMedicalScribeListeningSession"]
    request = Request("POST", "/", "", {}, event("binaryAudioEvent", b"\x00\xff"))
    params = wire.parse("rest-json", model, operation, {}, request)
    assert params["inputStream"] == [{"binaryAudioEvent": {"audioChunk": b"\x00\xff"}}]


HEADERS = st.dictionaries(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    st.one_of(
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.binary(max_size=40),
        st.text(st.characters(codec="utf-8"), max_size=40),
        st.integers(-(2**40), 2**40).map(lambda millis: frames.Moment(millis / 1000)),
        st.uuids(),
    ),
    max_size=5,
)


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=60)), max_size=4))
def test_frames_round_trip_and_botocore_agrees(messages: list[tuple[dict[str, Any], bytes]]) -> None:
    text = b"".join(frames.encode(headers, payload) for headers, payload in messages)
    assert list(frames.decode(text)) == messages
    buffer = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(text)
    for message, (headers, payload) in zip(buffer, messages, strict=True):
        assert message.payload == payload
        for name, value in headers.items():
            assert message.headers[name] == _as_botocore_has_it(value)


def _as_botocore_has_it(value: Any) -> Any:
    if isinstance(value, frames.Moment):
        return round(value * 1000)
    return value.bytes if isinstance(value, uuid.UUID) else value


@given(st.data())
def test_a_damaged_stream_is_refused(data: st.DataObject) -> None:
    text = bytearray(event("A", b"payload") + event("B", b"", n=3))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at] ^= data.draw(st.integers(1, 255))
    else:
        cut = data.draw(st.integers(1, len(text) - 1).filter(lambda n: n != len(event("A", b"payload"))))
        del text[cut:]
    with pytest.raises(Malformed):
        list(frames.decode(bytes(text)))


def test_nothing_is_sent_before_it_is_there() -> None:
    """The stream goes out frame by frame: the second event is not awaited before the first is out."""
    import asyncio

    model = models.load("logs")

    async def run() -> None:
        reached: list[int] = []

        async def events() -> AsyncIterator[dict[str, Any]]:
            for number in (1, 2):
                reached.append(number)
                yield {"sessionUpdate": {}}

        response = wire.answer(
            "json", model, model.operations["StartLiveTail"], {"responseStream": events()}, "i"
        )
        pieces = aiter(response.body)  # type: ignore[arg-type]
        await anext(pieces)
        assert reached == []
        await anext(pieces)
        assert reached == [1]

    asyncio.run(run())
