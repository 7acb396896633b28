"""TLS on the port that also speaks plain HTTP: a connection whose first byte opens a TLS record gets a tunnel."""

from __future__ import annotations

import ssl
from collections.abc import Callable

HANDSHAKE = 0x16  # the first byte of a TLS connection


class Tunnel:
    """One TLS connection over a plain transport: bytes in, bytes out."""

    __slots__ = ("_handshaken", "_in", "_out", "_tls", "_write")

    def __init__(self, settings: ssl.SSLContext, write: Callable[[bytes], None]) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = settings.wrap_bio(self._in, self._out, server_side=True)
        self._write = write
        self._handshaken = False

    def feed(self, data: bytes) -> bytes:
        """Take what came over the wire; give what it says. Raises ssl.SSLError for what is not TLS."""
        self._in.write(data)
        plain = []
        try:
            if not self._handshaken:
                self._tls.do_handshake()
                self._handshaken = True
            while piece := self._tls.read(1 << 18):
                plain.append(piece)
        except ssl.SSLWantReadError:
            pass
        finally:
            self._flush()
        return b"".join(plain)

    def send(self, data: bytes) -> None:
        """Send bytes through the tunnel."""
        self._tls.write(data)
        self._flush()

    def _flush(self) -> None:
        if self._out.pending:
            self._write(self._out.read())
