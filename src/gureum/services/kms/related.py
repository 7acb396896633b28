"""Multi-Region keys: what related keys in several Regions share is changed in all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gureum.kernel.context import Context
from gureum.kernel.records import kind_of
from gureum.services.kms.records import Key


def others(ctx: Context, key: Key) -> Iterator[tuple[str, Key]]:
    """The related keys in other Regions, with the Region of each."""
    for region in key.regions:
        if region != ctx.region and (found := ctx.table(Key, region=region).get(key.id)) is not None:
            yield region, found


def arn(ctx: Context, key: Key, region: str) -> str:
    """The ARN of a key or of its relative in another Region."""
    return kind_of(Key).arn(ctx.account, region, key)


def change(ctx: Context, key: Key, how: Callable[[Key], Key]) -> None:
    """Change a key's relatives in the other Regions."""
    for region, other in others(ctx, key):
        ctx.table(Key, region=region).put(how(other))
