"""Brings events into the buckets of trails: within seconds, at least once, in gzip files.

A trail's record of delivery holds positions in the logs of calls. A step reads on from there, writes what the
trail wants, and only then moves the positions: a crash repeats the file, and loses nothing.

Calls by which files are delivered are events too. They go into the next file, but are no reason to write one:
so delivery does not feed itself.
"""

from __future__ import annotations

import gzip
import secrets
import string
import time
from collections.abc import Sequence
from itertools import islice

import msgspec
from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.events import Called, listener
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.listening import Calls
from gureum.kernel.reconcile import Again, reconciler
from gureum.kernel.records import kind_of
from gureum.kernel.store import rows_everywhere
from gureum.services.cloudtrail import destination
from gureum.services.cloudtrail.digest import close_all, list_file
from gureum.services.cloudtrail.event import event_of, region_of
from gureum.services.cloudtrail.operations import ops
from gureum.services.cloudtrail.records import Delivery, Trail
from gureum.services.cloudtrail.rules import GLOBAL_SERVICES
from gureum.services.cloudtrail.selecting import compiled

_GATHER_SECONDS = 1.0
_RETRY_SECONDS = 5.0
_LAST_SECONDS = 1.0  # within which the call that stopped a trail is on record
_BATCH = 500
_LETTERS = string.ascii_letters + string.digits


class Awake:
    """Deliveries that are already due: until when, by account, region and name."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._until: dict[tuple[str, ...], float] = {}
        self._generation = -1
        self._trails = False

    def any_trail(self) -> bool:
        """Whether there is a trail at all; looked up anew when one was made or changed."""
        generation = self._home.store.generation("cloudtrail")
        if generation != self._generation:
            self._generation = generation
            self._trails = any(True for _ in rows_everywhere(self._home.store, kind_of(Trail)))
        return self._trails

    def rouse(self, key: tuple[str, ...], now: float, until: float) -> bool:
        """Whether this is news."""
        if now < self._until.get(key, 0.0):
            return False
        self._until[key] = until
        return True

    def clear(self) -> None:
        self._until.clear()
        self._generation = -1

    def close(self) -> None: ...


def _any_trail(home: Home) -> bool:
    return home.part(Awake).any_trail()


@listener("called", wanted=_any_trail)
def gather(ctx: Context, events: Sequence[Called]) -> None:
    """Make the trails due that may want these events."""
    wanted = [called for called in events if not _own(called)]
    if not wanted:
        return
    accounts = {a for called in wanted for a in (called.account, called.owner) if a}
    regions = {region_of(called) for called in wanted}
    awake, of = ctx.part(Awake), kind_of(Delivery)
    for row in rows_everywhere(ctx.home.store, kind_of(Trail)):
        _, account, region, name = row.key
        trail = row.record
        if account not in accounts or not isinstance(trail, Trail):
            continue
        if not (trail.multi_region or region in regions):
            continue
        key = (of.name, account, region, name)
        found = ctx.home.store.read(of, key)  # not through a table: no reason to conflict with a delivery
        until = ctx.now + _GATHER_SECONDS
        if found is not None and awake.rouse(key, ctx.now, until):
            ctx.work.due[key] = (until, 0)


@reconciler(Delivery)
def deliver(ctx: Context, delivery: Delivery) -> Again[Delivery] | Delivery | None:
    """One batch of each log."""
    trail = ctx.table(Trail).get(delivery.name)
    if trail is None:
        return None
    if delivery.drained:
        return delivery
    calls = ctx.part(Calls)
    taken: list[Called] = []
    ends: dict[bool, int] = {}
    more = False
    for management, after in ((True, delivery.management), (False, delivery.data)):
        batch = ctx.home.on_loop(_read, calls, management, after)
        ends[management] = batch[-1][0] if batch else after
        taken += [called for _, called in batch]
        more = more or len(batch) == _BATCH
    wanted = _wanted(ctx, trail, delivery, taken)
    if not more and wanted and all(_own(called) for called in wanted):
        wanted = []
        moved = delivery
    else:
        moved = replace(delivery, management=ends[True], data=ends[False])
    if wanted:
        attempt = ctx.now
        try:
            _write(ctx, trail, delivery, wanted)
        except Fault as fault:
            return Again(replace(delivery, attempted=attempt, error=fault.code), after=_RETRY_SECONDS)
        moved = replace(moved, attempted=attempt, delivered=attempt, error="")
    if more:
        return Again(moved, after=0.0)
    if delivery.logging:
        return moved
    if ctx.now < delivery.stopped + _LAST_SECONDS:
        return Again(moved, after=_LAST_SECONDS)
    close_all(ctx, trail.name)
    return replace(moved, drained=True)


def _read(calls: Calls, management: bool, after: int) -> list[tuple[int, Called]]:
    return list(islice(calls.read(management=management, after=after), _BATCH))


def _own(called: Called) -> bool:
    """Whether this is a call by which CloudTrail, for whichever trail, delivers."""
    return called.identity.get("invokedBy") == ops.principal


def _wanted(ctx: Context, trail: Trail, delivery: Delivery, calls: Sequence[Called]) -> list[Called]:
    select = compiled(trail.selectors, trail.advanced)

    def wants(called: Called) -> bool:
        if ctx.account not in (called.account, called.owner):
            return False
        if not trail.multi_region and region_of(called) != ctx.region:
            return False
        if not trail.global_events and called.service in GLOBAL_SERVICES:
            return False
        if not trail.recursive and _own(called):
            return False
        return _while_logging(delivery, called) and select(called)

    return [called for called in calls if wants(called)]


def _while_logging(delivery: Delivery, called: Called) -> bool:
    """Whether the trail was on. The calls that start and stop it are recorded after what they did."""
    if delivery.logging:
        return called.at >= delivery.started or called.at <= delivery.stopped
    return called.at <= delivery.stopped + _LAST_SECONDS and (
        called.at <= delivery.stopped or called.operation == "StopLogging"
    )


def _write(ctx: Context, trail: Trail, delivery: Delivery, calls: Sequence[Called]) -> None:
    """One file for each region."""
    by_region: dict[str, list[Called]] = {}
    for called in sorted(calls, key=lambda c: c.at):
        by_region.setdefault(region_of(called), []).append(called)
    arn = ctx.table(Trail).arn(trail)
    for region, group in by_region.items():
        records = [event_of(called, ctx.account) for called in group]
        plain, key = msgspec.json.encode({"Records": records}), _key(ctx, trail, region)
        destination.put(ctx, arn, trail.bucket, key, gzip.compress(plain, 6))
        if trail.validated:
            list_file(ctx, trail, delivery, region, key, plain, group)


def _key(ctx: Context, trail: Trail, region: str) -> str:
    """https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html"""
    at = time.gmtime(ctx.now)
    unique = "".join(secrets.choice(_LETTERS) for _ in range(16))
    return (
        f"{destination.folder(trail.prefix, ctx.account)}/{region}/{time.strftime('%Y/%m/%d', at)}/"
        f"{ctx.account}_CloudTrail_{region}_{time.strftime('%Y%m%dT%H%MZ', at)}_{unique}.json.gz"
    )
