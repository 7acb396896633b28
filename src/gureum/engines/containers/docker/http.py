"""Docker's HTTP API on a unix socket, with nothing but the standard library.

The `docker` SDK would do most of it, at 150 ms of imports, and loses output that arrives together with the answer
to an exec (its buffered reader keeps it): so exec needs the bare socket anyway.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from typing import IO, Any
from urllib.parse import quote, urlencode

import msgspec

_decode = msgspec.json.decode
_encode = msgspec.json.encode


class Refused(Exception):
    """The engine answered with an error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Unreachable(OSError):
    """Nobody answers at the socket, or the answer breaks off."""


class _Connection(http.client.HTTPConnection):
    def __init__(self, line: socket.socket) -> None:
        super().__init__("engine")
        self.sock = line


class Api:
    """One engine. Each call has a connection of its own (30 µs on a unix socket), so threads need no care.

    Every method raises `Unreachable` when the engine does not answer and `Refused` when it says no.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.prefix = ""
        self.revive: Callable[[], None] | None = None
        """Called when nobody listens at the socket, before one more try: nothing has been sent by then."""

    def negotiate(self) -> dict[str, Any]:
        """Ask for the engine's version and speak its API version from here on; returns /version."""
        version: dict[str, Any] = self.call("GET", "/version", timeout=5)
        self.prefix = f"/v{version['ApiVersion']}"
        return version

    def call(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        *,
        timeout: float = 120,
        headers: dict[str, str] | None = None,
        raw: bool = False,
    ) -> Any:
        """The decoded answer: one JSON value, a list of them when there are several, bytes when `raw`.

        `path` may carry an API version of its own.
        """
        connection, response = self._send(method, path, query, body, timeout, headers)
        try:
            try:
                data = response.read()
            except (http.client.HTTPException, OSError) as error:
                raise Unreachable(f"{self.path}: {error}") from error
            if raw or not data.strip():
                return data
            try:
                return _decode(data)  # whatever its Content-Type: Podman often names none
            except msgspec.DecodeError:  # a stream of objects (load, pull), or plain words
                try:
                    return [_decode(line) for line in data.splitlines() if line.strip()]
                except msgspec.DecodeError:
                    return data
        finally:
            connection.close()

    def lines(self, path: str, query: dict[str, Any]) -> tuple[socket.socket, Iterator[Any]]:
        """An endless answer of one JSON object a line; shut the socket down to end it."""
        connection, response = self._send("GET", path, query, None, None, None)

        def decoded() -> Iterator[Any]:
            with response:
                while line := response.readline():
                    if line.strip():
                        yield _decode(line)
            connection.close()

        return connection.sock, decoded()

    def hijack(self, path: str, body: Any) -> tuple[socket.socket, bytes]:
        """Turn a request into a two-way stream; returns the socket and what has arrived already."""
        data = _encode(body)
        head = (
            f"POST {self.prefix}{path} HTTP/1.1\r\nHost: engine\r\nContent-Type: application/json\r\n"
            f"Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: {len(data)}\r\n\r\n"
        )
        line = self._connect(60, revive=True)
        received = b""
        try:
            line.sendall(head.encode() + data)
            while b"\r\n\r\n" not in received:
                if not (chunk := line.recv(65536)):
                    raise OSError("the engine closed the connection")
                received += chunk
        except OSError as error:
            line.close()
            raise Unreachable(f"{self.path}: {error}") from error
        header, _, rest = received.partition(b"\r\n\r\n")
        status = int(header.split(b" ", 2)[1])
        if status not in (101, 200):
            line.close()
            raise Refused(status, _message(rest))
        line.settimeout(None)
        return line, rest

    def _connect(self, timeout: float | None, *, revive: bool) -> socket.socket:
        line = socket.socket(socket.AF_UNIX)
        line.settimeout(timeout)
        try:
            line.connect(self.path)
        except OSError as error:
            line.close()
            if not revive or self.revive is None:
                raise Unreachable(f"{self.path}: {error}") from error
            try:
                self.revive()
            except OSError as failed:
                raise Unreachable(str(failed)) from failed
            return self._connect(timeout, revive=False)
        return line

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, Any] | None,
        body: Any,
        timeout: float | None,
        headers: dict[str, str] | None,
    ) -> tuple[_Connection, http.client.HTTPResponse]:
        target = path if path.startswith("/v") and path[2:3].isdigit() else self.prefix + path
        if query:
            plain = {
                key: value if isinstance(value, str) else _encode(value).decode()
                for key, value in query.items()
            }
            target += "?" + urlencode(plain)
        sent: bytes | IO[bytes] | None = body
        send_headers = dict(headers or {})
        if body is not None and not hasattr(body, "read"):
            sent = _encode(body)
            send_headers["Content-Type"] = "application/json"
        # The endless answer is the event feed's: that waits for the engine rather than bringing it back.
        connection = _Connection(self._connect(timeout, revive=timeout is not None))
        try:
            connection.request(method, target, sent, send_headers)
            response = connection.getresponse()
            if response.status >= 400:
                raise Refused(response.status, _message(response.read()))
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            raise Unreachable(f"{self.path}: {error}") from error
        except BaseException:
            connection.close()
            raise
        return connection, response


def escaped(name: str) -> str:
    """A name as one piece of a URL's path; an image reference keeps its slashes."""
    return quote(name, safe="/:@")


def _message(body: bytes) -> str:
    try:
        answer = _decode(body)
    except msgspec.DecodeError:
        return body.decode("utf-8", "replace").strip()
    if isinstance(answer, dict):
        return str(answer.get("message") or answer.get("cause") or answer)
    return str(answer)
