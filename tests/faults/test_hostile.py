"""Hostile requests: never a 500, never a hang, never another's data."""

import http.client
import random
import socket
import time

import pytest
from botocore.exceptions import ClientError

from gureum.gateway.sigv4 import sign

SERVICES = ["sqs", "sts", "iam", "kms", "s3", "organizations"]


def host(cloud):
    return cloud.endpoint.removeprefix("http://")


def post(cloud, service, path, headers, body, method="POST", query="", secret=None, now=None):
    key = cloud.credentials
    signed = sign(
        method,
        path,
        query,
        {"host": host(cloud), **headers},
        body,
        access_key=key.access_key_id,
        secret=secret or key.secret_access_key,
        region="us-east-1",
        service=service,
        now=now,
    )
    link = http.client.HTTPConnection(host(cloud), timeout=20)
    link.putrequest(method, path + (f"?{query}" if query else ""), skip_host=True, skip_accept_encoding=True)
    for name, value in signed.items():
        link.putheader(name, value)
    link.putheader("content-length", str(len(body)))
    link.endheaders(body)
    answer = link.getresponse()
    text = answer.read()
    link.close()
    return answer.status, text


def test_malformed_requests_over_every_protocol_are_refused_not_broken_by(gureum):
    random.seed(20)
    seeds = {
        "json": (
            {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"},
            b'{"QueueUrl":"u","MessageBody":"b"}',
            "sqs",
        ),
        "json11": (
            {"content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.Encrypt"},
            b'{"KeyId":"k","Plaintext":"aGk="}',
            "kms",
        ),
        "query": (
            {"content-type": "application/x-www-form-urlencoded"},
            b"Action=CreateUser&Version=2010-05-08&UserName=u",
            "iam",
        ),
        "cbor": (
            {"content-type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"},
            b"\xa1dKeyIdak",
            "kms",
        ),
        "rest-xml": (
            {"content-type": "application/xml"},
            b"<Delete><Object><Key>k</Key></Object></Delete>",
            "s3",
        ),
    }
    broken = []
    for _ in range(2000):
        name = random.choice(list(seeds))
        headers, body, service = seeds[name]
        raw = bytearray(body)
        for _ in range(random.randint(1, 6)):
            kind = random.random()
            at = random.randrange(len(raw) + 1)
            if kind < 0.4 and raw:
                raw[min(at, len(raw) - 1)] = random.randrange(256)
            elif kind < 0.7:
                raw[at:at] = random.choice(
                    [b"{", b"[" * 50, b"\xff\xfe", b"%zz", b"<!DOCTYPE a>", b"&#0;", b"\x00", b"1e999"]
                )
            else:
                del raw[at : at + random.randint(1, 5)]
        path = (
            random.choice(["/", "/bucket?delete", "/..%2f..%2fetc", "/%00", "/bucket/%ff"])
            if service == "s3"
            else "/"
        )
        path, _, query = path.partition("?")
        status, text = post(gureum, service, path, headers, bytes(raw), query=query)
        if status >= 500 and status != 501:
            broken.append((name, status, bytes(raw), text[:200]))
    assert broken == []


def test_bytes_that_are_not_http_are_refused(gureum):
    name, _, port = host(gureum).partition(":")
    for raw in (
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 20_000 + b"\r\n",
    ):
        with socket.create_connection((name, int(port)), timeout=10) as link:
            try:
                link.sendall(raw)
                answer = link.recv(65536)
            except OSError:
                continue
            assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), raw[:40]
    assert gureum.health()["version"]


def test_a_slow_client_holds_nobody_up(gureum):
    name, _, port = host(gureum).partition(":")
    slow = [socket.create_connection((name, int(port))) for _ in range(50)]
    for link in slow:
        link.sendall(b"POST / HTTP/1.1\r\nHost: x\r\n")
    began = time.monotonic()
    gureum.client("sts").get_caller_identity()
    assert time.monotonic() - began < 5
    for link in slow:
        link.close()


def test_xml_bombs_are_refused(gureum):
    bomb = b'<!DOCTYPE l [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><Tagging><TagSet>&b;</TagSet></Tagging>'
    gureum.client("s3").create_bucket(Bucket="bomb-bucket")
    status, text = post(
        gureum,
        "s3",
        "/bomb-bucket",
        {"content-type": "application/xml"},
        bomb,
        method="PUT",
        query="tagging=",
    )
    assert status == 400, text
    deep = b"<Tagging>" + b"<a>" * 100_000
    status, text = post(
        gureum,
        "s3",
        "/bomb-bucket",
        {"content-type": "application/xml"},
        deep,
        method="PUT",
        query="tagging=",
    )
    assert status == 400, text


def test_a_gzip_bomb_is_refused(gureum):
    import gzip

    bomb = gzip.compress(b"0" * 200_000_000)
    headers = {
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "AmazonSQS.SendMessage",
        "content-encoding": "gzip",
    }
    status, text = post(gureum, "sqs", "/", headers, bomb)
    assert status in {400, 413}, text


def test_forged_and_stale_signatures_are_refused(gureum):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    assert post(gureum, "sts", "/", headers, body)[0] == 200
    status, text = post(gureum, "sts", "/", headers, body, secret="wrong")
    assert (status, b"SignatureDoesNotMatch" in text) == (403, True)
    for age in (-3600, 3600):
        status, text = post(gureum, "sts", "/", headers, body, now=time.time() + age)
        assert (status, b"Signature" in text) == (403, True)


def test_a_signature_is_for_its_own_body_and_service(gureum):
    key = gureum.credentials
    headers = {"host": host(gureum), "content-type": "application/x-www-form-urlencoded"}
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    signed = sign(
        "POST",
        "/",
        "",
        headers,
        body,
        access_key=key.access_key_id,
        secret=key.secret_access_key,
        region="us-east-1",
        service="sts",
    )
    link = http.client.HTTPConnection(host(gureum))
    link.request("POST", "/", b"Action=GetSessionToken&Version=2011-06-15", signed)
    assert link.getresponse().status == 403


@pytest.mark.parametrize("key", ["../../etc/passwd", "..\\..\\x", "/absolute", "a/../../b", "\x01", "é/😀"])
def test_object_keys_are_names_not_paths(gureum, key):
    s3 = gureum.client("s3")
    s3.create_bucket(Bucket="names-bucket")
    s3.put_object(Bucket="names-bucket", Key=key, Body=b"data")
    assert s3.get_object(Bucket="names-bucket", Key=key)["Body"].read() == b"data"
    assert not (gureum.data.parent / "passwd").exists()


def test_a_session_token_of_one_key_does_not_serve_another(gureum):
    sts = gureum.client("sts")
    iam = gureum.client("iam")
    iam.create_user(UserName="token-user")
    key = iam.create_access_key(UserName="token-user")["AccessKey"]
    mine = gureum.client(
        "sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    one, two = (mine.get_session_token()["Credentials"] for _ in range(2))
    mixed = gureum.client(
        "sts",
        aws_access_key_id=one["AccessKeyId"],
        aws_secret_access_key=one["SecretAccessKey"],
        aws_session_token=two["SessionToken"],
    )
    with pytest.raises(ClientError) as refused:
        mixed.get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
    assert sts.get_caller_identity()["Arn"].endswith(":root")
