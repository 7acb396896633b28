"""Finding a trail by what a request calls it: a name in this region, or an ARN."""

from __future__ import annotations

from collections.abc import Iterator

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.records import kind_of
from gureum.kernel.store import Table, rows_everywhere
from gureum.services.cloudtrail.records import Delivery, Trail
from gureum.services.cloudtrail.rules import wrong_name


def home_of(ctx: Context, named: str) -> tuple[str, str]:
    """The home region and name of a trail by name or ARN.

    Faults: CloudTrailARNInvalidException, InvalidTrailNameException; TrailNotFoundException for other accounts'.
    """
    if not named.startswith("arn:"):
        if problem := wrong_name(named):
            raise Fault("InvalidTrailNameException", problem)
        return ctx.region, named
    place = kind_of(Trail).parse(named)
    if place is None:
        raise Fault(
            "CloudTrailARNInvalidException",
            "The trail ARN is not valid. The following is the format of a trail ARN: "
            "arn:aws:cloudtrail:us-east-2:123456789012:trail/MyTrail",
        )
    if place.account != ctx.account:
        raise unknown(named, ctx.account)
    return place.region, place.key


def unknown(arn: str, account: str) -> Fault:
    return Fault("TrailNotFoundException", f"Unknown trail: {arn} for the user: {account}")


def need(ctx: Context, named: str) -> tuple[Table[Trail], Trail]:
    """A trail and the table it lies in. Faults: as `home_of`, and TrailNotFoundException."""
    region, name = home_of(ctx, named)
    table = ctx.table(Trail, region=region)
    found = table.get(name)
    if found is None:
        raise unknown(kind_of(Trail).arn(ctx.account, region, {"name": name}), ctx.account)
    return table, found


def delivery_of(ctx: Context, region: str, name: str) -> Delivery:
    """How far a trail is; a trail that never logged has delivered nothing."""
    return ctx.table(Delivery, region=region).get(name) or Delivery(name=name)


def all_of(ctx: Context) -> Iterator[tuple[str, Trail]]:
    """Every trail of the account, with its home region."""
    for row in rows_everywhere(ctx.home.store, kind_of(Trail)):
        if row.key[1] == ctx.account and isinstance(row.record, Trail):
            yield row.key[2], row.record
