"""When keys, users and roles were last used: read from the trail when somebody asks.

Nothing is counted while calls come in. Whoever asks reads on from where the last one stopped.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKeyLastUsed.html
"""

from __future__ import annotations

from itertools import islice
from typing import Any

from gureum.kernel.context import Context
from gureum.kernel.events import Called
from gureum.kernel.listening import Calls
from gureum.kernel.operations import OPERATIONS
from gureum.services.iam.records import Role
from gureum.services.iam.usage.records import TrailRead, Used

_BATCH = 500
SEPARATOR = "|"


def catch_up(ctx: Context) -> None:
    """Bring what is known of usage up to now."""
    calls, newest = ctx.part(Calls), dict[tuple[str, str], Used]()
    for log, management in (("management", True), ("data", False)):
        read = ctx.table(TrailRead).get(log) or TrailRead(log=log, position=0)
        position = read.position
        while batch := _batch(ctx, calls, management, position):
            for _, called in batch:
                for used in _uses(called):
                    newest[called.account, used.what] = used
            position = batch[-1][0]
        if position != read.position:
            ctx.table(TrailRead).put(TrailRead(log=log, position=position))
    for (account, _), used in newest.items():
        table = ctx.table(Used, account=account)
        before = table.get(used.what)
        if before is None or before.at < used.at:
            table.put(used)


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
    """A role's RoleLastUsed: empty where it was never used."""
    catch_up(ctx)
    used = of(ctx, ctx.arn(role))
    return {"LastUsedDate": used.at, "Region": used.region} if used is not None else {}


def password_used(ctx: Context, user: str) -> float | None:
    """When a user last signed in with the password, or None."""
    used = of(ctx, f"password/{user}")
    return used.at if used is not None else None


def signed_in(ctx: Context, user: str) -> None:
    """Note that a user has signed in with the password."""
    ctx.table(Used).put(Used(what=f"password/{user}", at=ctx.now, region="", service="signin"))
