"""Web sites: a bucket's objects as pages, at the bucket's website host.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteHosting.html
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, unquote

from gureum.kernel.faults import Fault
from gureum.kernel.message import Response
from gureum.kernel.principal import ANONYMOUS
from gureum.kernel.visit import Visit
from gureum.services.s3.records import Bucket
from gureum.services.s3.web.cors import dress, find_bucket
from gureum.services.s3.web.hosts import site

_HEADERS = {
    "CacheControl": "Cache-Control",
    "ContentDisposition": "Content-Disposition",
    "ContentEncoding": "Content-Encoding",
    "ContentLanguage": "Content-Language",
    "ContentType": "Content-Type",
    "ETag": "ETag",
}
Config = Mapping[str, Any]


async def serve(visit: Visit) -> Response:
    """Answer one request for a page."""
    request = visit.request
    name = site(request) or ""
    bucket = find_bucket(visit.home, name)
    if bucket is None:
        fault = Fault("NoSuchBucket", "The specified bucket does not exist", status=404, BucketName=name)
        return _error_page(visit, fault)
    response = await _answer(visit, bucket)
    dress(visit.home, request, response)
    return response


async def _answer(visit: Visit, bucket: Bucket) -> Response:
    config = bucket.settings.get("Website")
    if config is None:
        text = "The specified bucket does not have a website configuration"
        return _error_page(visit, Fault("NoSuchWebsiteConfiguration", text, status=404))
    if visit.request.method not in {"GET", "HEAD"}:
        text = "The specified method is not allowed against this resource."
        return _error_page(visit, Fault("MethodNotAllowed", text, status=405))
    key = unquote(visit.request.path)[1:]
    if (everything := config.get("RedirectAllRequestsTo")) is not None:
        return _redirect(visit, {**everything, "HttpRedirectCode": "301"}, key, "")
    if (rule := _rule(config, key, 0)) is not None:
        return _redirect(visit, rule["Redirect"], key, _prefix(rule))
    suffix = config["IndexDocument"]["Suffix"]
    page = f"{key}{suffix}" if key == "" or key.endswith("/") else key
    try:
        found = await visit.call("GetObject", {"Bucket": bucket.name, "Key": page}, ANONYMOUS)
    except Fault as fault:
        return await _missing(visit, bucket, config, key, fault)
    if target := found.get("WebsiteRedirectLocation"):
        return Response(301, [("Location", target)])
    return _page(visit, found, 200)


async def _missing(visit: Visit, bucket: Bucket, config: Config, key: str, fault: Fault) -> Response:
    """No page of that name: perhaps a folder's, else by rule, by error document, or the plain text of the fault."""
    suffix = config["IndexDocument"]["Suffix"]
    if key and not key.endswith("/"):
        try:
            await visit.call("HeadObject", {"Bucket": bucket.name, "Key": f"{key}/{suffix}"}, ANONYMOUS)
        except Fault:
            pass
        else:
            return Response(302, [("Location", f"/{quote(key)}/")])
    status = fault.status or 400
    if (rule := _rule(config, key, status)) is not None:
        return _redirect(visit, rule["Redirect"], key, _prefix(rule))
    if (document := (config.get("ErrorDocument") or {}).get("Key")) is not None:
        try:
            found = await visit.call("GetObject", {"Bucket": bucket.name, "Key": document}, ANONYMOUS)
        except Fault:
            return _error_page(visit, fault)
        return _page(visit, found, status)
    return _error_page(visit, fault)


def _page(visit: Visit, found: Mapping[str, Any], status: int) -> Response:
    headers = [(wire, found[name]) for name, wire in _HEADERS.items() if name in found]
    headers.append(("Last-Modified", formatdate(found["LastModified"], usegmt=True)))
    headers += [(f"x-amz-meta-{name}", value) for name, value in (found.get("Metadata") or {}).items()]
    headers.append(("x-amz-request-id", visit.id))
    if status == 200 and visit.request.headers.get("if-none-match") == found["ETag"]:
        return Response(304, headers)
    headers.append(("Content-Length", str(found["ContentLength"])))
    body = b"" if visit.request.method == "HEAD" else found["Body"]
    return Response(status, headers, body)


def _rule(config: Config, key: str, status: int) -> Config | None:
    """The first routing rule that fits: those on error codes only once there is an error."""
    for rule in config.get("RoutingRules") or ():
        condition = rule.get("Condition") or {}
        code = condition.get("HttpErrorCodeReturnedEquals")
        if (code is not None) != bool(status) or (code is not None and str(code) != str(status)):
            continue
        if key.startswith(condition.get("KeyPrefixEquals") or ""):
            found: Config = rule
            return found
    return None


def _prefix(rule: Config) -> str:
    found: str = (rule.get("Condition") or {}).get("KeyPrefixEquals") or ""
    return found


def _redirect(visit: Visit, redirect: Config, key: str, prefix: str) -> Response:
    if "ReplaceKeyWith" in redirect:
        key = redirect["ReplaceKeyWith"]
    elif "ReplaceKeyPrefixWith" in redirect:
        key = redirect["ReplaceKeyPrefixWith"] + key[len(prefix) :]
    scheme = redirect.get("Protocol") or ("https" if visit.request.secure else "http")
    host = redirect.get("HostName") or visit.request.headers.get("host", "")
    code = int(redirect.get("HttpRedirectCode") or 301)
    return Response(code, [("Location", f"{scheme}://{host}/{quote(key)}"), ("x-amz-request-id", visit.id)])


def _error_page(visit: Visit, fault: Fault) -> Response:
    status = fault.status or 400
    title = f"{status} {HTTPStatus(status).phrase}"
    facts = {"Code": fault.code, "Message": fault.message, **fault.extra, "RequestId": visit.id}
    items = "".join(f"<li>{escape(name)}: {escape(str(value))}</li>\n" for name, value in facts.items())
    text = (
        f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{items}</ul>\n<hr/>\n"
        "</body>\n</html>\n"
    )
    headers = [
        ("Content-Type", "text/html; charset=utf-8"),
        ("x-amz-error-code", fault.code),
        ("x-amz-error-message", fault.message),
        ("x-amz-request-id", visit.id),
    ]
    return Response(status, headers, b"" if visit.request.method == "HEAD" else text.encode())
