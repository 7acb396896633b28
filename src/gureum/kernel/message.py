"""What passes between the HTTP seam and the rest of the front door: one request, one response."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from gureum.gateway.body import Spool


class Body(Protocol):
    """A request body too large to keep in memory: its bytes lie in a file until the request ends.

    `size` is in bytes. `path` names the file; whoever wants to keep the bytes renames it away, otherwise the
    server removes it once the answer is sent.
    """

    size: int
    path: Path

    def read(self) -> bytes: ...


class FilePart:
    """A stretch of a file as a response body: streamed from disk, never whole in memory."""

    __slots__ = ("offset", "path", "size")

    def __init__(self, path: Path, offset: int, size: int) -> None:
        self.path, self.offset, self.size = path, offset, size


class Request:
    """One HTTP request after framing. Header names are lower case; path and query are still percent-encoded."""

    __slots__ = ("body", "headers", "method", "path", "peer", "query", "secure", "signed_path", "spool")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        body: bytes | Body = b"",
        peer: str = "127.0.0.1",
        secure: bool = False,
    ) -> None:
        self.method, self.path, self.query, self.headers = method, path, query, headers
        self.signed_path = path  # as the client sent and signed it; `path` may be rewritten
        self.body, self.peer, self.secure = body, peer, secure
        self.spool: Spool | None = (
            None  # how the body came in: its hash, its chunks' signatures, its trailers
        )


class Response:
    """One HTTP response. `Content-Length` (or chunked framing for an iterator) is the HTTP seam's to add."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self,
        status: int,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes | FilePart | AsyncIterator[bytes] = b"",
    ) -> None:
        self.status, self.headers, self.body = status, list(headers), body
