"""The versions of a key: finding one, putting a new one before the others, taking one away.

A key has at most one `Object`, its current version; all others, and every delete marker, are `Version`s.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

from __future__ import annotations

import time

import msgspec

from gureum.kernel import ids
from gureum.kernel.context import Context
from gureum.services.s3.faults import denied, no_such_bucket
from gureum.services.s3.records import NULL, Annotation, Bucket, Entry, Leftover, Object, Version

_LAST = (1 << 64) - 1
_replace = msgspec.structs.replace


def new_order(after: str = "") -> str:
    """A version id that sorts before all earlier ones, and before `after` whatever the clock says."""
    at = _LAST - time.time_ns()
    if after:
        at = min(at, int(after[:16], 16) - 1)
    return f"{at:016x}{ids.hexadecimal(16)}"


def find_entry(ctx: Context, bucket: str, key: str, version_id: str = "") -> Entry | None:
    """A version of a key; the current one (a delete marker is none) where no id is given."""
    current = ctx.table(Object).get(bucket, key)
    if not version_id:
        return current.entry if current is not None else None
    if current is not None and current.entry.version_id == version_id:
        return current.entry
    found = _version(ctx, bucket, key, version_id)
    return found.entry if found is not None else None


def latest_marker(ctx: Context, bucket: str, key: str) -> Entry | None:
    """The delete marker that hides a key, where one does."""
    if ctx.table(Object).get(bucket, key) is not None:
        return None
    newest = newest_version(ctx, bucket, key)
    return newest.entry if newest is not None and newest.entry.marker else None


def newest_version(ctx: Context, bucket: str, key: str) -> Version | None:
    """The newest of those that are not the current object."""
    found, _ = ctx.table(Version).page(1, prefix=f"{bucket}\x00{key}\x00")
    return found[0] if found else None


def put_entry(ctx: Context, bucket: Bucket, key: str, entry: Entry, *, keep_order: bool = False) -> Entry:
    """Make `entry` the key's current version, by the bucket's versioning. It comes back with its version id.

    `keep_order` keeps the id that it has (a replica's).
    """
    table = ctx.table(Object)
    before = table.get(bucket.name, key)
    order = entry.order if keep_order else _next_order(ctx, bucket, key, before)
    entry = _replace(entry, order=order, null=bucket.versioning != "Enabled")
    newer = before or newest_version(ctx, bucket.name, key) if keep_order else None
    if newer is not None and newer.entry.order < order:  # it comes late: what is there is newer
        ctx.table(Version).put(Version(bucket=bucket.name, key=key, entry=entry))
        return entry
    if before is not None:
        if entry.null and before.entry.null:
            discard(ctx, bucket.name, key, before.entry)
        else:
            ctx.table(Version).put(Version(bucket=bucket.name, key=key, entry=before.entry))
    if entry.null and bucket.versioning and (before is None or not before.entry.null):
        _drop_null(ctx, bucket.name, key)
    if entry.marker:
        if before is not None:
            table.drop(before)
        ctx.table(Version).put(Version(bucket=bucket.name, key=key, entry=entry))
    else:
        table.put(Object(bucket=bucket.name, key=key, entry=entry))
    return entry


def drop_current(ctx: Context, bucket: Bucket, key: str) -> Entry | None:
    """Take away the object of a bucket that was never versioned."""
    found = ctx.table(Object).get(bucket.name, key)
    if found is None:
        return None
    ctx.table(Object).drop(found)
    discard(ctx, bucket.name, key, found.entry)
    return found.entry


def drop_version(ctx: Context, bucket: str, key: str, version_id: str) -> Entry | None:
    """Take one version away for good. The one before it becomes current."""
    current = ctx.table(Object).get(bucket, key)
    if current is not None and current.entry.version_id == version_id:
        ctx.table(Object).drop(current)
        gone = current.entry
    else:
        found = _version(ctx, bucket, key, version_id)
        if found is None:
            return None
        ctx.table(Version).drop(found)
        gone = found.entry
        if current is not None:
            discard(ctx, bucket, key, gone)
            return gone
    discard(ctx, bucket, key, gone)
    newest = newest_version(ctx, bucket, key)
    if newest is not None and not newest.entry.marker:
        ctx.table(Version).drop(newest)
        ctx.table(Object).put(Object(bucket=bucket, key=key, entry=newest.entry))
    return gone


def change_entry(ctx: Context, bucket: str, key: str, entry: Entry) -> None:
    """Keep a changed entry (tags, ACL, lock) where its version lies."""
    current = ctx.table(Object).get(bucket, key)
    if current is not None and current.entry.order == entry.order:
        ctx.table(Object).put(_replace(current, entry=entry))
    else:
        ctx.table(Version).put(Version(bucket=bucket, key=key, entry=entry))


def discard(ctx: Context, bucket: str, key: str, entry: Entry) -> None:
    """Leave an entry's files and annotations to be removed."""
    leave(ctx, tuple(piece.id for piece in entry.pieces))
    if entry.annotated:
        notes = ctx.table(Annotation)
        for note in list(notes.scan(prefix=f"{bucket}\x00{key}\x00{entry.order}\x00")):
            notes.drop(note)


def leave(ctx: Context, files: tuple[str, ...]) -> None:
    """Leave files to be removed once this is committed and nobody reads them."""
    if files:
        ctx.table(Leftover).put(Leftover(id=ids.hexadecimal(32), since=ctx.now, files=files))


def bucket_of(ctx: Context, req: object, name: str = "", owner: str = "") -> Bucket:
    """The bucket that a request names. Faults: NoSuchBucket; AccessDenied where it is not the expected owner's,
    or the requester must pay and does not say so."""
    assert isinstance(req, dict)
    name = name or req["Bucket"]
    found = ctx.table(Bucket).get(name)
    if found is None:
        raise no_such_bucket(name)
    expected = owner or req.get("ExpectedBucketOwner")
    if expected and expected != found.owner:
        raise denied()
    if found.settings and found.settings.get("RequestPayment", {}).get("Payer") == "Requester":
        _requester_pays(ctx, found, req.get("RequestPayer"))
    return found


def _requester_pays(ctx: Context, bucket: Bucket, payer: str | None) -> None:
    if ctx.principal.account == bucket.owner or ctx.principal.kind == "service":
        return
    if payer != "requester":
        raise denied()
    ctx.response_headers.append(("x-amz-request-charged", "requester"))


def _next_order(ctx: Context, bucket: Bucket, key: str, before: Object | None) -> str:
    if before is not None:
        return new_order(before.entry.order)
    if not bucket.versioning:
        return new_order()
    newest = newest_version(ctx, bucket.name, key)
    return new_order(newest.entry.order if newest is not None else "")


def _version(ctx: Context, bucket: str, key: str, version_id: str) -> Version | None:
    table = ctx.table(Version)
    if version_id == NULL:
        return next(iter(table.find("null", f"{bucket}\x00{key}")), None)
    found = table.get(f"{bucket}\x00{key}\x00{version_id}")
    return found if found is not None and not found.entry.null else None


def _drop_null(ctx: Context, bucket: str, key: str) -> None:
    found = _version(ctx, bucket, key, NULL)
    if found is not None:
        ctx.table(Version).drop(found)
        discard(ctx, bucket, key, found.entry)
