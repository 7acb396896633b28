"""Looks over a bucket when the day turns: lifecycle rules take effect, inventories are written.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lifecycle-mgmt.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.kernel.records import Kind, kind_of
from gureum.services.s3 import lifecycle, versions
from gureum.services.s3.lifecycle import DAY
from gureum.services.s3.multipart.uploads import abandon
from gureum.services.s3.records import Bucket, Configuration, Entry, Object, Sweep, Upload, Version
from gureum.services.s3.work import inventory
from gureum.services.s3.work.notify import announce

_MOST_CHANGES = 200
_LONGEST_PAUSE_SECONDS = 3600.0
Rules = list[Any]


@reconciler(Sweep)
def sweep(ctx: Context, found: Sweep) -> Again[Sweep] | None:
    """Do what is due, a few hundred changes at a time, and come back after the next midnight."""
    bucket = ctx.table(Bucket).get(found.bucket)
    if bucket is None:
        return None
    reports = list(ctx.table(Configuration).scan(prefix=f"{bucket.name}\x00inventory\x00"))
    rules = bucket.settings.get("Lifecycle", {}).get("Rules") or []
    if not reports and not rules:
        return None
    for report in reports:
        inventory.write_if_due(ctx, bucket, report)
    for done, change in enumerate(_due(ctx, bucket, rules) if rules else (), start=1):
        change()
        if done == _MOST_CHANGES:
            return Again(found, after=0.0)
    until_midnight = DAY - ctx.now % DAY + 1.0
    return Again(found, after=min(until_midnight, _LONGEST_PAUSE_SECONDS))


def _due(ctx: Context, bucket: Bucket, rules: Rules) -> Iterator[Callable[[], None]]:
    """The changes that are due now."""
    yield from _of_objects(ctx, bucket, rules)
    if bucket.versioning:
        yield from _of_versions(ctx, bucket, rules)
    for upload in _rows(ctx, kind_of(Upload), f"{bucket.name}\x00"):
        if lifecycle.aborts_upload(rules, upload.key, upload.started, ctx.now):
            yield lambda upload=upload: abandon(ctx, upload)  # type: ignore[misc]


def _rows(ctx: Context, kind: Kind, prefix: str) -> Iterator[Any]:
    """Records as they are now, read past the unit of work: only what changes becomes part of it."""
    after: tuple[str, str, str] | None = None
    while True:
        rows = ctx.home.store.scan(kind, "", "", prefix=prefix, after=after, limit=1000)
        yield from (row.record for row in rows)
        if len(rows) < 1000:
            return
        after = rows[-1].key[1:]


def _of_objects(ctx: Context, bucket: Bucket, rules: Rules) -> Iterator[Callable[[], None]]:
    for found in _rows(ctx, kind_of(Object), f"{bucket.name}\x1f"):
        due = [one for one in lifecycle.of_current(rules, found.key, found.entry) if one.at <= ctx.now]
        if not due:
            continue
        if any(not one.storage_class for one in due):
            yield lambda found=found: _expire(ctx, bucket, found)  # type: ignore[misc]
        else:
            wanted = due[-1].storage_class
            yield lambda found=found, wanted=wanted: _move(  # type: ignore[misc]
                ctx, bucket, found.key, found.entry, wanted
            )


def _expire(ctx: Context, bucket: Bucket, found: Object) -> None:
    current = ctx.table(Object).get(bucket.name, found.key)
    if current is None or current.entry.order != found.entry.order:
        return  # it has been written anew meanwhile
    if not bucket.versioning:
        versions.drop_current(ctx, bucket, found.key)
        announce(ctx, bucket, "LifecycleExpiration:Delete", found.key, found.entry)
        return
    marker = Entry(order="", modified=ctx.now, marker=True, owner=bucket.owner)
    marker = versions.put_entry(ctx, bucket, found.key, marker)
    announce(ctx, bucket, "LifecycleExpiration:DeleteMarkerCreated", found.key, marker)


def _move(ctx: Context, bucket: Bucket, key: str, entry: Entry, wanted: str) -> None:
    now = versions.find_entry(ctx, bucket.name, key, entry.version_id)
    if now is None or now.order != entry.order:
        return
    moved = msgspec.structs.replace(now, storage_class=wanted)
    versions.change_entry(ctx, bucket.name, key, moved)
    announce(ctx, bucket, "LifecycleTransition", key, moved)


def _of_versions(ctx: Context, bucket: Bucket, rules: Rules) -> Iterator[Callable[[], None]]:
    """Noncurrent versions, and delete markers with nothing left under them."""
    key, since, newer = "", 0.0, 0
    rows = list(_rows(ctx, kind_of(Version), f"{bucket.name}\x00"))
    for at, found in enumerate(rows):
        if found.key != key:
            key, newer = found.key, 0
            current = ctx.home.store.read(
                kind_of(Object), (kind_of(Object).name, "", "", f"{bucket.name}\x1f{key}")
            )
            if current is None:
                since = found.entry.modified
                alone = at + 1 == len(rows) or rows[at + 1].key != key
                if found.entry.marker and alone and lifecycle.clears_markers(rules, key, since, ctx.now):
                    yield lambda found=found: _drop(ctx, bucket, found)  # type: ignore[misc]
                continue
            since = current.record.entry.modified  # type: ignore[attr-defined]
        due = [
            one for one in lifecycle.of_noncurrent(rules, key, found.entry, since, newer) if one.at <= ctx.now
        ]
        since, newer = found.entry.modified, newer + 1
        if any(not one.storage_class for one in due):
            yield lambda found=found: _drop(ctx, bucket, found)  # type: ignore[misc]
        elif due:
            wanted = due[-1].storage_class
            yield lambda found=found, wanted=wanted: _move(  # type: ignore[misc]
                ctx, bucket, found.key, found.entry, wanted
            )


def _drop(ctx: Context, bucket: Bucket, found: Version) -> None:
    entry = found.entry
    if entry.legal_hold or entry.lock_until > ctx.now:
        return
    if versions.drop_version(ctx, bucket.name, found.key, entry.version_id) is not None:
        announce(ctx, bucket, "LifecycleExpiration:Delete", found.key, entry)
