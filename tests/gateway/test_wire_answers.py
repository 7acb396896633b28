"""What goes out: headers, documents and errors as AWS sends them, beyond what botocore checks."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import msgspec
import pytest

from gureum.gateway import wire
from gureum.kernel import models
from gureum.kernel.faults import Fault
from gureum.kernel.message import FilePart, Request, Response

FORM = {"content-type": "application/x-www-form-urlencoded"}


def answer(service: str, operation: str, result: dict[str, Any], protocol: str = "") -> Response:
    model = models.load(service)
    used: Any = protocol or model.metadata.protocols[0]
    return wire.answer(used, model, model.operations[operation], result, "id-1")


def fault(service: str, problem: Fault, protocol: str = "", operation: str = "") -> Response:
    model = models.load(service)
    used: Any = protocol or model.metadata.protocols[0]
    return wire.fault(used, model, model.operations[operation] if operation else None, problem, "id-1")


def query(service: str, body: str) -> tuple[str, dict[str, Any]]:
    model, request = models.load(service), Request("POST", "/", "", FORM, body.encode())
    operation, protocol, labels = wire.match(model, request)
    return operation.name, wire.parse(protocol, model, operation, labels, request)


def test_json() -> None:
    response = answer("sqs", "SendMessage", {"MessageId": "m", "SequenceNumber": None})
    assert response.body == b'{"MessageId":"m"}'
    assert response.headers == [("x-amzn-RequestId", "id-1"), ("Content-Type", "application/x-amz-json-1.0")]
    assert answer("sqs", "DeleteMessage", {}).body == b""
    moments = answer("kinesis", "DescribeStream", {"StreamDescription": {"StreamCreationTimestamp": 1.5}})
    assert moments.body == b'{"StreamDescription":{"StreamCreationTimestamp":1.5}}'
    assert dict(moments.headers)["Content-Type"] == "application/x-amz-json-1.1"


def test_json_floats_without_digits_and_blobs() -> None:
    data = {"Label": "a", "Values": [float("nan"), float("inf"), float("-inf"), 1.0]}
    response = answer("cloudwatch", "GetMetricData", {"MetricDataResults": [data]}, "json")
    assert msgspec.json.decode(response.body)["MetricDataResults"][0]["Values"] == [
        "NaN", "Infinity", "-Infinity", 1.0,
    ]  # fmt: skip
    assert answer("kms", "Encrypt", {"CiphertextBlob": b"\x00\xff"}).body == b'{"CiphertextBlob":"AP8="}'


def test_a_member_that_the_model_does_not_have_is_a_mistake() -> None:
    for service, operation in [("sqs", "SendMessage"), ("iam", "GetUser"), ("ec2", "DescribeVpcs"),
                               ("lambda", "GetFunction"), ("s3", "GetObject"), ("s3", "ListBuckets"),
                               ("cloudwatch", "ListMetrics")]:  # fmt: skip
        with pytest.raises(KeyError):
            answer(service, operation, {"NoSuchMember": 1})


def test_query() -> None:
    response = answer("iam", "CreateUser", {"User": {"UserName": "a&b", "CreateDate": 0.0}})
    assert response.body == (
        b'<CreateUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><CreateUserResult><User>'
        b"<UserName>a&amp;b</UserName><CreateDate>1970-01-01T00:00:00Z</CreateDate></User></CreateUserResult>"
        b"<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></CreateUserResponse>"
    )
    assert b"Result" not in answer("iam", "DeleteUser", {}).body
    wrong = fault("iam", Fault("NoSuchEntityException", "The user <x> is gone."))
    assert wrong.status == 404
    assert wrong.body == (
        b'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        b"<Code>NoSuchEntity</Code><Message>The user &lt;x&gt; is gone.</Message></Error>"
        b"<RequestId>id-1</RequestId></ErrorResponse>"
    )


def test_empty_lists_are_kept_where_xml_can_say_them() -> None:
    assert b"<Users></Users>" in answer("iam", "ListUsers", {"Users": []}).body
    assert b"<vpcSet></vpcSet>" in answer("ec2", "DescribeVpcs", {"Vpcs": []}).body


def test_ec2() -> None:
    response = answer("ec2", "DescribeVpcs", {"Vpcs": [{"VpcId": "vpc-1", "IsDefault": True}]})
    assert response.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<DescribeVpcsResponse xmlns="http://ec2.amazonaws.com/doc/'
        b'2016-11-15/"><requestId>id-1</requestId><vpcSet><item><vpcId>vpc-1</vpcId><isDefault>true</isDefault>'
        b"</item></vpcSet></DescribeVpcsResponse>"
    )
    assert b"<return>true</return>" in answer("ec2", "DeleteVpc", {}).body
    wrong = fault("ec2", Fault("InvalidVpcID.NotFound", "The vpc ID 'vpc-1' does not exist"))
    assert wrong.status == 400
    assert b"<Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>The vpc ID 'vpc-1' does" in wrong.body
    assert b"<RequestID>id-1</RequestID>" in wrong.body


def test_rest_json() -> None:
    response = answer("lambda", "Invoke", {"StatusCode": 202, "Payload": b"{}", "ExecutedVersion": "1"})
    assert (response.status, response.body) == (202, b"{}")
    assert ("X-Amz-Executed-Version", "1") in response.headers
    wrong = fault("lambda", Fault("ResourceNotFoundException", "gone", Type="User"))
    assert wrong.status == 404
    assert dict(wrong.headers)["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert msgspec.json.decode(wrong.body) == {"Type": "User", "Message": "gone"}
    busy = fault("lambda", Fault("TooManyRequestsException", "slow down", retryAfterSeconds="3"))
    assert busy.status == 429
    assert ("Retry-After", "3") in busy.headers


def test_s3_answers() -> None:
    response = answer(
        "s3",
        "GetObject",
        {"Body": b"x", "LastModified": 1.9, "Metadata": {"a": "b"}, "ContentType": "text/x", "ETag": '"e"'},
    )
    headers = dict(response.headers)
    assert headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:01 GMT"
    assert (headers["x-amz-meta-a"], headers["Content-Type"]) == ("b", "text/x")
    assert headers["x-amz-request-id"] == "id-1"
    assert len(headers["x-amz-id-2"]) == 76
    assert "x-amzn-RequestId" not in headers
    listed = answer("s3", "ListObjectsV2", {"Name": "b", "Contents": [{"Key": "k"}, {"Key": "\x01"}]})
    assert listed.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Name>b</Name><Contents><Key>k</Key></Contents><Contents><Key>&#x1;</Key></Contents></ListBucketResult>"
    )
    where = answer("s3", "GetBucketLocation", {"LocationConstraint": "eu-west-1"}).body
    assert ElementTree.fromstring(where).text == "eu-west-1"
    assert ElementTree.fromstring(answer("s3", "GetBucketLocation", {}).body).text is None
    acl = answer("s3", "GetBucketAcl", {"Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "i"}}]})
    assert (
        b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>i</ID>'
        in acl.body
    )


def test_bodies_pass_through() -> None:
    part = FilePart(__file__, 0, 3)  # type: ignore[arg-type]

    async def pieces() -> Any:
        yield b"x"

    stream = pieces()
    assert answer("s3", "GetObject", {"Body": part}).body is part
    assert answer("s3", "GetObject", {"Body": stream}).body is stream
    request = Request("PUT", "/b/k", "", {}, part)  # type: ignore[arg-type]
    model = models.load("s3")
    params = wire.parse(
        "rest-xml", model, model.operations["PutObject"], {"Bucket": "b", "Key": "k"}, request
    )
    assert params["Body"] is part


def test_a_head_has_no_body() -> None:
    response = answer("s3", "HeadObject", {"ContentLength": 5, "ETag": "e"})
    assert response.body == b""
    assert ("Content-Length", "5") in response.headers
    wrong = fault("s3", Fault("NoSuchKey", "gone"), operation="HeadObject")
    assert (wrong.status, wrong.body) == (404, b"")


def test_s3_errors_are_bare_and_others_wrapped() -> None:
    wrong = fault("s3", Fault("NoSuchBucket", "The specified bucket does not exist", BucketName="b"))
    root = ElementTree.fromstring(wrong.body)
    assert (wrong.status, root.tag) == (404, "Error")
    assert [child.tag for child in root] == ["Code", "Message", "BucketName", "RequestId", "HostId"]
    wrapped = ElementTree.fromstring(fault("route53", Fault("NoSuchHostedZone", "gone")).body)
    assert wrapped.tag == "{https://route53.amazonaws.com/doc/2013-04-01/}ErrorResponse"


def test_values_cannot_break_out_of_a_header() -> None:
    response = answer("s3", "GetObject", {"Body": b"", "Metadata": {"a": "b\r\nset-cookie: c", "d\n": "e"}})
    assert not any("\r" in name + value or "\n" in name + value for name, value in response.headers)


def test_once_query_services_keep_their_old_codes() -> None:
    for problem in (
        Fault("QueueDoesNotExist", "gone"),
        Fault("AWS.SimpleQueueService.NonExistentQueue", "gone"),
    ):
        wrong = fault("sqs", problem)
        assert wrong.status == 400
        assert dict(wrong.headers)["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
        assert msgspec.json.decode(wrong.body) == {
            "__type": "com.amazonaws.sqs#QueueDoesNotExist",
            "message": "gone",
        }


def test_sqs_in_query_as_old_clients_speak_it() -> None:
    name, params = query(
        "sqs",
        "Action=SendMessage&Version=2012-11-05&QueueUrl=u&MessageBody=a+b%26&MessageAttribute.1.Name=n"
        "&MessageAttribute.1.Value.DataType=Binary&MessageAttribute.1.Value.BinaryValue=AP8%3D",
    )
    assert name == "SendMessage"
    assert params == {
        "QueueUrl": "u",
        "MessageBody": "a b&",
        "MessageAttributes": {"n": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}},
    }
    _, params = query(
        "sqs",
        "Action=SendMessageBatch&SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageBody=x"
        "&SendMessageBatchRequestEntry.2.Id=b&SendMessageBatchRequestEntry.2.DelaySeconds=3",
    )
    assert params == {"Entries": [{"Id": "a", "MessageBody": "x"}, {"Id": "b", "DelaySeconds": 3}]}
    _, params = query(
        "sqs",
        "Action=CreateQueue&QueueName=q&Attribute.1.Name=DelaySeconds&Attribute.1.Value=5&Tag.1.Key=k&Tag.1.Value=v",
    )
    assert params == {"QueueName": "q", "Attributes": {"DelaySeconds": "5"}, "tags": {"k": "v"}}
    message = {"MessageId": "m", "Attributes": {"SenderId": "s"}, "Body": "x"}
    body = answer("sqs", "ReceiveMessage", {"Messages": [message, message]}, "query").body
    assert (
        body.count(b"<Message><MessageId>m</MessageId><Attribute><Name>SenderId</Name><Value>s</Value>") == 2
    )
    assert b'<ReceiveMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/">' in body
    wrong = fault("sqs", Fault("QueueDoesNotExist", "gone"), "query")
    assert b"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in wrong.body


def test_query_lists() -> None:
    _, params = query(
        "sns",
        "Action=Publish&Message=m&MessageAttributes.entry.1.Name=n&MessageAttributes.entry.1.Value.DataType=String",
    )
    assert params == {"Message": "m", "MessageAttributes": {"n": {"DataType": "String"}}}
    _, params = query(
        "iam", "Action=TagUser&UserName=u&Tags.member.2.Key=b&Tags.member.10.Key=c&Tags.member.1.Key=a"
    )
    assert [tag["Key"] for tag in params["Tags"]] == ["a", "b", "c"]
    _, params = query("iam", "Action=TagUser&Tags=")
    assert params == {"Tags": []}
    _, params = query(
        "ec2",
        "Action=RunInstances&ImageId=a&MinCount=1&MaxCount=1&SecurityGroupId.1=sg-1&BlockDeviceMapping.1.Ebs.VolumeSize=8",
    )
    assert params == {
        "ImageId": "a", "MinCount": 1, "MaxCount": 1, "SecurityGroupIds": ["sg-1"],
        "BlockDeviceMappings": [{"Ebs": {"VolumeSize": 8}}],
    }  # fmt: skip


def test_cbor_says_its_protocol() -> None:
    response = answer("cloudwatch", "ListMetrics", {"Metrics": []})
    assert ("smithy-protocol", "rpc-v2-cbor") in response.headers
    wrong = fault("cloudwatch", Fault("ResourceNotFoundException", "gone"))
    assert wrong.status == 404
    assert dict(wrong.headers)["x-amzn-query-error"].endswith(";Sender")


def test_an_unmodelled_fault_has_its_own_status() -> None:
    for service in ("sqs", "iam", "ec2", "lambda", "s3", "cloudwatch"):
        assert fault(service, Fault("AccessDenied", "no", status=403)).status == 403
        assert fault(service, Fault("SomethingElse", "no")).status == 400
