"""What services have running in engines, as those see it who recover it and who answer it from inside.

A service names what it starts in an engine after itself (`ecs/account/region/cluster/id`), so the name leads back
to the service: to ask whether it still knows the thing after a restart, and to answer the thing's own requests for
small read-only documents (task metadata, credentials).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gureum.kernel.home import Home
from gureum.kernel.message import Request, Response


class Workload(NamedTuple):
    """A service's two answers about a thing that runs, by its engine name.

    `known(home, name)` says whether a record stands behind it; `answer(home, name, request)` gives the document that
    it asks for. Both run in threads. The name is proven: it comes from where the request arrived, not from it.
    """

    known: Callable[[Home, str], bool]
    answer: Callable[[Home, str, Request], Response]


WORKLOADS: dict[str, Workload] = {}


def register(service: str, workload: Workload) -> None:
    """Let a service answer for all engine names that begin with its own."""
    WORKLOADS[service] = workload


def owner(name: str) -> str:
    """The service that an engine name belongs to."""
    return name.partition("/")[0]
