"""Cross-origin requests: preflights, and the headers that let a page read an answer.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.message import Request, Response
from gureum.kernel.records import kind_of
from gureum.kernel.visit import Visit
from gureum.services.s3.records import Bucket
from gureum.services.s3.web.hosts import bucket_of_path, site

_KIND = kind_of(Bucket)
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
Rule = Mapping[str, Any]


def find_bucket(home: Home, name: str) -> Bucket | None:
    """A bucket outside of any call."""
    row = home.store.read(_KIND, (_KIND.name, "", "", name))
    return row.record if row is not None and isinstance(row.record, Bucket) else None


async def preflight(visit: Visit) -> Response:
    """Answer OPTIONS: whether a page of that origin may do what it is about to."""
    request = visit.request
    origin = request.headers.get("origin")
    method = request.headers.get("access-control-request-method")
    if not origin:
        raise Fault("BadRequest", "Insufficient information. Origin request header needed.", status=400)
    if not method:
        text = "Invalid Access-Control-Request-Method: null"
        raise Fault("BadRequest", text, status=400)
    asked = [
        name.strip().lower()
        for name in request.headers.get("access-control-request-headers", "").split(",")
        if name.strip()
    ]
    bucket = find_bucket(visit.home, site(request) or bucket_of_path(request))
    rules = bucket.settings.get("Cors", {}).get("CORSRules") if bucket is not None else None
    if rules is None:
        raise _refused("CORSResponse: CORS is not enabled for this bucket.", method)
    for rule in rules:
        if _fits(rule, origin, method) and all(_allows_header(rule, name) for name in asked):
            headers = _headers(rule, origin)
            if asked:
                headers.append(("Access-Control-Allow-Headers", ", ".join(asked)))
            return Response(200, headers)
    raise _refused(
        "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request "
        "method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the "
        "resource's CORS spec.",
        method,
    )


def _refused(text: str, method: str) -> Fault:
    return Fault("AccessForbidden", text, status=403, Method=method, ResourceType="OBJECT")


def dress(home: Home, request: Request, response: Response) -> None:
    """Add to an answer what lets the asking page read it."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    bucket = find_bucket(home, site(request) or bucket_of_path(request))
    if bucket is None or request.method == "OPTIONS":
        return
    for rule in bucket.settings.get("Cors", {}).get("CORSRules") or ():
        if _fits(rule, origin, request.method):
            response.headers += _headers(rule, origin)
            return


def _fits(rule: Rule, origin: str, method: str) -> bool:
    return method in rule["AllowedMethods"] and any(
        _pattern(allowed).fullmatch(origin) for allowed in rule["AllowedOrigins"]
    )


def _allows_header(rule: Rule, name: str) -> bool:
    return any(_pattern(allowed.lower()).fullmatch(name) for allowed in rule.get("AllowedHeaders") or ())


def _headers(rule: Rule, origin: str) -> list[tuple[str, str]]:
    everyone = "*" in rule["AllowedOrigins"]
    found = [
        ("Access-Control-Allow-Origin", "*" if everyone else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
    ]
    if exposed := rule.get("ExposeHeaders"):
        found.append(("Access-Control-Expose-Headers", ", ".join(exposed)))
    if "MaxAgeSeconds" in rule:
        found.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    if not everyone:
        found.append(("Access-Control-Allow-Credentials", "true"))
    return [*found, ("Vary", _VARY)]


@lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str]:
    head, star, tail = text.partition("*")
    return re.compile(re.escape(head) + (".*" if star else "") + re.escape(tail))
