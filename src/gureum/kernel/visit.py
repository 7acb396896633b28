"""Requests that are no modelled operation, which a service answers by itself: preflights, forms, web pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from gureum.kernel.home import Home
from gureum.kernel.message import Request, Response
from gureum.kernel.principal import Principal


class SignedText(NamedTuple):
    """A signature that a body carries: over `text`, by `credential` (`key/date/region/service/aws4_request`)."""

    credential: str
    text: bytes
    signature: str
    token: str


class Visit(NamedTuple):
    """One such request, and the ways in: `call(operation, params, principal)` goes through the front door as one
    of the service's operations; `prove(signed)` tells who signed. Both raise faults. `id` is the request's id.
    """

    home: Home
    request: Request
    id: str
    call: Callable[[str, dict[str, Any], Principal], Awaitable[dict[str, Any]]]
    prove: Callable[[SignedText], Principal]


Take = Callable[[Visit], Awaitable[Response]]
Outside = Callable[[Request], Take | None]
"""Says whether a request is no modelled operation, and gives what answers it."""
Dress = Callable[[Home, Request, Response], None]
"""Adds to an answer on its way out (CORS)."""
