"""When keys, users and roles were last used: read from the trail when somebody asks.

Nothing is counted while calls come in. Whoever asks reads on from where the last one stopped.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html
"""

from __future__ import annotations

from contextlib import suppress
from itertools import islice
from typing import Any

from gureum.kernel.context import Context
from gureum.kernel.events import Called
from gureum.kernel.faults import Conflict
from gureum.kernel.listening import Calls
from gureum.kernel.operations import OPERATIONS
from gureum.kernel.records import kind_of
from gureum.kernel.store import Table, Work
from gureum.services.iam.records import Role
from gureum.services.iam.usage.records import TrailRead, Used

_BATCH = 500
GLANCE_SECONDS = 0.2  # for operations that are called often, and tell last use by the way
SEPARATOR = "|"


def catch_up(ctx: Context, within_seconds: float = 5.0) -> None:
    """Bring what is known of usage towards now, for at most so long; the next one to ask goes on from there.

    It is derived from the trail and no part of the caller's work: where another has read on at the same time,
    what that one found stands.
    """
    calls, work = ctx.part(Calls), Work("usage")
    store, until = ctx.home.store, ctx.home.clock.monotonic() + within_seconds
    reads = Table[TrailRead](store, work, kind_of(TrailRead), "", "")
    newest = dict[tuple[str, str], Used]()
    for log, management in (("management", True), ("data", False)):
        read = reads.get(log)
        start = position = read.position if read is not None else 0
        while batch := _batch(ctx, calls, management, position):
            for _, called in batch:
                for used in _uses(called):
                    newest[called.account, used.what] = used
            position = batch[-1][0]
            if ctx.home.clock.monotonic() > until:
                break
        if position != start:
            reads.put(TrailRead(log=log, position=position))
    for (account, _), used in newest.items():
        table = Table[Used](store, work, kind_of(Used), account, "")
        before = table.get(used.what)
        if before is None or before.at < used.at:
            table.put(used)
    if work:
        with suppress(Conflict):
            store.commit(work)


def _batch(ctx: Context, calls: Calls, management: bool, after: int) -> list[tuple[int, Called]]:
    """Some calls after a position; the log is the event loop's, so it is read there, in small portions."""

    def read() -> list[tuple[int, Called]]:
        return list(islice(calls.read(management=management, after=after), _BATCH))

    return ctx.home.on_loop(read)


def _uses(called: Called) -> list[Used]:
    who = called.identity
    found = []
    issuer = who.get("sessionContext", {}).get("sessionIssuer", {}).get("arn")
    key, arn = who.get("accessKeyId"), issuer or who.get("arn")
    if key and not key.startswith("ASIA"):
        found.append(_used(key, called))
    if arn:
        ops = OPERATIONS.get(called.service)
        namespace = ops.iam if ops is not None else called.service
        found.append(_used(arn, called))
        found.append(_used(f"{arn}{SEPARATOR}{namespace}", called))
        found.append(_used(f"{arn}{SEPARATOR}{namespace}:{called.operation}", called))
    return found


def _used(what: str, called: Called) -> Used:
    return Used(what=what, at=called.at, region=called.region, service=called.service)


def of(ctx: Context, what: str) -> Used | None:
    """The last use of a key or of an entity's ARN, as far as the trail has been read."""
    return ctx.table(Used).get(what)


def role_used(ctx: Context, role: Role) -> dict[str, Any]:
    """A role's RoleLastUsed, as far as the trail has been read: empty where it was never used."""
    used = of(ctx, ctx.arn(role))
    return {"LastUsedDate": used.at, "Region": used.region} if used is not None else {}


def password_used(ctx: Context, user: str) -> float | None:
    """When a user last signed in with the password, or None."""
    used = of(ctx, f"password/{user}")
    return used.at if used is not None else None


def signed_in(ctx: Context, user: str) -> None:
    """Note that a user has signed in with the password."""
    ctx.table(Used).put(Used(what=f"password/{user}", at=ctx.now, region="", service="signin"))
