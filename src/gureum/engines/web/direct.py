"""Reads documents over direct connections, by the standard library. Certificates are checked as the system does."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from gureum.engines.web.port import Fingerprint, Unreachable


class Direct:
    """A `Web` (see the port) without proxies, cookies or redirects."""

    def get(self, url: str, *, most_bytes: int = 262_144, within_seconds: float = 5.0) -> bytes:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise Unreachable(f"{url}: not an http or https URL")
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        try:
            connection = self._connection(parts.scheme, parts.hostname, parts.port, within_seconds)
            try:
                connection.request("GET", target, headers={"Accept": "application/json"})
                answer = connection.getresponse()
                document = answer.read(most_bytes + 1)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Unreachable(f"{url}: {error}") from None
        if answer.status != 200:
            raise Unreachable(f"{url}: answered {answer.status}")
        if len(document) > most_bytes:
            raise Unreachable(f"{url}: longer than {most_bytes} bytes")
        return document

    def _connection(
        self, scheme: str, host: str, port: int | None, within_seconds: float
    ) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=within_seconds)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=within_seconds, context=context)

    def fingerprint(self) -> Fingerprint:
        return Fingerprint("direct", "healthy")

    def close(self) -> None:
        """It keeps no connection."""
