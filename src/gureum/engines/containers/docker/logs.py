"""Lines that a container has written: from the engine's own file where we may read it, else over its API."""

from __future__ import annotations

import os
from pathlib import Path

from .. import loglines
from ..outcome import ContainerStatus, LogLine, Stream
from .engine import Engine
from .process import frames


class EngineLogs:
    """Reading the file costs next to nothing while there is nothing new; a call takes the engine milliseconds."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._paths: dict[str, tuple[Path | None, bool]] = {}

    def read(self, one: ContainerStatus, position: str, limit: int) -> list[LogLine]:
        """See `port.Containers.logs`."""
        if not one.id:
            return []
        path, tty = self._place(one.id)
        ended = one.state == "exited"
        if path is not None:
            parse = loglines.parse_k8s if self._engine.podman else loglines.parse_json
            return loglines.read_file(path, parse, position, limit, ended)
        base, skip = loglines.start_of(position)
        query = {"stdout": "true", "stderr": "true", "timestamps": "true", "since": str(base)}
        data: bytes = self._engine.api().call("GET", f"/containers/{one.id}/logs", query, raw=True)
        whole: list[tuple[Stream, bytes]] = [("stdout", data)] if tty else list(frames(iter((data,))))
        return loglines.assemble(loglines.parse_frames(whole), skip, limit, ended)

    def forget(self, id: str) -> None:
        """The container is gone."""
        self._paths.pop(id, None)

    def _place(self, id: str) -> tuple[Path | None, bool]:
        if id not in self._paths:
            found = self._engine.api().call("GET", f"/containers/{id}/json")
            path = Path(found.get("LogPath") or "/nonexistent")
            self._paths[id] = (path if _readable(path) else None, bool(found["Config"].get("Tty")))
        return self._paths[id]


def _readable(path: Path) -> bool:
    return os.access(path, os.R_OK)
