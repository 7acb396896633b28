"""Which services this cloud has, imported when they are first needed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from gureum.kernel.operations import OPERATIONS, Operations


class Offered(NamedTuple):
    """A service that the composition root names. `wakes` says that it listens or reconciles from the start."""

    name: str
    wakes: bool = False

    @property
    def module(self) -> str:
        return f"gureum.services.{module_name(self.name)}"


class Registry:
    """The services on offer, by botocore's name."""

    def __init__(self, offered: Iterable[Offered]) -> None:
        self.offered: Mapping[str, Offered] = {service.name: service for service in offered}

    def get(self, name: str) -> Operations | None:
        """A service's operations, importing it if need be; None for one that is not on offer."""
        if name not in self.offered:
            return None
        found = OPERATIONS.get(name)
        if found is None or name not in _IMPORTED:
            importlib.import_module(self.offered[name].module)
            _IMPORTED.add(name)
            found = OPERATIONS[name]
        return found

    def has(self, name: str) -> bool:
        """Whether a service is on offer; it is then imported."""
        return self.get(name) is not None

    def wake(self) -> None:
        """Import the services that work without being called."""
        for service in self.offered.values():
            if service.wakes:
                self.get(service.name)


_IMPORTED: set[str] = set()


def module_name(service: str) -> str:
    """The package of a service: `lambda` → `lambda_`, `redshift-data` → `redshift_data`."""
    name = service.replace("-", "_")
    return f"{name}_" if name in {"lambda"} else name
