"""Conditional requests and ranges. https://www.rfc-editor.org/rfc/rfc9110#section-13 and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gureum.kernel.faults import Fault
from gureum.services.s3.faults import no_such_key, precondition
from gureum.services.s3.records import Entry

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CONDITIONS = ("IfMatch", "IfNoneMatch", "IfModifiedSince", "IfUnmodifiedSince")


def check_read(req: Mapping[str, Any], entry: Entry, prefix: str = "") -> bool:
    """Whether a reader needs the object: False for "not modified". Raises Fault PreconditionFailed.

    `prefix` is `CopySource` where the request names the conditions so; there nothing is "not modified".
    """
    if not any(f"{prefix}{name}" in req for name in _CONDITIONS):
        return True
    match, none = req.get(f"{prefix}IfMatch"), req.get(f"{prefix}IfNoneMatch")
    since, unless = req.get(f"{prefix}IfModifiedSince"), req.get(f"{prefix}IfUnmodifiedSince")
    modified = int(entry.modified)
    if match is not None:
        if not _has(match, entry.etag):
            raise precondition(_named(prefix, "If-Match"))
    elif unless is not None and modified > unless:
        raise precondition(_named(prefix, "If-Unmodified-Since"))
    fresh = True
    if none is not None:
        fresh = not _has(none, entry.etag)
    elif since is not None:
        fresh = modified > since
    if not fresh and prefix:
        raise precondition(_named(prefix, "If-None-Match" if none is not None else "If-Modified-Since"))
    return fresh


def check_write(req: Mapping[str, Any], current: Entry | None, key: str) -> None:
    """The conditions under which an object may be written over. Faults: PreconditionFailed, NoSuchKey."""
    none, match = req.get("IfNoneMatch"), req.get("IfMatch")
    if none is not None:
        if none != "*":
            raise Fault(
                "NotImplemented",
                "A header you provided implies functionality that is not implemented",
                status=501,
                Header="If-None-Match",
            )
        if current is not None:
            raise precondition("If-None-Match")
    if match is not None:
        if current is None:
            raise no_such_key(key)
        if not _has(match, current.etag):
            raise precondition("If-Match")


def _has(wanted: str, etag: str) -> bool:
    return wanted.strip() == "*" or etag in [
        part.strip().removeprefix("W/").strip('"') for part in wanted.split(",")
    ]


def _named(prefix: str, name: str) -> str:
    return f"x-amz-copy-source-{name}" if prefix else name


def byte_range(text: str | None, size: int) -> tuple[int, int] | None:
    """(from, to) of a `Range` header, the end not included; None for the whole. Raises Fault InvalidRange.

    A header that is malformed, or that wants several ranges, is passed over, as S3 does.
    """
    found = _RANGE.fullmatch(text.strip()) if text else None
    if found is None:
        return None
    first, last = found.groups()
    if first:
        start = int(first)
        if last and int(last) < start:
            return None
        end = min(int(last) + 1, size) if last else size
    elif last:
        start, end = max(size - int(last), 0), size
        if int(last) == 0:
            start = size
    else:
        return None
    if start >= size:
        raise Fault(
            "InvalidRange",
            "The requested range is not satisfiable",
            status=416,
            ActualObjectSize=size,
            RangeRequested=text,
        )
    return start, end
