"""Which service a request is for: by its signature's scope, its target header, its form, its host or its path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from gureum.gateway.sigv4 import Claim
from gureum.kernel.message import Request

DEFAULT = "s3"  # an unsigned request that says nothing of itself asks for an object, as on AWS's S3 hosts


class Service(msgspec.Struct, frozen=True):
    """What the index holds of a service, without its model."""

    signing: str
    endpoint: str
    target: str | None
    protocols: tuple[str, ...]
    version: str


class Routes:
    """The index over every service that botocore knows, ours first."""

    def __init__(self, offered: frozenset[str], index: dict[str, Service] | None = None) -> None:
        self.index = index if index is not None else _load()
        self._by_signing: dict[str, list[str]] = {}
        self._by_target: dict[str, str] = {}
        for name, service in sorted(self.index.items(), key=lambda item: (item[0] not in offered, item[0])):
            for alias in {service.signing, service.endpoint, name}:
                self._by_signing.setdefault(alias, []).append(name)
            if service.target:
                self._by_target.setdefault(service.target, name)

    def find(self, request: Request, claim: Claim | None) -> str:
        """The service's botocore name, "" where nothing tells."""
        target = request.headers.get("x-amz-target")
        if target is not None and (named := self._by_target.get(target.rpartition(".")[0])):
            return named
        if claim is not None:
            candidates = self._by_signing.get(claim.scope.service, [])
            if len(candidates) > 1:
                return self._choose(candidates, request)
            return candidates[0] if candidates else ""
        return self._unsigned(request)

    def _choose(self, candidates: list[str], request: Request) -> str:
        """One of several services that sign with one name: by the API version of a form, else the first."""
        if request.path.startswith("/service/"):
            wanted = request.path.split("/")[2]
            return next((n for n in candidates if self.index[n].target == wanted), candidates[0])
        version = _version(request)
        if version:
            return next((n for n in candidates if self.index[n].version == version), candidates[0])
        return candidates[0]

    def _unsigned(self, request: Request) -> str:
        host = request.headers.get("host", "").partition(":")[0]
        for label in host.split(".")[:2]:
            if label in self._by_signing and label != "localhost":
                return self._choose(self._by_signing[label], request)
        version = _version(request)
        if version:
            return next(
                (n for n, s in self.index.items() if s.version == version and "query" in s.protocols), ""
            )
        return DEFAULT


def _version(request: Request) -> str:
    """The `Version` of a query-protocol request, from its query string or its form."""
    text = request.query
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        body: Any = request.body
        text += "&" + (body if isinstance(body, bytes) else body.read()).decode("latin-1")
    for part in text.split("&"):
        if part.startswith("Version="):
            return part[8:]
    return ""


def _load() -> dict[str, Service]:
    text = (Path(__file__).parent / "routes.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Service])
