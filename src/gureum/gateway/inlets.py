"""Inlets: what runs inside an engine reaches the cloud through sockets of ours in its own network namespace.

On an inlet of purpose "api" the front door answers, as it does outside. Any other purpose gives small read-only
documents of the service that started the thing (see `kernel.workloads`). Nobody else can reach these sockets, so
who asks is known by where the request arrives.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

from gureum.gateway.http import Answer, Connection, Handle, Server
from gureum.kernel.home import Home
from gureum.kernel.message import Request, Response
from gureum.kernel.registry import Registry
from gureum.kernel.workloads import WORKLOADS, owner

if TYPE_CHECKING:
    from gureum.engines.containers.port import Door

log = logging.getLogger("gureum.inlets")

API = "api"


class Inlets:
    """Serves the doors that drivers open. Made on the event loop."""

    def __init__(self, home: Home, registry: Registry, api: Handle, spool: Path) -> None:
        self._home, self._registry, self._api = home, registry, api
        self._server = Server(api, spool, None)

    def serve(self, door: Door) -> Callable[[], None]:
        """Begin to serve a door; what it returns stops it. From any thread."""
        handle = self._api if door.inlet.purpose == API else self._documents(door.task)
        serving = asyncio.run_coroutine_threadsafe(
            self._home.loop.create_server(lambda: Connection(self._server, handle), sock=door.socket),
            self._home.loop,
        )

        def stop() -> None:
            def close() -> None:
                if serving.done() and not serving.cancelled() and serving.exception() is None:
                    serving.result().close()
                else:
                    serving.cancel()
                    door.socket.close()

            if not self._home.loop.is_closed():
                self._home.loop.call_soon_threadsafe(close)

        return stop

    def close(self) -> None:
        """Cut all connections."""
        self._server.close()

    def _documents(self, name: str) -> Handle:
        def handle(request: Request, answer: Answer) -> None:
            future = self._home.pool.submit(self._answer, name, request)
            future.add_done_callback(
                lambda done: self._home.loop.call_soon_threadsafe(answer, _outcome(name, done))
            )

        return handle

    def _answer(self, name: str, request: Request) -> Response:
        service = owner(name)
        if not self._registry.has(service) or service not in WORKLOADS:
            return Response(404)
        return WORKLOADS[service].answer(self._home, name, request)


def _outcome(name: str, done: Future[Response]) -> Response:
    if done.cancelled():
        return Response(503)
    if (error := done.exception()) is not None:
        log.error("a document for %s broke", name, exc_info=error)
        return Response(500)
    return done.result()
