"""What time does to keys: rotation, expiry of imported material, and the end of the waiting period.

Source: KMS Developer Guide, "Rotate AWS KMS keys", "Deleting AWS KMS keys", "Monitoring with Amazon EventBridge".
"""

from __future__ import annotations

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.reconcile import Again, reconciler
from gureum.services.kms import related
from gureum.services.kms.importing import settled, without
from gureum.services.kms.records import Alias, Grant, Key
from gureum.services.kms.rotation import rotated

DAY = 86_400.0


@reconciler(Key)
def tend(ctx: Context, key: Key) -> Again[Key] | Key | None:
    """Do what is due with a key, and come back when the next is."""
    if key.state == "PendingReplicaDeletion" and len(key.regions) == 1:
        key = replace(key, state="PendingDeletion", deletes_at=ctx.now + key.window_days * DAY)
    if key.state == "PendingDeletion":
        if key.deletes_at <= ctx.now:
            _delete(ctx, key)
            return None
        return Again(key, after=key.deletes_at - ctx.now)
    for material in key.materials:
        if material.expires and material.expires <= ctx.now:
            key = settled(without(key, material.id))
            ctx.tell("KMS Imported Key Material Expiration", {"key-id": key.id}, [ctx.arn(key)])
    rotates = key.rotate_days and key.state == "Enabled" and key.primary in {"", ctx.region}
    if rotates and key.rotate_at <= ctx.now:
        key = rotated(ctx, key, "AUTOMATIC")
        ctx.tell("KMS CMK Rotation", {"key-id": key.id}, [ctx.arn(key)])
    times = [m.expires for m in key.materials if m.expires]
    if rotates:
        times.append(key.rotate_at)
    return Again(key, after=min(times) - ctx.now) if times else key


def _delete(ctx: Context, key: Key) -> None:
    """The key goes with its material, aliases, grants and tags; its relatives stay and are told."""
    for alias in ctx.table(Alias).find("key", key.id):
        ctx.table(Alias).drop(alias)
    for grant in ctx.table(Grant).find("key", key.id):
        ctx.table(Grant).drop(grant)
    ctx.tags.forget(ctx.arn(key))
    left = tuple(region for region in key.regions if region != ctx.region)
    related.change(ctx, key, lambda one: replace(one, regions=left))
    ctx.tell("KMS CMK Deletion", {"key-id": key.id}, [ctx.arn(key)])
