"""The engine's bridges, one for each network that has tasks."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from ..names import short
from ..spec import Network
from . import bodies
from .engine import Engine
from .http import Refused


class EngineNetworks:
    """Those of one installation. Raises `Refused` and OSError as the engine's API does."""

    def __init__(self, engine: Engine, installation: str) -> None:
        self._engine, self._installation = engine, installation
        self._lock = threading.Lock()

    def ensure(self, network: Network) -> str:
        """The engine's name of this network, which is made when it is missing."""
        api = self._engine.api()
        name = f"gureum-{self._installation}-{short(network.name, 8)}"
        with self._lock:
            try:
                api.call("GET", f"/networks/{name}")
                return name
            except Refused as refused:
                if refused.status != 404:
                    raise
            body: dict[str, Any] = {
                "Name": name,
                "Driver": "bridge",
                "CheckDuplicate": True,
                "Internal": not network.egress,
                "Labels": {bodies.INSTALLATION: self._installation, bodies.NAME: network.name},
            }
            if network.cidr:
                body["IPAM"] = {"Config": [{"Subnet": network.cidr}]}
            if self._engine.podman:
                body["Options"] = {"isolate": "true"}  # as Docker's bridges are by themselves
            api.call("POST", "/networks/create", body=body)
        return name

    def remove_unused(self, name: str) -> None:
        """Remove a network of ours that nobody is left in."""
        if not name.startswith(f"gureum-{self._installation}-"):
            return
        api = self._engine.api()
        with self._lock:
            if not api.call("GET", "/containers/json", {"all": "true", "filters": {"network": [name]}}):
                with contextlib.suppress(Refused):  # somebody has come in between
                    api.call("DELETE", f"/networks/{name}")
