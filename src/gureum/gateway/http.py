"""The HTTP seam: bytes to requests, responses to bytes. An asyncio.Protocol on httptools; nothing here knows AWS.

It owns the limits: size of headers and bodies, time for a request to come in, idle connections, how much waits in
memory for a slow reader.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import httptools

from gureum.gateway.body import FileBody, Spool
from gureum.gateway.tunnel import HANDSHAKE, Tunnel
from gureum.kernel.faults import Fault
from gureum.kernel.message import FilePart, Request, Response

log = logging.getLogger("gureum.http")

MOST_HEADER_BYTES = 64 * 1024
MOST_BODY_BYTES = 5 * 1024**3 + 64 * 1024**2
HEAD_SECONDS = 20.0
STALLED_SECONDS = 60.0
IDLE_SECONDS = 75.0
_PIECE = 256 * 1024

Answer = Callable[[Response], None]
Handle = Callable[[Request, Answer], None]
"""Takes a request and answers it once, now or later, on the event loop."""

_REASONS = {
    200: b"OK",
    204: b"No Content",
    206: b"Partial Content",
    304: b"Not Modified",
    400: b"Bad Request",
}
_REASONS |= {403: b"Forbidden", 404: b"Not Found", 500: b"Internal Server Error", 503: b"Service Unavailable"}
_HEADS = {status: b"HTTP/1.1 %d %s\r\n" % (status, reason) for status, reason in _REASONS.items()}


class Server:
    """What all connections share: the handler, the folder for large bodies, TLS, the date line."""

    def __init__(self, handle: Handle, spool_folder: Path, tls: Callable[[], ssl.SSLContext] | None) -> None:
        self.handle = handle
        self.spool_folder = spool_folder
        self._make_tls = tls
        self._tls: ssl.SSLContext | None = None
        self.connections: set[Connection] = set()
        self.date_line = b""
        self.loop = asyncio.get_running_loop()
        self._sweep()

    def tls(self) -> ssl.SSLContext | None:
        if self._tls is None and self._make_tls is not None:
            self._tls = self._make_tls()
        return self._tls

    def _sweep(self) -> None:
        """Once a second: the date, and connections that have taken too long."""
        self.date_line = b"Date: " + formatdate(usegmt=True).encode() + b"\r\n"
        now = self.loop.time()
        for connection in [c for c in self.connections if 0 < c.deadline < now]:
            connection.expire()
        self._timer = self.loop.call_later(1.0, self._sweep)

    def close(self) -> None:
        self._timer.cancel()
        for connection in list(self.connections):
            connection.abort()


class Connection(asyncio.Protocol):
    """One client. Requests on it are answered one after the other, by `handle` (default: the server's)."""

    def __init__(self, server: Server, handle: Handle | None = None) -> None:
        self.server = server
        self._handle = handle or server.handle
        self.deadline = 0.0
        self._transport: asyncio.Transport = None  # type: ignore[assignment]
        self._tunnel: Tunnel | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._peer = ""
        self._secure = False
        self._first = True
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._busy = False
        self._closing = False
        self._resumed: asyncio.Event | None = None
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_bytes = 0
        self._spool: Spool | None = None
        self._body: bytes | None = b""

    # --- asyncio's side
    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) and peer else "127.0.0.1"
        self.deadline = self.server.loop.time() + HEAD_SECONDS
        self.server.connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        self._closing = True
        self.server.connections.discard(self)
        if self._spool is not None:
            self._spool.abandon()
        for request, _ in self._waiting:
            _close_body(request)
        if self._resumed is not None:
            self._resumed.set()

    def data_received(self, data: bytes) -> None:
        if self._first:
            self._first = False
            if data[0] == HANDSHAKE and (settings := self.server.tls()) is not None:
                self._tunnel = Tunnel(settings, self._transport.write)
                self._secure = True
        try:
            if self._tunnel is not None:
                data = self._tunnel.feed(data)
                if not data:
                    return
            self._parser.feed_data(data)
        except ssl.SSLError:
            self.abort()
        except httptools.HttpParserUpgrade:
            self._refuse(400, b"This server upgrades no protocol here.")
        except httptools.HttpParserError as error:
            self._refuse_cause(error)

    def pause_writing(self) -> None:
        self._resumed = asyncio.Event()

    def resume_writing(self) -> None:
        if self._resumed is not None:
            self._resumed.set()
            self._resumed = None

    # --- httptools' side
    def on_message_begin(self) -> None:
        self._reset()

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._header_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_bytes += len(name) + len(value)
        if self._header_bytes > MOST_HEADER_BYTES:
            raise _Refused(431, b"Request header fields too large.")
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key in self._headers:
            if key in {"host", "authorization", "content-length", "x-amz-date", "x-amz-security-token"}:
                raise _Refused(400, b"A header that may stand once stands twice.")
            text = f"{self._headers[key]},{text}"
        self._headers[key] = text

    def on_headers_complete(self) -> None:
        headers = self._headers
        length = headers.get("content-length")
        if length is not None and int(length) > MOST_BODY_BYTES:
            raise _Refused(413, b"The request body is too large.")
        chunked = headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
        if chunked or "transfer-encoding" in headers or (length is not None and int(length) > 0):
            self._spool = Spool(self.server.spool_folder, aws_chunked=chunked)
        if headers.get("expect", "").lower() == "100-continue":
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.deadline = self.server.loop.time() + STALLED_SECONDS

    def on_body(self, data: bytes) -> None:
        spool = self._spool
        assert spool is not None
        self.deadline = self.server.loop.time() + STALLED_SECONDS
        if spool.size + len(data) > MOST_BODY_BYTES:
            raise _Refused(413, b"The request body is too large.")
        try:
            spool.feed(data)
        except Fault as fault:
            raise _Refused(400, f"{fault.code}: {fault.message}".encode()) from fault
        except OSError as error:
            raise _Refused(507, f"The request body cannot be kept: {error.strerror}".encode()) from error

    def on_message_complete(self) -> None:
        try:
            body: bytes | FileBody = self._spool.finish() if self._spool is not None else b""
        except Fault as fault:
            raise _Refused(400, f"{fault.code}: {fault.message}".encode()) from fault
        url = self._url.decode("latin-1")
        if not url.startswith("/"):
            url = "/" + url.partition("://")[2].partition("/")[2]
        path, _, query = url.partition("?")
        request = Request(
            self._parser.get_method().decode("ascii"),
            path,
            query,
            self._headers,
            body,
            self._peer,
            self._secure,
        )
        request.spool = self._spool
        self._spool = None
        self.deadline = 0.0
        keep = self._parser.should_keep_alive()
        if self._busy:
            self._waiting.append((request, keep))
            if len(self._waiting) > 64:
                self._transport.pause_reading()
        else:
            self._begin(request, keep)

    # --- answering
    def _begin(self, request: Request, keep: bool) -> None:
        self._busy = True
        self._handle(request, lambda response: self._answer(request, response, keep))

    def _answer(self, request: Request, response: Response, keep: bool) -> None:
        if self._closing or self._transport.is_closing():
            _close_body(request)
            return
        body = response.body
        if isinstance(body, bytes):
            self._send(
                self._head(request, response, keep, len(body)) + (b"" if request.method == "HEAD" else body)
            )
            self._done(request, keep)
            return
        task = self.server.loop.create_task(self._stream(request, response, keep))
        task.add_done_callback(self._streamed)

    def _head(self, request: Request, response: Response, keep: bool, length: int | None) -> bytes:
        status = response.status
        lines = [_HEADS.get(status) or b"HTTP/1.1 %d Status\r\n" % status]
        sized = False
        for name, value in response.headers:
            if name == "Content-Length":
                sized = True
            lines.append(f"{name}: {value}\r\n".encode("latin-1", "replace"))
        if length is None:
            if not sized:
                lines.append(b"Transfer-Encoding: chunked\r\n")
        elif not sized and status not in {204, 304}:
            lines.append(b"Content-Length: %d\r\n" % length)
        lines.append(self.server.date_line)
        lines.append(b"Server: Gureum\r\n" if keep else b"Server: Gureum\r\nConnection: close\r\n")
        lines.append(b"\r\n")
        return b"".join(lines)

    async def _stream(self, request: Request, response: Response, keep: bool) -> None:
        body = response.body
        if isinstance(body, FilePart):
            self._send(self._head(request, response, keep, body.size))
            if request.method != "HEAD":
                await self._send_file(body)
        else:
            assert not isinstance(body, bytes)
            self._send(self._head(request, response, keep, None))
            if any(name == "Content-Length" for name, _ in response.headers):
                await self._send_sized(body)
            else:
                await self._send_pieces(body)
        self._done(request, keep)

    async def _send_file(self, part: FilePart) -> None:
        fd = os.open(part.path, os.O_RDONLY)
        try:
            offset, left = part.offset, part.size
            while left:
                piece = os.pread(fd, min(_PIECE, left), offset)
                if not piece:
                    raise ConnectionAbortedError("a file ended before its part did")
                self._send(piece)
                offset += len(piece)
                left -= len(piece)
                await self._drained()
        finally:
            os.close(fd)

    async def _send_pieces(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            if piece:
                self._send(b"%x\r\n%b\r\n" % (len(piece), piece))
                await self._drained()
        self._send(b"0\r\n\r\n")

    async def _send_sized(self, pieces: AsyncIterator[bytes]) -> None:
        async for piece in pieces:
            self._send(piece)
            await self._drained()

    async def _drained(self) -> None:
        if self._closing or self._transport.is_closing():
            raise ConnectionAbortedError
        if self._resumed is not None:
            self.deadline = self.server.loop.time() + STALLED_SECONDS
            await self._resumed.wait()
            self.deadline = 0.0

    def _streamed(self, task: asyncio.Task[None]) -> None:
        # A stream that broke can only be cut: the client sees that it is not whole.
        if task.cancelled() or (error := task.exception()) is None:
            return
        if not isinstance(error, ConnectionError):
            log.error("a response broke off", exc_info=error)
        self.abort()

    def _done(self, request: Request, keep: bool) -> None:
        _close_body(request)
        self._busy = False
        if not keep:
            self._closing = True
            self._transport.close()
            return
        self.deadline = self.server.loop.time() + IDLE_SECONDS
        if self._waiting:
            following = self._waiting.popleft()
            if not self._waiting:
                self._transport.resume_reading()
            self.server.loop.call_soon(self._begin, *following)
            self._busy = True

    def _send(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.send(data)
        else:
            self._transport.write(data)

    # --- refusing
    def expire(self) -> None:
        """Too slow: say so to one who is sending, and close."""
        if self._spool is not None or self._url:
            self._refuse(408, b"The request took too long to arrive.")
        else:
            self.abort()

    def abort(self) -> None:
        self._closing = True
        self._transport.abort()

    def _refuse_cause(self, error: Exception) -> None:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, _Refused):
            cause = cause.__context__ or cause.__cause__
        if cause is None:
            self._refuse(400, b"This is not HTTP as this server understands it.")
        else:
            self._refuse(cause.status, cause.text)

    def _refuse(self, status: int, text: bytes) -> None:
        if not self._transport.is_closing():
            head = b"HTTP/1.1 %d Refused\r\nContent-Type: text/plain\r\nConnection: close\r\n" % status
            self._send(head + b"Content-Length: %d\r\n\r\n" % len(text) + text)
            self._transport.close()
        self._closing = True


class _Refused(Exception):
    """A request that is not taken any further; raised inside the parser's callbacks."""

    def __init__(self, status: int, text: bytes) -> None:
        super().__init__(status)
        self.status, self.text = status, text


def _close_body(request: Request) -> None:
    if isinstance(request.body, FileBody):
        request.body.close()
