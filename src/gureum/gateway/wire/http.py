"""What all protocols need of an HTTP message: its body in memory, its query string, the usual headers."""

from __future__ import annotations

import zlib
from urllib.parse import unquote, unquote_plus

from gureum.gateway.wire.scalars import Malformed
from gureum.kernel.message import Request, Response

# A structured body is read whole. AWS's own limits lie below: 10 MB is the largest (API Gateway's import).
MAX_BODY = 32 * 1024 * 1024
MAX_FIELDS = 50_000

Pairs = list[tuple[str, str]]


def body(request: Request) -> bytes:
    """The request's body in memory, unpacked where `Content-Encoding` says gzip. Raises Malformed.

    Only for structured bodies: a streamed payload stays as it came.
    """
    raw = request.body
    if not isinstance(raw, bytes):
        if raw.size > MAX_BODY:
            raise Malformed("Request body is too large")
        raw = raw.read()
    encoding = request.headers.get("content-encoding")
    return _gunzip(raw) if encoding is not None and "gzip" in encoding.lower() and raw else raw


def _gunzip(raw: bytes) -> bytes:
    unpack = zlib.decompressobj(wbits=31)
    try:
        text = unpack.decompress(raw, MAX_BODY)
    except zlib.error as error:
        raise Malformed("Request body is not gzip") from error
    if unpack.unconsumed_tail:
        raise Malformed("Request body is too large once unpacked")
    if not unpack.eof:
        raise Malformed("Request body is cut short")
    return text


def fields(text: str) -> Pairs:
    """The pairs of a query string or form, decoded, in order; a name without `=` has an empty value."""
    if not text:
        return []
    parts = text.split("&", MAX_FIELDS)
    if len(parts) > MAX_FIELDS:
        raise Malformed("Too many parameters")
    pairs = []
    for part in parts:
        if part:
            name, _, value = part.partition("=")
            pairs.append((_plain(name), _plain(value)))
    return pairs


def _plain(text: str) -> str:
    # Most names and values hold nothing to decode.
    return unquote_plus(text, errors="strict") if "%" in text or "+" in text else text


def label(text: str) -> str:
    """A piece of the path, decoded. Raises Malformed for what is not UTF-8."""
    if "%" not in text:
        return text
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError as error:
        raise Malformed("The request path is not UTF-8") from error


def query(request: Request) -> Pairs:
    """The pairs of the request's query string. Raises Malformed."""
    try:
        return fields(request.query)
    except UnicodeDecodeError as error:
        raise Malformed("The query string is not UTF-8") from error


def form(request: Request) -> Pairs:
    """The pairs of the query string and of the form body. Raises Malformed."""
    try:
        pairs = fields(request.query)
        return pairs + fields(body(request).decode())
    except UnicodeDecodeError as error:
        raise Malformed("The form is not UTF-8") from error


def response(status: int, headers: list[tuple[str, str]], text: bytes, content_type: str) -> Response:
    """An answer with a body of `content_type`."""
    headers.append(("Content-Type", content_type))
    return Response(status, headers, text)
