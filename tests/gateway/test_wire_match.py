"""Which operation and protocol a request means."""

from __future__ import annotations

import pytest

from gureum.gateway import wire
from gureum.kernel import models
from gureum.kernel.faults import Fault
from gureum.kernel.message import Request

JSON = {"content-type": "application/x-amz-json-1.0"}
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def rest(service: str, method: str, target: str, **headers: str) -> tuple[str, dict[str, str]]:
    path, _, query = target.partition("?")
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    operation, _, labels = wire.match(models.load(service), Request(method, path, query, named))
    return operation.name, labels


@pytest.mark.parametrize(
    ("method", "target", "operation"),
    [
        ("GET", "/", "ListBuckets"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b/", "ListObjects"),
        ("GET", "/b?list-type=2&prefix=a", "ListObjectsV2"),
        ("GET", "/b?list-type=1", "ListObjects"),
        ("GET", "/b?versions", "ListObjectVersions"),
        ("GET", "/b?uploads=", "ListMultipartUploads"),
        ("GET", "/b?location", "GetBucketLocation"),
        ("GET", "/b?analytics", "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=1", "GetBucketAnalyticsConfiguration"),
        ("GET", "/b?inventory&id=1", "GetBucketInventoryConfiguration"),
        ("GET", "/b?lifecycle", "GetBucketLifecycleConfiguration"),
        ("GET", "/b/k", "GetObject"),
        ("GET", "/b/k?x-id=GetObject", "GetObject"),
        ("GET", "/b/k?versionId=3", "GetObject"),
        ("GET", "/b/k?acl&versionId=3", "GetObjectAcl"),
        ("GET", "/b/k?uploadId=u", "ListParts"),
        ("GET", "/b/k?attributes", "GetObjectAttributes"),
        ("HEAD", "/b", "HeadBucket"),
        ("HEAD", "/b/k", "HeadObject"),
        ("PUT", "/b", "CreateBucket"),
        ("PUT", "/b?policy", "PutBucketPolicy"),
        ("PUT", "/b/k", "PutObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("PUT", "/b/k?tagging", "PutObjectTagging"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
        ("POST", "/b/k?restore", "RestoreObject"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent"),
        ("DELETE", "/b", "DeleteBucket"),
        ("DELETE", "/b?cors", "DeleteBucketCors"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
    ],
)
def test_s3_operations_are_told_apart(method: str, target: str, operation: str) -> None:
    assert rest("s3", method, target)[0] == operation


def test_s3_operations_that_differ_by_a_header() -> None:
    assert rest("s3", "PUT", "/b/k", x_amz_copy_source="/a/k")[0] == "CopyObject"
    assert rest("s3", "PUT", "/b/k?partNumber=1&uploadId=u", x_amz_copy_source="/a/k")[0] == "UploadPartCopy"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/b/a/b/c", "a/b/c"),
        ("/b/a/", "a/"),
        ("/b//a", "/a"),
        ("/b/a//b", "a//b"),
        ("/b/a%2Fb%20c+d", "a/b c+d"),
        ("/b/%EA%B5%AC%EB%A6%84", "구름"),
        ("/b/..", ".."),
        ("/b/?", "?"),
    ],
)
def test_a_key_is_kept_as_it_is(path: str, key: str) -> None:
    operation, _, labels = wire.match(models.load("s3"), Request("GET", path.replace("?", "%3F"), "", {}))
    assert (operation.name, labels) == ("GetObject", {"Bucket": "b", "Key": key})


@pytest.mark.parametrize(
    ("service", "method", "target", "operation", "labels"),
    [
        ("lambda", "GET", "/2015-03-31/functions/", "ListFunctions", {}),
        ("lambda", "GET", "/2015-03-31/functions", "ListFunctions", {}),
        ("lambda", "GET", "/2015-03-31/functions/a", "GetFunction", {"FunctionName": "a"}),
        ("lambda", "GET", "/2018-10-31/layers", "ListLayers", {}),
        ("lambda", "GET", "/2018-10-31/layers?find=LayerVersion&Arn=x", "GetLayerVersionByArn", {}),
        (
            "lambda",
            "GET",
            "/2017-03-31/tags/arn%3Aaws%3Alambda%3Aus-east-1%3A0%3Afunction%3Aa",
            "ListTags",
            {"Resource": "arn:aws:lambda:us-east-1:0:function:a"},
        ),
        ("apigateway", "POST", "/restapis", "CreateRestApi", {}),
        ("apigateway", "POST", "/restapis?mode=import", "ImportRestApi", {}),
        (
            "s3control",
            "GET",
            "/v20180820/mrap/instances/a/b/policy",
            "GetMultiRegionAccessPointPolicy",
            {"name": "a/b"},
        ),
        (
            "s3control",
            "GET",
            "/v20180820/mrap/instances/a/policy/policystatus",
            "GetMultiRegionAccessPointPolicyStatus",
            {"name": "a/policy"},
        ),
    ],
)
def test_rest_paths(service: str, method: str, target: str, operation: str, labels: dict[str, str]) -> None:
    assert rest(service, method, target) == (operation, labels)


def test_the_protocol_is_read_from_each_request() -> None:
    model = models.load("cloudwatch")
    cbor = Request(
        "POST",
        "/service/GraniteServiceVersion20100801/operation/ListMetrics",
        "",
        {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"},
    )
    json = Request("POST", "/", "", {"x-amz-target": "GraniteServiceVersion20100801.ListMetrics", **JSON})
    form = Request("POST", "/", "", FORM, b"Action=ListMetrics&Version=2010-08-01")
    link = Request("GET", "/", "Action=ListMetrics&Version=2010-08-01", {})
    found = [wire.match(model, it)[:2] for it in (cbor, json, form, link)]
    assert {operation.name for operation, _ in found} == {"ListMetrics"}
    assert [protocol for _, protocol in found] == ["smithy-rpc-v2-cbor", "json", "query", "query"]


def test_a_once_query_service_still_takes_query() -> None:
    form = Request("POST", "/0/q", "", FORM, b"Action=SendMessage&Version=2012-11-05&MessageBody=x")
    operation, protocol, _ = wire.match(models.load("sqs"), form)
    assert (operation.name, protocol) == ("SendMessage", "query")


@pytest.mark.parametrize(
    ("service", "request_", "code", "status"),
    [
        (
            "sqs",
            Request("POST", "/", "", {"x-amz-target": "AmazonSQS.NoSuch", **JSON}),
            "UnknownOperationException",
            None,
        ),
        ("sqs", Request("POST", "/", "", JSON), "UnknownOperationException", None),
        ("iam", Request("POST", "/", "", FORM, b"Action=NoSuch&Version=2010-05-08"), "InvalidAction", None),
        ("iam", Request("POST", "/", "", FORM, b"Version=2010-05-08"), "MissingAction", None),
        ("ec2", Request("POST", "/", "", FORM, b"Action=NoSuch"), "InvalidAction", None),
        ("lambda", Request("GET", "/nosuch", "", {}), "UnknownOperationException", 404),
        ("lambda", Request("PATCH", "/2015-03-31/functions", "", {}), "UnknownOperationException", 404),
        ("s3", Request("PATCH", "/b", "", {}), "MethodNotAllowed", 405),
        ("s3", Request("GET", "/b/%ff%fe", "", {}), "MethodNotAllowed", 405),
    ],
)
def test_no_such_operation(service: str, request_: Request, code: str, status: int | None) -> None:
    with pytest.raises(Fault) as caught:
        wire.match(models.load(service), request_)
    assert (caught.value.code, caught.value.status) == (code, status)
