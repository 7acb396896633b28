"""The port through which services read small documents from other web servers."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol


class Unreachable(Exception):
    """The server does not answer, or not with a document; the text says why."""


class Fingerprint(NamedTuple):
    """How the driver is: `reason` and `remedy` are for people."""

    driver: str
    state: Literal["healthy", "degraded", "absent"]
    version: str = ""
    reason: str = ""
    remedy: str = ""


class Web(Protocol):
    """Reads documents. Blocking: for handlers in threads."""

    def get(self, url: str, *, most_bytes: int = 262_144, within_seconds: float = 5.0) -> bytes:
        """The document at an http or https URL. Redirects are not followed. Raises Unreachable."""

    def fingerprint(self) -> Fingerprint: ...

    def close(self) -> None: ...
