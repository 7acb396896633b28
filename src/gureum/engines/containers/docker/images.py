"""The engine's own image store."""

from __future__ import annotations

import base64
import io
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec

from ..outcome import Image
from ..port import EngineFailed, ImageMissing
from . import pause
from .http import Api, Refused, escaped


class DockerImages:
    """See `port.Images`. `connect` gives the engine or raises `EngineAbsent`."""

    def __init__(self, connect: Callable[[], Api], is_podman: Callable[[], bool]) -> None:
        self._connect, self._is_podman = connect, is_podman

    def find(self, reference: str) -> Image | None:
        try:
            found = self._connect().call("GET", f"/images/{escaped(reference)}/json")
        except Refused as refused:
            if refused.status in (400, 404):
                return None
            raise EngineFailed(refused.text) from refused
        return _image(found, reference)

    def load(self, path: Path, reference: str) -> Image:
        with tempfile.TemporaryFile() as spool:
            if path.is_dir():
                with tarfile.open(fileobj=spool, mode="w") as archive:
                    archive.add(path, arcname=".")
                spool.seek(0)
                return self._load(spool, reference)
            with path.open("rb") as file:
                return self._load(file, reference)

    def ensure_pause(self) -> None:
        """See that the image of the pause container is there."""
        if self.find(pause.REFERENCE) is None:
            self._load(io.BytesIO(pause.archive()), pause.REFERENCE)

    def _load(self, file: IO[bytes], reference: str) -> Image:
        api = self._connect()
        try:
            told = api.call(
                "POST", "/images/load", body=file, timeout=600, headers={"Content-Type": "application/x-tar"}
            )
        except Refused as refused:
            raise EngineFailed(f"not an image: {refused.text}") from refused
        loaded = _loaded(told)
        if not loaded:
            raise EngineFailed(f"the engine loaded no image: {told!r}")
        if loaded != reference:
            self._tag(loaded, reference)
        if (image := self.find(reference)) is None:
            raise EngineFailed(f"the engine loaded {loaded} and does not know it as {reference}")
        return image

    def _tag(self, source: str, reference: str) -> None:
        name, colon, tag = reference.rpartition(":")
        if not colon or "/" in tag:
            name, tag = reference, "latest"
        try:
            self._connect().call("POST", f"/images/{escaped(source)}/tag", {"repo": name, "tag": tag})
        except Refused as refused:
            raise EngineFailed(refused.text) from refused

    def pull(self, reference: str, *, user: str = "", password: str = "", insecure: bool = False) -> Image:
        headers = {}
        if user:
            login = msgspec.json.encode({"username": user, "password": password})
            headers["X-Registry-Auth"] = base64.urlsafe_b64encode(login).decode()
        path, query = "/images/create", {"fromImage": reference}
        api = self._connect()
        if insecure and self._is_podman():  # Docker takes plain HTTP from loopback registries by itself
            path, query = "/v4.0.0/libpod/images/pull", {"reference": reference, "tlsVerify": "false"}
        try:
            told = api.call("POST", path, query, timeout=1800, headers=headers)
        except Refused as refused:
            raise ImageMissing(reference, refused.text) from refused
        events = told if isinstance(told, list) else [told]
        errors = [str(event["error"]) for event in events if isinstance(event, dict) and event.get("error")]
        if errors:
            raise ImageMissing(reference, errors[0])
        if (image := self.find(reference)) is None:
            raise EngineFailed(f"the engine pulled {reference} and does not know it")
        return image

    def remove(self, reference: str) -> None:
        try:
            self._connect().call("DELETE", f"/images/{escaped(reference)}")
        except Refused as refused:
            if refused.status != 404:
                raise EngineFailed(refused.text) from refused


def _loaded(told: Any) -> str:
    """The reference or id in "Loaded image: NAME" of the engine's answer."""
    events = told if isinstance(told, list) else [told]
    for event in events:
        if not isinstance(event, dict):
            continue
        if event.get("error"):
            raise EngineFailed(f"not an image: {event['error']}")
        text = str(event.get("stream", ""))
        for line in text.splitlines():
            head, _, rest = line.partition(": ")
            if head.startswith("Loaded image") and rest:
                return rest.split(",")[0].strip()
    return ""


def _image(found: dict[str, Any], reference: str) -> Image:
    configuration = found.get("Config") or {}
    digests = found.get("RepoDigests") or []
    return Image(
        id=found["Id"] if found["Id"].startswith("sha256:") else "sha256:" + found["Id"],
        reference=reference,
        digest=digests[0].partition("@")[2] if digests else "",
        size_bytes=int(found.get("Size") or 0),
        architecture=found.get("Architecture", ""),
        entrypoint=tuple(configuration.get("Entrypoint") or ()),
        command=tuple(configuration.get("Cmd") or ()),
        environment=tuple(configuration.get("Env") or ()),
        user=configuration.get("User") or "",
        directory=configuration.get("WorkingDir") or "",
        stop_signal=str(configuration.get("StopSignal") or ""),
        exposed_ports=tuple(configuration.get("ExposedPorts") or ()),
        labels=configuration.get("Labels") or {},
    )
