"""What an operator can choose when starting Gureum, checked once, before anything is touched."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

Auth = Literal["enforced", "open"]
Durability = Literal["write", "fsync"]

PORT = 4566
HOST = "127.0.0.1"
REGION = "us-east-1"


class BadOption(ValueError):
    """An option that cannot be meant; its text tells the operator what to write instead."""


def data_directory() -> Path:
    """Where state lives unless `--data` says otherwise: `$GUREUM_DATA`, else the XDG data directory."""
    if chosen := os.environ.get("GUREUM_DATA"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "gureum"


def is_loopback(host: str) -> bool:
    """True when only this machine can reach `host`: an address in 127.0.0.0/8, ::1, or `localhost`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, kw_only=True)
class Options:
    """How to serve.

    `port` 0 lets the system choose (the server writes what it got into `server.json`). `durability` "write"
    survives a killed process, "fsync" survives power loss too. `services` None means all. `store` is a
    `postgresql://` URL, or None for SQLite inside `data`. `log_file` None logs to standard error.
    `i_know` permits what is refused for safety otherwise: no authentication on an address others can reach.
    """

    port: int = PORT
    host: str = HOST
    data: Path = field(default_factory=data_directory)
    auth: Auth = "enforced"
    durability: Durability = "fsync"
    services: tuple[str, ...] | None = None
    i_know: bool = False
    store: str | None = None
    log_file: Path | None = None

    def __post_init__(self) -> None:
        """Raises BadOption."""
        if not 0 <= self.port <= 65535:
            raise BadOption(f"--port {self.port}: a port is a number from 0 to 65535")
        if self.auth not in get_args(Auth):
            raise BadOption(f"--auth {self.auth}: choose enforced or open")
        if self.durability not in get_args(Durability):
            raise BadOption(f"--durability {self.durability}: choose write or fsync")
        if self.store is not None and not self.store.startswith(("postgresql://", "postgres://")):
            raise BadOption("--store: a postgresql:// URL; leave it out to keep records in SQLite")
        if self.services is not None and not all(self.services):
            raise BadOption("--services: names separated by commas, for example sqs,s3")
        if self.auth == "open" and not is_loopback(self.host) and not self.i_know:
            raise BadOption(
                f"--auth open on {self.host} lets anyone who reaches this machine do anything here.\n"
                "Leave out --auth open, or listen on 127.0.0.1; if you really want it, add --i-know."
            )
