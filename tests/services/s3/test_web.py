"""What browsers see: hosts, CORS, forms and web sites."""

from __future__ import annotations

import http.client
import json
import os
import socket
from typing import Any

import pytest
from botocore.config import Config

from .conftest import refused


class Browser:
    """Sends plain HTTP to the cloud under any host name."""

    def __init__(self, endpoint: str) -> None:
        self.host = endpoint.removeprefix("http://")

    def __call__(self, method: str, host: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        link = http.client.HTTPConnection(self.host, timeout=30)
        link.putrequest(method, path, skip_host=True)
        for name, value in {"Host": host, **{k.replace("_", "-"): v for k, v in headers.items()}}.items():
            link.putheader(name, value)
        if body is not None:
            link.putheader("Content-Length", str(len(body)))
        link.endheaders(body)
        answer = link.getresponse()
        answer.text = answer.read()  # type: ignore[attr-defined]
        link.close()
        return answer


@pytest.fixture
def browse(gureum: Any) -> Browser:
    return Browser(gureum.endpoint)


@pytest.fixture
def public(s3: Any, bucket: str) -> str:
    s3.delete_public_access_block(Bucket=bucket)
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    s3.put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    return bucket


@pytest.mark.parametrize(
    "form",
    ["{}.s3.localhost", "{}.localhost", "{}.s3.us-east-1.localhost", "{}.s3.ap-northeast-2.amazonaws.com"],
)
def test_buckets_as_hosts(s3: Any, browse: Browser, public: str, form: str) -> None:
    s3.put_object(Bucket=public, Key="a/b", Body=b"x")
    answer = browse("GET", form.format(public), "/a/b")
    assert (answer.status, answer.text) == (200, b"x")


def test_signed_requests_to_hosts(gureum: Any, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda _host, *more, **named: resolve("127.0.0.1", *more, **named)
    )
    port = gureum.endpoint.rpartition(":")[2]
    virtual = gureum.client(
        "s3", endpoint_url=f"http://s3.localhost:{port}", config=Config(s3={"addressing_style": "virtual"})
    )
    virtual.put_object(Bucket=bucket, Key="k é", Body=b"1")
    assert virtual.get_object(Bucket=bucket, Key="k é")["Body"].read() == b"1"
    assert [one["Key"] for one in virtual.list_objects_v2(Bucket=bucket)["Contents"]] == ["k é"]


def test_cors(s3: Any, browse: Browser, public: str) -> None:
    ask = {"Origin": "https://app.example", "Access_Control_Request_Method": "PUT"}
    assert browse("OPTIONS", "localhost", f"/{public}/k", **ask).status == 403
    rule = {
        "AllowedOrigins": ["https://*.example"],
        "AllowedMethods": ["PUT", "GET"],
        "AllowedHeaders": ["x-amz-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 60,
    }
    s3.put_bucket_cors(Bucket=public, CORSConfiguration={"CORSRules": [rule]})
    answer = browse(
        "OPTIONS", "localhost", f"/{public}/k", Access_Control_Request_Headers="x-amz-date", **ask
    )
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert answer.headers["Access-Control-Max-Age"] == "60"
    refusal = browse(
        "OPTIONS", f"{public}.s3.localhost", "/k", Access_Control_Request_Headers="x-other", **ask
    )
    assert (refusal.status, b"<Code>AccessForbidden</Code>" in refusal.text) == (403, True)
    s3.put_object(Bucket=public, Key="k", Body=b"x")
    answer = browse("GET", "localhost", f"/{public}/k", Origin="https://a.example")
    assert (
        answer.headers["Access-Control-Allow-Origin"],
        answer.headers["Access-Control-Expose-Headers"],
    ) == ("https://a.example", "ETag")
    assert (
        browse("GET", "localhost", f"/{public}/k", Origin="https://evil.test").headers[
            "Access-Control-Allow-Origin"
        ]
        is None
    )
    # A page may read a refusal too.
    assert browse("GET", "localhost", f"/{public}", Origin="https://a.example").headers[
        "Access-Control-Allow-Origin"
    ]


def form(fields: dict[str, str], content: bytes) -> tuple[bytes, str]:
    mark = "xxBOUNDARYxx"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode()
        for k, v in fields.items()
    ]
    head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="pic.png"\r\nContent-Type: image/png\r\n\r\n'
    return b"".join(
        [*parts, head.encode(), content, f"\r\n--{mark}--\r\n".encode()]
    ), f"multipart/form-data; boundary={mark}"


@pytest.mark.parametrize("size", [0, 1000, 300_000])
def test_forms(gureum: Any, s3: Any, browse: Browser, bucket: str, size: int) -> None:
    signing = gureum.client("s3", config=Config(signature_version="s3v4"))
    limits = [
        ["content-length-range", 0, 400_000],
        {"success_action_status": "201"},
        ["starts-with", "$x-amz-meta-a", ""],
    ]
    made = signing.generate_presigned_post(bucket, "up/${filename}", Conditions=limits)
    content = os.urandom(size)
    fields = {**made["fields"], "success_action_status": "201", "x-amz-meta-a": "b"}
    body, kind = form(fields, content)
    answer = browse("POST", "localhost", f"/{bucket}", body, Content_Type=kind)
    assert (answer.status, b"<Key>up/pic.png</Key>" in answer.text) == (201, True)
    got = s3.get_object(Bucket=bucket, Key="up/pic.png")
    assert (got["Body"].read(), got["Metadata"]) == (content, {"a": "b"})


def test_forms_that_are_refused(gureum: Any, s3: Any, browse: Browser, bucket: str) -> None:
    signing = gureum.client("s3", config=Config(signature_version="s3v4"))
    made = signing.generate_presigned_post(bucket, "k", Conditions=[["content-length-range", 5, 10]])

    def code(fields: dict[str, str], content: bytes) -> tuple[int, bytes]:
        body, kind = form(fields, content)
        answer = browse("POST", "localhost", f"/{bucket}", body, Content_Type=kind)
        return answer.status, answer.text.partition(b"<Code>")[2].partition(b"</Code>")[0]

    assert code(made["fields"], b"1234") == (400, b"EntityTooSmall")
    assert code(made["fields"], b"12345678901") == (400, b"EntityTooLarge")
    assert code({**made["fields"], "key": "other"}, b"12345") == (403, b"AccessDenied")
    assert code({**made["fields"], "acl": "public-read"}, b"12345") == (403, b"AccessDenied")
    forged = {**made["fields"], "x-amz-signature": "0" * 64}
    assert code(forged, b"12345") == (403, b"SignatureDoesNotMatch")
    assert code({"key": "k"}, b"12345") == (403, b"AccessDenied")
    assert refused(s3.head_object, Bucket=bucket, Key="k")[1] == 404
    assert code(made["fields"], b"12345") == (204, b"")


def test_web_sites(s3: Any, browse: Browser, public: str) -> None:
    host = f"{public}.s3-website.localhost"
    assert browse("GET", host, "/").status == 404
    rules = [
        {"Condition": {"KeyPrefixEquals": "old/"}, "Redirect": {"ReplaceKeyPrefixWith": "new/"}},
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "403", "KeyPrefixEquals": "app/"},
            "Redirect": {"HostName": "x.example", "HttpRedirectCode": "307"},
        },
    ]
    s3.put_bucket_website(
        Bucket=public,
        WebsiteConfiguration={
            "IndexDocument": {"Suffix": "index.html"},
            "ErrorDocument": {"Key": "error.html"},
            "RoutingRules": rules,
        },
    )
    for key, body in (("index.html", b"home"), ("sub/index.html", b"sub"), ("error.html", b"sorry")):
        s3.put_object(Bucket=public, Key=key, Body=body, ContentType="text/html")
    s3.put_object(Bucket=public, Key="moved", Body=b"", WebsiteRedirectLocation="/index.html")
    answer = browse("GET", host, "/")
    assert (answer.status, answer.text, answer.headers["Content-Type"]) == (200, b"home", "text/html")
    assert browse("GET", f"{public}.s3-website-us-east-1.localhost", "/sub/").text == b"sub"
    answer = browse("GET", host, "/sub")
    assert (answer.status, answer.headers["Location"]) == (302, "/sub/")
    answer = browse("GET", host, "/nothing")
    assert (answer.status, answer.text) == (403, b"sorry")  # who may not list is not told that it is missing
    answer = browse("GET", host, "/old/page")
    assert (answer.status, answer.headers["Location"]) == (301, f"http://{host}/new/page")
    answer = browse("GET", host, "/app/x")
    assert (answer.status, answer.headers["Location"]) == (307, "http://x.example/app/x")
    answer = browse("GET", host, "/moved")
    assert (answer.status, answer.headers["Location"]) == (301, "/index.html")
    assert browse("HEAD", host, "/").text == b""
    assert browse("DELETE", host, "/index.html").status == 405
    assert (
        browse("GET", host, "/", **{"If_None_Match": browse("GET", host, "/").headers["ETag"]}).status == 304
    )


def test_no_answer_carries_a_header_that_a_form_smuggled_in(
    gureum: Any, browse: Browser, bucket: str
) -> None:
    signing = gureum.client("s3", config=Config(signature_version="s3v4"))
    made = signing.generate_presigned_post(bucket, "k", Conditions=[["starts-with", "$x-amz-meta-a", ""]])
    body, kind = form({**made["fields"], "x-amz-meta-a": "x\r\nSet-Cookie: a=b"}, b"1")
    answer = browse("POST", "localhost", f"/{bucket}", body, Content_Type=kind)
    assert (answer.status, b"<Code>InvalidArgument</Code>" in answer.text) == (400, True)
