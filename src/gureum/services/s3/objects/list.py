"""Listing objects: pages in key order, keys that share a prefix up to a delimiter folded into one.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gureum.kernel import pages
from gureum.kernel.context import Context
from gureum.kernel.records import kind_of
from gureum.services.s3 import versions
from gureum.services.s3.acl_rules import canonical_id
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_argument
from gureum.services.s3.objects.get import ARCHIVED
from gureum.services.s3.operations import on_bucket, ops
from gureum.services.s3.records import Bucket, Entry, Object

if TYPE_CHECKING:
    from gureum.api import s3 as api

MOST_KEYS = 1000
_KIND = kind_of(Object)
_TOP = "\U0010ffff"
_FEW = 12
Code = Callable[[str], str]


class Page:
    """What a walk over keys found: objects and common prefixes, and where to go on."""

    __slots__ = ("last", "objects", "prefixes", "truncated")

    def __init__(self) -> None:
        self.objects: list[Object] = []
        self.prefixes: list[str] = []
        self.truncated = False
        self.last = ""

    @property
    def count(self) -> int:
        return len(self.objects) + len(self.prefixes)


def walk(ctx: Context, bucket: str, prefix: str, delimiter: str, after: str, most: int) -> Page:
    """At most `most` keys and common prefixes after a key or prefix. Costs what the page holds."""
    page = Page()
    start = f"{bucket}\x1f{after}" if after else ""
    folded = ""
    if delimiter and after.endswith(delimiter) and after.startswith(prefix) and after != prefix:
        folded, start = after, f"{bucket}\x1f{after}{_TOP}"
    whole = f"{bucket}\x1f{prefix}"
    if most == 0:
        return page
    size = _FEW if delimiter else min(most + 1, MOST_KEYS)
    while True:
        rows = ctx.home.store.scan(
            _KIND, "", "", prefix=whole, after=("", "", start) if start else None, limit=size
        )
        folds = 0
        for row in rows:
            found: Any = row.record
            key = found.key
            if folded and key.startswith(folded):
                folds += 1
                continue
            if page.count == most:
                page.truncated = True
                return page
            if common := _common(key, prefix, delimiter):
                page.prefixes.append(common)
                folded = page.last = common
            else:
                page.objects.append(found)
                page.last = key
        if len(rows) < size:
            return page
        start = rows[-1].key[3]
        if folded and start.startswith(f"{bucket}\x1f{folded}"):
            start = f"{bucket}\x1f{folded}{_TOP}"
        # Where most of what was read folds away, little is read before the next leap.
        size = _FEW if folds * 2 > len(rows) else min(size * 4, MOST_KEYS)


def _common(key: str, prefix: str, delimiter: str) -> str:
    if not delimiter:
        return ""
    at = key.find(delimiter, len(prefix))
    return key[: at + len(delimiter)] if at >= 0 else ""


def coder(req: Mapping[str, Any]) -> Code:
    """How keys are written in the answer. Raises Fault InvalidArgument."""
    kind = req.get("EncodingType")
    if kind is None:
        return str
    if kind != "url":
        raise invalid_argument("Invalid Encoding Method specified in Request", "encoding-type", kind)
    return lambda text: quote(text, safe="/*-._")


def most_keys(asked: int | None) -> int:
    """How many entries a page may hold. Raises Fault InvalidArgument for a negative number."""
    asked = MOST_KEYS if asked is None else asked
    if not 0 <= asked <= 2_147_483_647:
        raise invalid_argument(
            "Argument maxKeys must be an integer between 0 and 2147483647", "maxKeys", asked
        )
    return min(int(asked), MOST_KEYS)


@ops.on(targets=on_bucket("ListBucket"), keys=facts)
def list_objects_v2(ctx: Context, req: api.ListObjectsV2Request) -> dict[str, Any]:
    """A page of a bucket's keys, by continuation token."""
    bucket = versions.bucket_of(ctx, req)
    code, most = coder(req), most_keys(req.get("MaxKeys"))
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    token = req.get("ContinuationToken")
    if token == "":
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token", "")
    after = pages.read_token(token, "InvalidArgument") or req.get("StartAfter", "")
    page = walk(ctx, bucket.name, prefix, delimiter, after, most)
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "Prefix": code(prefix),
        "KeyCount": page.count,
        "MaxKeys": most,
        "IsTruncated": page.truncated,
    }
    if page.truncated:
        answer["NextContinuationToken"] = pages.token(page.last)
    for name in ("ContinuationToken", "EncodingType"):
        if name in req:
            answer[name] = req[name]
    if "StartAfter" in req:
        answer["StartAfter"] = code(req["StartAfter"])
    with_owner = bool(req.get("FetchOwner"))
    _fill(ctx, bucket, req, page, answer, code, delimiter, with_owner=with_owner)
    return answer


@ops.on(targets=on_bucket("ListBucket"), keys=facts)
def list_objects(ctx: Context, req: api.ListObjectsRequest) -> dict[str, Any]:
    """A page of a bucket's keys, by marker."""
    bucket = versions.bucket_of(ctx, req)
    code, most = coder(req), most_keys(req.get("MaxKeys"))
    prefix, delimiter, marker = req.get("Prefix", ""), req.get("Delimiter", ""), req.get("Marker", "")
    page = walk(ctx, bucket.name, prefix, delimiter, marker, most)
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "Prefix": code(prefix),
        "Marker": code(marker),
        "MaxKeys": most,
        "IsTruncated": page.truncated,
    }
    if page.truncated and delimiter:
        answer["NextMarker"] = code(page.last)
    if "EncodingType" in req:
        answer["EncodingType"] = req["EncodingType"]
    _fill(ctx, bucket, req, page, answer, code, delimiter, with_owner=True)
    return answer


def _fill(
    ctx: Context,
    bucket: Bucket,
    req: Mapping[str, Any],
    page: Page,
    answer: dict[str, Any],
    code: Code,
    delimiter: str,
    *,
    with_owner: bool,
) -> None:
    if delimiter:
        answer["Delimiter"] = code(delimiter)
        answer["CommonPrefixes"] = [{"Prefix": code(found)} for found in page.prefixes]
    restore = "RestoreStatus" in (req.get("OptionalObjectAttributes") or ())
    answer["Contents"] = [
        {"Key": code(found.key), **show(ctx, found.entry, owner=with_owner, restore=restore)}
        for found in page.objects
    ]


def show(ctx: Context, entry: Entry, *, owner: bool, restore: bool) -> dict[str, Any]:
    """An entry of a listing."""
    told: dict[str, Any] = {
        "LastModified": entry.modified,
        "ETag": f'"{entry.etag}"',
        "Size": entry.size,
        "StorageClass": entry.storage_class,
    }
    if entry.checksums:
        told["ChecksumAlgorithm"] = list(entry.checksums)
        told["ChecksumType"] = entry.checksum_type
    if owner:
        told["Owner"] = {"ID": canonical_id(entry.owner)}
    if restore and entry.storage_class in ARCHIVED:
        told["RestoreStatus"] = {"IsRestoreInProgress": entry.restoring}
        if entry.restored_until > ctx.now:
            told["RestoreStatus"]["RestoreExpiryDate"] = entry.restored_until
    return told
