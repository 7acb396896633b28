"""The front door through real sockets: its own pages, TLS on the same port, chunked signatures, who gets in."""

import hashlib
import hmac
import http.client
import json
import ssl
import time

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from gureum.gateway.sigv4 import sign

EMPTY = hashlib.sha256(b"").hexdigest()


def connect(cloud):
    return http.client.HTTPConnection(cloud.endpoint.removeprefix("http://"), timeout=10)


def ask(cloud, method, path, body=b"", headers=None):
    link = connect(cloud)
    link.request(method, path, body, headers or {})
    answer = link.getresponse()
    return answer.status, answer.read()


def test_health_and_metrics_tell_what_is(gureum):
    gureum.client("sts").get_caller_identity()
    status, text = ask(gureum, "GET", "/_gureum/health")
    assert (status, "sqs" in json.loads(text)["services"]) == (200, True)
    status, text = ask(gureum, "GET", "/_gureum/metrics")
    assert status == 200
    assert b'gureum_calls_total{service="sts",operation="GetCallerIdentity",status="200"}' in text
    assert ask(gureum, "GET", "/_gureum/nothing")[0] == 404


def test_reset_empties_quickly_and_is_root_s_alone(gureum_cloud):
    cloud = gureum_cloud()
    sqs, iam = cloud.client("sqs"), cloud.client("iam")
    iam.create_user(UserName="u")
    for i in range(300):
        sqs.create_queue(QueueName=f"q{i}")
    assert ask(cloud, "POST", "/_gureum/reset")[0] == 403
    key = iam.create_access_key(UserName="u")["AccessKey"]
    host = cloud.endpoint.removeprefix("http://")

    def reset(access_key, secret):
        headers = sign("POST", "/_gureum/reset", "", {"host": host}, b"", access_key=access_key, secret=secret,
                       region="us-east-1", service="gureum")  # fmt: skip
        return ask(cloud, "POST", "/_gureum/reset", b"", headers)[0]

    assert reset(key["AccessKeyId"], key["SecretAccessKey"]) == 403
    root = cloud.credentials
    began = time.perf_counter()
    assert reset(root.access_key_id, root.secret_access_key) == 200
    took = time.perf_counter() - began
    assert not sqs.list_queues().get("QueueUrls")
    assert iam.list_users()["Users"] == []
    assert took < 1.0  # 50 ms on a quiet machine
    sqs.create_queue(QueueName="after")
    cloud.restart()
    assert [url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]] == ["after"]


def test_tls_on_the_same_port_with_the_local_authority(gureum):
    from gureum.gateway import tls

    authority = str(tls.authority(gureum.data / "tls"))
    port = gureum.server.port
    client = gureum.client("sts", endpoint_url=f"https://localhost:{port}", verify=authority)
    assert client.get_caller_identity()["Account"] == "000000000000"
    s3 = gureum.client("s3", endpoint_url=f"https://localhost:{port}", verify=authority)
    s3.create_bucket(Bucket="tls-bucket")
    body = bytes(range(256)) * 8192
    s3.put_object(Bucket="tls-bucket", Key="big", Body=body)
    assert s3.get_object(Bucket="tls-bucket", Key="big")["Body"].read() == body
    with pytest.raises(ssl.SSLError):
        context = ssl.create_default_context()
        link = http.client.HTTPSConnection("localhost", port, context=context, timeout=10)
        link.request("GET", "/_gureum/health")


def chunked(cloud, key, payload, secret, *, spoil=False):
    """A PutObject whose body is signed chunk by chunk, as the older SDKs send it."""
    host = cloud.endpoint.removeprefix("http://")
    access = cloud.credentials
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{stamp[:8]}/us-east-1/s3/aws4_request"
    headers = {
        "content-encoding": "aws-chunked",
        "host": host,
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-date": stamp,
        "x-amz-decoded-content-length": str(len(payload)),
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    canonical = f"PUT\n{key}\n\n{lines}\n{names}\n{headers['x-amz-content-sha256']}"
    signing = f"AWS4{secret}".encode()
    for part in (stamp[:8], "us-east-1", "s3", "aws4_request"):
        signing = hmac.digest(signing, part.encode(), "sha256")

    def signature(text):
        return hmac.new(signing, text.encode(), hashlib.sha256).hexdigest()

    previous = signature(
        f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    )
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={access.access_key_id}/{scope}, SignedHeaders={names}, Signature={previous}"
    )
    body = b""
    for piece in [payload[i : i + 65536] for i in range(0, len(payload), 65536)] + [b""]:
        digest = hashlib.sha256(piece).hexdigest()
        previous = signature(f"AWS4-HMAC-SHA256-PAYLOAD\n{stamp}\n{scope}\n{previous}\n{EMPTY}\n{digest}")
        body += f"{len(piece):x};chunk-signature={previous}\r\n".encode() + piece + b"\r\n"
    if spoil:
        body = body.replace(b"payload", b"pAyload", 1)
    return ask(cloud, "PUT", key, body, headers)


def test_a_body_signed_chunk_by_chunk(gureum):
    s3, secret = gureum.client("s3"), gureum.credentials.secret_access_key
    s3.create_bucket(Bucket="chunk-bucket")
    payload = b"payload" * 40_000
    assert chunked(gureum, "/chunk-bucket/whole", payload, secret)[0] == 200
    assert s3.get_object(Bucket="chunk-bucket", Key="whole")["Body"].read() == payload
    status, text = chunked(gureum, "/chunk-bucket/spoilt", payload, secret, spoil=True)
    assert (status, b"SignatureDoesNotMatch" in text) == (403, True)
    assert chunked(gureum, "/chunk-bucket/forged", payload, "wrong")[0] == 403
    listed = [item["Key"] for item in s3.list_objects_v2(Bucket="chunk-bucket")["Contents"]]
    assert listed == ["whole"]


def test_presigned_links_work_until_they_expire_and_for_their_own_key_only(gureum):
    s3 = gureum.client("s3", config=Config(signature_version="s3v4"))
    s3.create_bucket(Bucket="link-bucket")
    s3.put_object(Bucket="link-bucket", Key="a", Body=b"x")
    link = s3.generate_presigned_url("get_object", {"Bucket": "link-bucket", "Key": "a"}, ExpiresIn=1)
    path = link.removeprefix(gureum.endpoint)
    assert ask(gureum, "GET", path) == (200, b"x")
    assert ask(gureum, "GET", path.replace("/a?", "/b?"))[0] == 403
    time.sleep(2.1)
    status, text = ask(gureum, "GET", path)
    assert (status, b"Request has expired" in text) == (403, True)


def test_unsigned_calls_are_asked_to_sign(gureum):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    status, text = ask(gureum, "POST", "/", b"Action=ListUsers&Version=2010-05-08", headers)
    assert (status, b"MissingAuthenticationToken" in text) == (403, True)


def test_open_mode_takes_any_key_as_root_of_an_account(gureum_cloud):
    cloud = gureum_cloud(auth="open")

    def who(key):
        client = boto3.client("sts", endpoint_url=cloud.endpoint, region_name="us-east-1",
                              aws_access_key_id=key, aws_secret_access_key="whatever")  # fmt: skip
        return client.get_caller_identity()["Arn"]

    assert who("111122223333") == "arn:aws:iam::111122223333:root"
    assert who("anything") == "arn:aws:iam::000000000000:root"


def test_an_unknown_key_is_nobody_when_enforced(gureum):
    client = gureum.client("sts", aws_access_key_id="AKIANOBODY", aws_secret_access_key="x")
    with pytest.raises(ClientError) as refused:
        client.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"


def test_pipelined_requests_are_answered_in_order(gureum):
    import socket

    host, _, port = gureum.endpoint.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(
            b"GET /_gureum/health HTTP/1.1\r\nHost: x\r\n\r\nGET /_gureum/none HTTP/1.1\r\nHost: x\r\n\r\n"
        )
        got = b""
        while got.count(b"HTTP/1.1 ") < 2 or b"no such page" not in got:
            got += link.recv(65536)
    assert got.index(b"HTTP/1.1 200") < got.index(b"HTTP/1.1 404")
