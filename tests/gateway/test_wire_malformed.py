"""Whatever the bytes, only Fault comes out; and small bytes never become large memory."""

from __future__ import annotations

import contextlib
import gzip
import json
import time
import tracemalloc
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gureum.gateway import wire
from gureum.gateway.wire import http
from gureum.kernel import models
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request

JSON = {"content-type": "application/x-amz-json-1.0"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
CBOR = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
GRANITE = "/service/GraniteServiceVersion20100801/operation/"

# (service, operation, a request's method, path, query and headers) for each protocol and kind of body
PLACES: list[tuple[str, str, str, str, dict[str, str]]] = [
    ("sqs", "POST", "/", "", {"x-amz-target": "AmazonSQS.SendMessage", **JSON}),
    ("dynamodb", "POST", "/", "", {"x-amz-target": "DynamoDB_20120810.PutItem", **JSON}),
    ("ce", "POST", "/", "", {"x-amz-target": "AWSInsightsIndexService.GetCostAndUsage", **JSON}),
    ("iam", "POST", "/", "", FORM),
    ("ec2", "POST", "/", "", FORM),
    ("cloudwatch", "POST", GRANITE + "PutMetricData", "", CBOR),
    ("lambda", "POST", "/2015-03-31/functions", "", {"content-type": "application/json"}),
    ("lambda", "POST", "/2015-03-31/functions/f/invocations", "", {"x-amz-client-context": "e30="}),
    ("lexv2-runtime", "POST", "/bots/b/botAliases/a/botLocales/l/sessions/ss/conversation", "", {}),
    ("s3", "PUT", "/b", "tagging", {}),
    ("s3", "PUT", "/b/k", "", {}),
    ("s3", "POST", "/b", "delete", {}),
    ("s3", "GET", "/b", "list-type=2", {}),
    ("route53", "POST", "/2013-04-01/hostedzone", "", {}),
]


def take(service: str, request: Request) -> dict[str, Any]:
    model = models.load(service)
    operation, protocol, labels = wire.match(model, request)
    return wire.parse(protocol, model, operation, labels, request)


def code(service: str, request: Request) -> str:
    with pytest.raises(Fault) as caught:
        take(service, request)
    model = models.load(service)
    response = wire.fault(model.metadata.protocols[0], model, None, caught.value, "id-1")
    assert 400 <= response.status < 500
    return caught.value.code


def target(operation: str, body: bytes, **headers: str) -> Request:
    return Request("POST", "/", "", {"x-amz-target": f"AmazonSQS.{operation}", **JSON, **headers}, body)


# Bytes that get further into the parsers than noise does.
SHAPED = st.one_of(
    st.binary(max_size=200),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9)),
        lambda below: st.one_of(
            st.lists(below, max_size=3),
            st.dictionaries(
                st.sampled_from(["QueueUrl", "MessageAttributes", "Item", "Filter", "Code", "Not", "a", "MetricData"]),
                below,
                max_size=3,
            ),
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.binary(max_size=9)),
        lambda below: st.one_of(
            st.lists(below, max_size=3),
            st.dictionaries(st.sampled_from(["Namespace", "MetricData", "Timestamp", "Value"]), below, max_size=3),
        ),
        max_leaves=8,
    ).map(cbor2.dumps),
    st.lists(
        st.sampled_from(
            ["<Tagging>", "</Tagging>", "<TagSet>", "</TagSet>", "<Tag>", "</Tag>", "<Key>", "a", "&lt;", "&x;", "<!--",
             "<![CDATA[", "<?xml version='1.0' encoding='x'?>", "<Delete xmlns='y'>", "</Delete>", "\x00", "</Key>"]
        ),
        max_size=12,
    ).map(lambda parts: "".join(parts).encode()),
    st.lists(
        st.sampled_from(
            ["Action=TagUser", "Action=RunInstances", "Tags.member.1.Key=a", "Tags.member=b", "Tags=c", "MinCount=x",
             "Tags.member.%ff=1", "BlockDeviceMapping.1=2", "BlockDeviceMapping.1.Ebs.VolumeSize=9999999999999", ".=.",
             "Tags.member.1.Key.x=1", "Tags.member.-1.Key=1", "Tags.member.¹.Key=1", "&&", "==", "a%", "%zz=1"]
        ),
        max_size=8,
    ).map(lambda parts: "&".join(parts).encode()),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(PLACES),
    SHAPED,
    st.text(st.characters(codec="latin-1"), max_size=30),
    st.sampled_from(["", "gzip", "aws-chunked"]),
)
def test_only_faults_come_out(
    place: tuple[str, str, str, str, dict[str, str]], body: bytes, noise: str, encoding: str
) -> None:
    service, method, path, query, headers = place
    named = {
        **headers,
        "content-encoding": encoding,
        "x-amz-meta-x": noise,
        "x-amz-tagging-count": noise,
        "if-modified-since": noise,
    }
    try:
        take(service, Request(method, path, query, named, body))
    except Fault as problem:
        model = models.load(service)
        for protocol in wire.protocols(model):
            wire.fault(protocol, model, None, problem, "id-1")


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["sqs", "iam", "ec2", "lambda", "s3", "cloudwatch", "s3control"]),
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "BREW"]),
    st.text(st.characters(codec="latin-1", exclude_characters="?#"), max_size=40).map(
        lambda text: "/" + text
    ),
    st.text(st.characters(codec="latin-1"), max_size=40),
)
def test_only_faults_come_out_of_any_target(service: str, method: str, path: str, query: str) -> None:
    with contextlib.suppress(Fault):
        take(service, Request(method, path, query, {}, b""))


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b'{"QueueUrl":1}', "NUMBER_VALUE cannot be converted to String"),
        (b'{"QueueUrl":1.5}', "DECIMAL_VALUE cannot be converted to String"),
        (b'{"QueueUrl":true}', "TRUE_VALUE cannot be converted to String"),
        (b'{"QueueUrl":[]}', "Unrecognized collection type class java.lang.String"),
        (b'{"QueueUrl":{}}', "Start of structure or map found where not expected"),
        (b'{"DelaySeconds":"1"}', "STRING_VALUE cannot be converted to Integer"),
        (b'{"DelaySeconds":4294967296}', "NUMBER_VALUE cannot be converted to Integer"),
        (b'{"MessageAttributes":[]}', "Unrecognized collection type class java.util.Map"),
        (b'{"MessageAttributes":{"a":null}}', "null is not allowed in this map"),
        (b'{"MessageAttributes":{"a":{"BinaryValue":"!"}}}', "Invalid base64"),
    ],
)
def test_wrong_json_types(body: bytes, text: str) -> None:
    with pytest.raises(Fault) as caught:
        take("sqs", target("SendMessage", body))
    assert (caught.value.code, caught.value.message) == ("SerializationException", text)


def test_nulls_and_unknown_members_are_passed_over() -> None:
    body = b'{"QueueUrl":"u","MessageBody":null,"NoSuch":{"a":[1]},"QueueUrl":"v"}'
    assert take("sqs", target("SendMessage", body)) == {"QueueUrl": "v"}
    assert take("sqs", target("ListQueues", b"")) == {}


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b'"a"', b"null", b"\xff", b'{"QueueUrl":"\xff"}', b"[" * 100_000, b'{"a":' * 100_000],
)
def test_json_that_is_none(body: bytes) -> None:
    assert code("sqs", target("SendMessage", body)) == "SerializationException"


def test_json_that_nests_where_the_model_lets_it() -> None:
    nested = b'{"M":{"a":' * 30_000
    headers = {"x-amz-target": "DynamoDB_20120810.PutItem", **JSON}
    body = b'{"Item":{"a":' + nested
    assert code("dynamodb", Request("POST", "/", "", headers, body)) == "SerializationException"


def xml(body: bytes) -> Request:
    return Request("PUT", "/b", "tagging", {}, body)


BILLION = (
    b'<?xml version="1.0"?><!DOCTYPE t [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<Tagging><TagSet><Tag><Key>&b;</Key></Tag></TagSet></Tagging>"
)
FILE = (
    b'<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    b"<Tagging><TagSet><Tag><Key>&x;</Key></Tag></TagSet></Tagging>"
)


@pytest.mark.parametrize(
    "body",
    [
        BILLION,
        FILE,
        b'<!DOCTYPE t SYSTEM "http://127.0.0.1/x"><Tagging/>',
        b"<Tagging>",
        b"<Tagging></Tag>",
        b"nothing",
        b"<a/><b/>",
        b"<Tagging>&nosuch;</Tagging>",
        b"<a>" * 1000,
        b'<?xml version="1.0" encoding="nosuch"?><Tagging/>',
        b"\xff\xfe<\x00",
    ],
)
def test_xml_that_is_refused(body: bytes) -> None:
    assert code("s3", xml(body)) == "MalformedXML"


def test_xml_that_is_read() -> None:
    body = (
        b'\xef\xbb\xbf<?xml version="1.0" encoding="UTF-8"?>\n<s:Tagging xmlns:s="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<!-- a --><s:TagSet>\n <s:Tag><s:Key>a&amp;<![CDATA[<b>]]></s:Key><s:Value> x </s:Value><s:Other/></s:Tag></s:TagSet>"
        b"</s:Tagging>"
    )
    tags = [{"Key": "a&<b>", "Value": " x "}]
    assert take("s3", xml(body)) == {"Bucket": "b", "Tagging": {"TagSet": tags}}


def test_a_gzip_body_is_unpacked_and_a_bomb_is_not() -> None:
    packed = gzip.compress(b'{"QueueUrl":"u"}')
    assert take("sqs", target("SendMessage", packed, **{"content-encoding": "gzip"})) == {"QueueUrl": "u"}
    bomb = gzip.compress(b" " * (http.MAX_BODY * 4))
    tracemalloc.start()
    assert (
        code("sqs", target("SendMessage", bomb, **{"content-encoding": "gzip"})) == "SerializationException"
    )
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < http.MAX_BODY * 3
    for body in (packed[:-4], b"no gzip", packed[:12]):
        assert (
            code("sqs", target("SendMessage", body, **{"content-encoding": "gzip"}))
            == "SerializationException"
        )


def test_a_large_body_in_a_file_is_not_read_for_a_structure() -> None:
    class Large:
        size = http.MAX_BODY + 1

        def read(self) -> bytes:
            raise AssertionError("read")

    request = target("SendMessage", b"")
    request.body = Large()  # type: ignore[assignment]
    assert code("sqs", request) == "SerializationException"


@pytest.mark.parametrize(
    "body",
    [
        b"\x81" * 5000,
        b"\xa1a" * 3000,
        b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
        b"\xbf\x61",
        b"\xa1\xa0\x01",
        b"\xd8\x1d\x00",
        b"\xff",
        cbor2.dumps([1]),
        cbor2.dumps({"MetricData": {"a": 1}}),
        cbor2.dumps({"MetricData": [{"Timestamp": cbor2.CBORTag(1, "x")}]}),
        cbor2.dumps({"MetricData": [{"Timestamp": cbor2.CBORTag(1, 1e300)}]}),
        cbor2.dumps({"MetricData": [{"Timestamp": float("nan")}]}),
        cbor2.dumps({"Namespace": b"bytes"}),
        cbor2.dumps({"MetricData": [{"StorageResolution": 2**40}]}),
    ],
)
def test_cbor_that_is_refused(body: bytes) -> None:
    started = time.perf_counter()
    assert (
        code("cloudwatch", Request("POST", GRANITE + "PutMetricData", "", CBOR, body))
        == "SerializationException"
    )
    assert time.perf_counter() - started < 1


@pytest.mark.parametrize(
    ("service", "body", "expected"),
    [
        ("iam", b"Action=ListUsers&MaxItems=x", "MalformedInput"),
        ("iam", b"Action=ListUsers&MaxItems=" + b"9" * 5000, "MalformedInput"),
        ("iam", b"Action=ListUsers&PathPrefix.a=x", "MalformedInput"),
        ("sns", b"Action=Publish&MessageAttributes.entry.1.Name=n", "MalformedInput"),
        ("ec2", b"Action=DescribeVpcs&MaxResults=x", "InvalidParameterValue"),
        ("iam", b"Action=ListUsers&a=%ff", "MalformedQueryString"),
        ("iam", b"&".join([b"a=1"] * (http.MAX_FIELDS + 2)), "MalformedQueryString"),
        ("iam", b"Action=ListUsers&" + b"a." * 100 + b"=1", "MalformedInput"),
    ],
)
def test_forms_that_are_refused(service: str, body: bytes, expected: str) -> None:
    assert code(service, Request("POST", "/", "", FORM, body)) == expected


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("max-keys=x&list-type=2", {}),
        ("list-type=2&max-keys=99999999999", {}),
        ("list-type=2&fetch-owner=perhaps", {}),
        ("list-type=%ff", {}),
    ],
)
def test_rest_parameters_that_are_refused(query: str, headers: dict[str, str]) -> None:
    with pytest.raises(Fault):
        take("s3", Request("GET", "/b", query, headers))


def test_an_empty_number_counts_as_not_given() -> None:
    assert take("s3", Request("GET", "/b", "list-type=2&max-keys=&prefix=", {})) == {
        "Bucket": "b",
        "Prefix": "",
    }
