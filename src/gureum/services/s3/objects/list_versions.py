"""Listing the versions of a bucket's objects. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from gureum.kernel.context import Context
from gureum.kernel.records import Kind, kind_of
from gureum.services.s3 import versions
from gureum.services.s3.acl_rules import canonical_id
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_argument
from gureum.services.s3.objects.list import coder, most_keys, show
from gureum.services.s3.operations import on_bucket, ops
from gureum.services.s3.records import Entry, Object, Version

if TYPE_CHECKING:
    from gureum.api import s3 as api

_TOP = "\U0010ffff"


class Listed(NamedTuple):
    """A version on its place in the listing."""

    key: str
    entry: Entry
    latest: bool


class Rows:
    """Reads one kind's rows of a bucket in key order, and can be set forward."""

    def __init__(self, ctx: Context, kind: Kind, bucket: str, mark: str, prefix: str) -> None:
        self._store, self._kind = ctx.home.store, kind
        self._head = f"{bucket}{mark}"
        self._prefix = f"{self._head}{prefix}"
        self._after = ""
        self._rows: list[Any] = []
        self._size, self._ended = 64, False

    def skip_to(self, key: str) -> None:
        """Go on after a key and all that starts with it followed by anything."""
        self._after = f"{self._head}{key}"
        self._rows = [row for row in self._rows if row.key[3] > self._after]

    def peek(self) -> Any | None:
        if not self._rows and not self._ended:
            after = ("", "", self._after) if self._after else None
            self._rows = self._store.scan(
                self._kind, "", "", prefix=self._prefix, after=after, limit=self._size
            )
            self._ended = len(self._rows) < self._size
            self._size = min(self._size * 4, 1000)
            if self._rows:
                self._after = self._rows[-1].key[3]
            self._rows.reverse()
        return self._rows[-1].record if self._rows else None

    def take(self) -> Any:
        return self._rows.pop().record


def merged(ctx: Context, bucket: str, prefix: str, key_marker: str, version_marker: str) -> Iterator[Listed]:
    """Every version after a place, by key and newest first."""
    objects = Rows(ctx, kind_of(Object), bucket, "\x1f", prefix)
    others = Rows(ctx, kind_of(Version), bucket, "\x00", prefix)
    order = _order_of(ctx, bucket, key_marker, version_marker) if version_marker else ""
    if key_marker:
        objects.skip_to(key_marker)
        others.skip_to(f"{key_marker}\x00{order}" if order else f"{key_marker}\x00{_TOP}")
    seen = key_marker if order else ""
    while True:
        current, older = objects.peek(), others.peek()
        if current is not None and (older is None or current.key <= older.key):
            seen = current.key
            yield Listed(current.key, objects.take().entry, True)
        elif older is None:
            return
        else:
            latest = older.key != seen
            seen = older.key
            yield Listed(older.key, others.take().entry, latest)


def _order_of(ctx: Context, bucket: str, key: str, version: str) -> str:
    entry = versions.find_entry(ctx, bucket, key, version)
    return entry.order if entry is not None else version


@ops.on(targets=on_bucket("ListBucketVersions"), keys=facts)
def list_object_versions(ctx: Context, req: api.ListObjectVersionsRequest) -> dict[str, Any]:
    """A page of versions and delete markers."""
    bucket = versions.bucket_of(ctx, req)
    code, most = coder(req), most_keys(req.get("MaxKeys"))
    prefix, delimiter = req.get("Prefix", ""), req.get("Delimiter", "")
    key_marker, version_marker = req.get("KeyMarker", ""), req.get("VersionIdMarker", "")
    if version_marker and not key_marker:
        raise invalid_argument(
            "A version-id marker cannot be specified without a key marker.",
            "version-id-marker",
            version_marker,
        )
    restore = "RestoreStatus" in (req.get("OptionalObjectAttributes") or ())
    shown: list[dict[str, Any]] = []
    markers: list[dict[str, Any]] = []
    prefixes: list[str] = []
    last: tuple[str, str] = ("", "")
    truncated = False
    folded = key_marker if delimiter and key_marker.endswith(delimiter) else ""
    for found in merged(ctx, bucket.name, prefix, key_marker, version_marker) if most else ():
        if folded and found.key.startswith(folded):
            continue
        if len(shown) + len(markers) + len(prefixes) == most:
            truncated = True
            break
        at = found.key.find(delimiter, len(prefix)) if delimiter else -1
        if at >= 0:
            folded = found.key[: at + len(delimiter)]
            prefixes.append(folded)
            last = (folded, "")
            continue
        last = (found.key, found.entry.version_id)
        (markers if found.entry.marker else shown).append(_show(ctx, found, code(found.key), restore=restore))
    answer: dict[str, Any] = {
        "Name": bucket.name,
        "Prefix": code(prefix),
        "KeyMarker": code(key_marker),
        "VersionIdMarker": version_marker,
        "MaxKeys": most,
        "IsTruncated": truncated,
        "Versions": shown,
        "DeleteMarkers": markers,
    }
    if truncated:
        answer["NextKeyMarker"] = code(last[0])
        if last[1]:
            answer["NextVersionIdMarker"] = last[1]
    if delimiter:
        answer["Delimiter"] = code(delimiter)
        answer["CommonPrefixes"] = [{"Prefix": code(one)} for one in prefixes]
    if "EncodingType" in req:
        answer["EncodingType"] = req["EncodingType"]
    return answer


def _show(ctx: Context, found: Listed, key: str, *, restore: bool) -> dict[str, Any]:
    entry = found.entry
    told = {"Key": key, "VersionId": entry.version_id, "IsLatest": found.latest}
    if entry.marker:
        return {**told, "LastModified": entry.modified, "Owner": {"ID": canonical_id(entry.owner)}}
    return {**told, **show(ctx, entry, owner=True, restore=restore)}
