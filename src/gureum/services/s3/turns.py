"""Work on large bodies: it runs in a thread, keeps its files once, and commits its records on its own."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from gureum.kernel.context import Context
from gureum.kernel.faults import Conflict, Fault
from gureum.services.s3.content import Files, Kept

T = TypeVar("T")
_MOST_TURNS = 20


async def in_thread(
    ctx: Context,
    prepare: Callable[[], T],
    step: Callable[[T], dict[str, Any]],
    kept: Callable[[T], Kept | None],
) -> dict[str, Any]:
    """Run `prepare` once and `step` with what it gave as a transaction, again where another commit came between.

    `kept` tells which files were made, to be removed where the step raises a fault.
    """
    return await ctx.home.loop.run_in_executor(ctx.home.pool, _work, ctx, prepare, step, kept)


def _work(
    ctx: Context,
    prepare: Callable[[], T],
    step: Callable[[T], dict[str, Any]],
    kept: Callable[[T], Kept | None],
) -> dict[str, Any]:
    ready = prepare()
    try:
        return transact(ctx, lambda: step(ready))
    except BaseException:
        if (made := kept(ready)) is not None:
            ctx.home.part(Files).remove([piece.id for piece in made.pieces])
        raise


def transact(ctx: Context, step: Callable[[], T]) -> T:
    """Run a step and commit what it wrote."""
    for _ in range(_MOST_TURNS):
        ctx.restart()
        told = len(ctx.response_headers)
        result = step()
        try:
            ctx.home.store.commit(ctx.work)
        except Conflict:
            del ctx.response_headers[told:]
            continue
        ctx.restart()
        return result
    raise Fault(
        "OperationAborted",
        "A conflicting conditional operation is currently in progress against this "
        "resource. Please try again.",
        status=409,
    )


Later = Coroutine[Any, Any, dict[str, Any]]
