"""The cloud's own pages: health, metrics, reset. Not AWS calls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from gureum.gateway.authenticate import Authenticator
from gureum.gateway.call import Answer
from gureum.gateway.door import Door
from gureum.gateway.sigv4 import Unproven, claim
from gureum.kernel.message import Request, Response

PREFIX = "/_gureum/"
_JSON = [("Content-Type", "application/json")]


class Admin:
    """Answers `/_gureum/...`. `health` gives what the health page says, `engines` what each engine says of itself;
    `reset` empties the cloud.
    """

    def __init__(
        self,
        door: Door,
        authenticator: Authenticator,
        health: Callable[[], dict[str, Any]],
        engines: Callable[[], list[dict[str, Any]]],
        reset: Callable[[], None],
        *,
        open_to_all: bool,
    ) -> None:
        self._door, self._authenticator = door, authenticator
        self._health, self._engines, self._reset, self._open = health, engines, reset, open_to_all

    def take(self, request: Request, answer: Answer) -> bool:
        """Answer a request that is ours, and say whether it was."""
        if not request.path.startswith(PREFIX):
            return False
        page = (request.method, request.path[len(PREFIX) :])
        if page == ("GET", "health"):
            answer(Response(200, _JSON, msgspec.json.encode(self._health())))
        elif page == ("GET", "doctor"):
            self._door.home.pool.submit(self._take_doctor, answer)
        elif page == ("GET", "metrics"):
            text = self._door.metrics.text().encode()
            answer(Response(200, [("Content-Type", "text/plain; version=0.0.4")], text))
        elif page == ("POST", "reset"):
            answer(self._take_reset(request))
        else:
            answer(_refusal(404, "There is no such page."))
        return True

    def _take_doctor(self, answer: Answer) -> None:
        """Health with every engine looked at, which may take a second; in a thread."""
        told = {**self._health(), "engines": self._engines()}
        response = Response(200, _JSON, msgspec.json.encode(told))
        self._door.home.loop.call_soon_threadsafe(answer, response)

    def _take_reset(self, request: Request) -> Response:
        """Only root may, signed; where anybody is let in, anybody may."""
        try:
            found = claim(request)
            if found is None and not self._open:
                return _refusal(403, "Sign this request as root (service `gureum`).")
            session = self._authenticator.check(request, found, "gureum")
        except Unproven as unproven:
            return _refusal(403, unproven.text)
        if session.principal.kind != "root" and not self._open:
            return _refusal(403, "Only root may empty this cloud.")
        self._reset()
        return Response(200, _JSON, b"{}")


def _refusal(status: int, text: str) -> Response:
    return Response(status, _JSON, msgspec.json.encode({"message": text}))
