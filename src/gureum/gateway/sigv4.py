"""AWS Signature Version 4: checking it in header and query, for whole and for chunked bodies; and making it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import calendar
import hashlib
import hmac
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from gureum.kernel.message import Request

SKEW_SECONDS = 900
LONGEST_PRESIGNED_SECONDS = 604_800
_ALGORITHM = "AWS4-HMAC-SHA256"
_EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
_STREAM_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_STREAM_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
_STREAM_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

Reason = Literal[
    "missing", "incomplete", "unknown", "token", "mismatch", "skewed", "expired", "expired_token", "payload"
]


class Unproven(Exception):
    """A request that did not prove who sends it; `reason` is the kind of failure, the text AWS's own."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(text)
        self.reason, self.text = reason, text


class Scope(NamedTuple):
    """What a signature claims: whose key, for what day, region and service."""

    access_key: str
    date: str
    region: str
    service: str


class Claim(NamedTuple):
    """A signature as the request carries it, before it is checked."""

    scope: Scope
    signed_headers: str
    signature: str
    time: str  # ISO 8601 basic, as in X-Amz-Date
    token: str
    presigned: bool
    expires_seconds: int


def claim(request: Request) -> Claim | None:
    """The signature that a request carries, or None for an unsigned one. Raises Unproven for a broken one."""
    header = request.headers.get("authorization")
    if header is not None:
        return _header_claim(header, request.headers)
    if "X-Amz-Signature=" in request.query or "X-Amz-Algorithm=" in request.query:
        return _query_claim(request.query)
    return None


def verify(request: Request, found: Claim, secret: str, now: float, *, s3: bool) -> None:
    """Check a claim against a secret key. Raises Unproven; the comparison takes constant time."""
    _check_time(found, now, s3=s3)
    payload = _payload_hash(request, found, s3=s3)
    canonical = _canonical_request(request, found, payload, s3=s3)
    scope = found.scope
    to_sign = (
        f"{_ALGORITHM}\n{found.time}\n{scope.date}/{scope.region}/{scope.service}/aws4_request\n"
        f"{hashlib.sha256(canonical).hexdigest()}"
    )
    key = _keyed(secret, scope.date, scope.region, scope.service)
    mac = key.copy()
    mac.update(to_sign.encode())
    if not hmac.compare_digest(mac.hexdigest(), found.signature):
        raise Unproven(
            "mismatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.",
        )
    if payload.startswith("STREAMING-"):
        _check_chunks(request, found, key, payload)


def sign(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    access_key: str,
    secret: str,
    region: str,
    service: str,
    token: str = "",
    now: float | None = None,
) -> dict[str, str]:
    """The headers that sign a request; `headers` must hold `host`. Names come back in lower case."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() if now is None else now))
    signed = {k.lower(): v for k, v in headers.items()}
    signed["x-amz-date"] = stamp
    payload = hashlib.sha256(body).hexdigest()
    if service == "s3":
        signed["x-amz-content-sha256"] = payload
    if token:
        signed["x-amz-security-token"] = token
    names = ";".join(sorted(signed))
    scope = Scope(access_key, stamp[:8], region, service)
    found = Claim(scope, names, "", stamp, token, False, 0)
    canonical = _canonical_request(
        Request(method, path, query, signed, body), found, payload, s3=service == "s3"
    )
    to_sign = (
        f"{_ALGORITHM}\n{stamp}\n{scope.date}/{region}/{service}/aws4_request\n"
        f"{hashlib.sha256(canonical).hexdigest()}"
    )
    mac = _keyed(secret, scope.date, region, service).copy()
    mac.update(to_sign.encode())
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={access_key}/{scope.date}/{region}/{service}/aws4_request, "
        f"SignedHeaders={names}, Signature={mac.hexdigest()}"
    )
    return signed


def signature_of(secret: str, scope: Scope, text: bytes) -> str:
    """The signature of any text under a scope's signing key (S3's POST policies)."""
    mac = _keyed(secret, scope.date, scope.region, scope.service).copy()
    mac.update(text)
    return mac.hexdigest()


# --- what a request claims
@lru_cache(maxsize=4096)
def scope_of(text: str) -> Scope:
    """The scope that a credential names. Raises Unproven."""
    parts = text.rsplit("/", 4)
    if len(parts) != 5 or parts[4] != "aws4_request":
        raise Unproven(
            "incomplete",
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{text}'",
        )
    return Scope(parts[0], parts[1], parts[2], parts[3])


def _header_claim(header: str, headers: dict[str, str]) -> Claim:
    if not header.startswith(_ALGORITHM):
        raise Unproven("incomplete", "Authorization header requires the AWS4-HMAC-SHA256 algorithm.")
    fields: dict[str, str] = {}
    for part in header[len(_ALGORITHM) :].split(","):
        name, _, value = part.strip().partition("=")
        fields[name] = value
    for name in ("Credential", "Signature", "SignedHeaders"):
        if not fields.get(name):
            raise Unproven(
                "incomplete", f"Authorization header requires '{name}' parameter. Authorization={header}"
            )
    stamp = headers.get("x-amz-date") or _stamp_of_date(headers.get("date", ""))
    if not stamp:
        raise Unproven(
            "incomplete",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    token = headers.get("x-amz-security-token", "")
    return Claim(
        scope_of(fields["Credential"]),
        fields["SignedHeaders"],
        fields["Signature"],
        stamp,
        token,
        False,
        0,
    )


def _query_claim(query: str) -> Claim:
    fields = {k: v.decode("utf-8", "replace") for k, v in _query_pairs(query) if k.startswith("X-Amz-")}
    for name in ("Algorithm", "Credential", "Date", "SignedHeaders", "Signature"):
        if not fields.get(f"X-Amz-{name}"):
            raise Unproven("incomplete", f"AWS query-string parameters must include 'X-Amz-{name}'.")
    if fields["X-Amz-Algorithm"] != _ALGORITHM:
        raise Unproven("incomplete", 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    expires = fields.get("X-Amz-Expires", "300")
    if not expires.isdigit() or int(expires) > LONGEST_PRESIGNED_SECONDS:
        raise Unproven("incomplete", "X-Amz-Expires must be less than a week (in seconds) that is, 604800")
    return Claim(
        scope_of(fields["X-Amz-Credential"]),
        fields["X-Amz-SignedHeaders"],
        fields["X-Amz-Signature"],
        fields["X-Amz-Date"],
        fields.get("X-Amz-Security-Token", ""),
        True,
        int(expires),
    )


def _stamp_of_date(text: str) -> str:
    for form in ("%a, %d %b %Y %H:%M:%S GMT", "%Y%m%dT%H%M%SZ"):
        try:
            return time.strftime("%Y%m%dT%H%M%SZ", time.strptime(text, form))
        except ValueError:
            continue
    return ""


# --- when
@lru_cache(maxsize=1024)
def epoch(stamp: str) -> float:
    """Seconds since the epoch of an ISO 8601 basic time. Raises Unproven for anything else."""
    try:
        return calendar.timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Unproven("incomplete", f"Date must be in ISO-8601 'basic format'. Got '{stamp}'.") from None


def _check_time(found: Claim, now: float, *, s3: bool) -> None:
    at = epoch(found.time)
    if found.time[:8] != found.scope.date:
        raise Unproven(
            "mismatch",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{found.scope.date}' != '{found.time[:8]}', from '{found.time}'.",
        )
    if found.presigned:
        if at - now > SKEW_SECONDS:
            raise Unproven("expired", "Request is not valid yet")
        if now > at + found.expires_seconds:
            raise Unproven("expired", "Request has expired")
        return
    if abs(now - at) > SKEW_SECONDS:
        if s3:
            raise Unproven(
                "skewed", "The difference between the request time and the current time is too large."
            )
        here = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        if at < now:
            limit = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now - SKEW_SECONDS))
            raise Unproven(
                "skewed", f"Signature expired: {found.time} is now earlier than {limit} ({here} - 15 min.)"
            )
        limit = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now + SKEW_SECONDS))
        raise Unproven(
            "skewed",
            f"Signature not yet current: {found.time} is still later than {limit} ({here} + 15 min.)",
        )


# --- what is signed
def _payload_hash(request: Request, found: Claim, *, s3: bool) -> str:
    declared = request.headers.get("x-amz-content-sha256")
    if declared is None:
        if found.presigned and s3:
            return UNSIGNED
        return _body_hash(request)
    if declared == UNSIGNED or declared.startswith("STREAMING-"):
        if not s3 and declared != UNSIGNED:
            raise Unproven("payload", "Chunked signatures are not supported by this service.")
        return declared
    if not hmac.compare_digest(_body_hash(request), declared):
        raise Unproven(
            "payload", "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    return declared


def _body_hash(request: Request) -> str:
    body = request.body
    if isinstance(body, bytes):
        return hashlib.sha256(body).hexdigest() if body else _EMPTY_SHA256
    return request.spool.sha256 if request.spool is not None else ""


def _canonical_request(request: Request, found: Claim, payload: str, *, s3: bool) -> bytes:
    headers = request.headers
    names = found.signed_headers
    lines = []
    for name in names.split(";"):
        value = headers.get(name)
        if value is None:
            raise Unproven("mismatch", f"The signed header '{name}' is not in the request.")
        lines.append(f"{name}:{_trim(value)}\n")
    if "host" not in names and ":authority" not in names:
        raise Unproven(
            "mismatch", "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    path = "/" if request.signed_path == "/" else _canonical_path(request.signed_path, s3)
    query = _canonical_query(request.query) if request.query else ""
    return f"{request.method}\n{path}\n{query}\n{''.join(lines)}\n{names}\n{payload}".encode(
        "latin-1", "replace"
    )


def _trim(value: str) -> str:
    return " ".join(value.split()) if "  " in value or value != value.strip() else value


@lru_cache(maxsize=4096)
def _canonical_path(path: str, s3: bool) -> str:
    if s3:
        return quote(unquote_to_bytes(path), safe="/~-_.")
    return quote(_normal(path), safe="/~-_.")


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if parts:
                parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return "/" + "/".join(parts) + ("/" if parts and path.endswith("/") else "")


def _query_pairs(query: str) -> list[tuple[str, bytes]]:
    pairs = []
    for part in query.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((unquote_to_bytes(name).decode("utf-8", "replace"), unquote_to_bytes(value)))
    return pairs


@lru_cache(maxsize=1024)
def _canonical_query(query: str) -> str:
    encoded = [
        (quote(name, safe="~-_."), quote(value, safe="~-_."))
        for name, value in _query_pairs(query)
        if name != "X-Amz-Signature"
    ]
    return "&".join([f"{name}={value}" for name, value in sorted(encoded)])


@lru_cache(maxsize=4096)
def _keyed(secret: str, date: str, region: str, service: str) -> hmac.HMAC:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, digestmod=hashlib.sha256)


# --- chunks
def _check_chunks(request: Request, found: Claim, key: hmac.HMAC, payload: str) -> None:
    spool = request.spool
    if spool is None:
        raise Unproven("payload", "The request body is not chunked as its x-amz-content-sha256 header says.")
    if payload == _STREAM_UNSIGNED_TRAILER:
        return
    if payload not in {_STREAM_SIGNED, _STREAM_SIGNED_TRAILER}:
        raise Unproven("payload", f"{payload} is not a payload signature that this server knows.")
    scope = found.scope
    head = f"{found.time}\n{scope.date}/{scope.region}/{scope.service}/aws4_request\n"
    previous = found.signature
    for chunk in spool.chunks:
        text = f"AWS4-HMAC-SHA256-PAYLOAD\n{head}{previous}\n{_EMPTY_SHA256}\n{chunk.sha256}"
        previous = _expect(key, text, chunk.signature)
    if payload == _STREAM_SIGNED_TRAILER:
        trailers = "".join(
            f"{k}:{v}\n" for k, v in sorted(spool.trailers.items()) if k != "x-amz-trailer-signature"
        )
        digest = hashlib.sha256(trailers.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256-TRAILER\n{head}{previous}\n{digest}"
        _expect(key, text, spool.trailers.get("x-amz-trailer-signature", ""))


def _expect(key: hmac.HMAC, text: str, signature: str) -> str:
    mac = key.copy()
    mac.update(text.encode())
    expected = mac.hexdigest()
    if not hmac.compare_digest(expected, signature):
        raise Unproven(
            "mismatch", "The chunk signature we calculated does not match the signature you provided."
        )
    return expected
