"""Removes the files of objects that are gone, once nobody can be reading them."""

from __future__ import annotations

from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.services.s3.content import Files
from gureum.services.s3.records import Leftover

# An answer that was begun before the object went opens its files within this time.
_GRACE_SECONDS = 10.0


@reconciler(Leftover)
def clear(ctx: Context, left: Leftover) -> Again[Leftover] | None:
    """Wait for the readers, then remove."""
    files = ctx.part(Files)
    age = ctx.now - left.since
    if age < _GRACE_SECONDS:
        return Again(left, after=_GRACE_SECONDS - age)
    if any(name in files.reading for name in left.files):
        return Again(left, after=5.0)
    files.remove(left.files)
    return None
