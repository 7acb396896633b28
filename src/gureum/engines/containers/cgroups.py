"""Control groups, version 1 and 2: limits, counters and the kernel's word on OOM. Standard library only.

A group is named by its path below the hierarchy's root ("gureum/ab12/cd34"). Version 1 has one tree for each
controller; the same path is made in each.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/sys/fs/cgroup")
_V1 = ("memory", "cpu", "cpuacct", "pids", "blkio", "freezer")
_V2 = ("memory", "cpu", "pids", "io")
_PERIOD_MICROSECONDS = 100_000
_NO_LIMIT = 1 << 60  # version 1 writes "no limit" as about 2**63


class Bounds(NamedTuple):
    """Limits of one group, as `spec.Limits` has them."""

    cpu: float | None
    cpu_weight: int | None
    memory_bytes: int | None
    memory_soft_bytes: int | None
    pids: int | None


class Counters(NamedTuple):
    """What a group has used."""

    cpu_seconds: float
    memory_bytes: int
    memory_limit_bytes: int | None
    read_bytes: int
    write_bytes: int
    pids: int


class Hierarchy:
    """The host's control groups, below `root`. `version` is 1, 2 or 0 where none can be written."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self.version = 0
        self.missing: tuple[str, ...] = ()
        if (root / "cgroup.controllers").exists():
            have = (root / "cgroup.controllers").read_text().split()
            self.missing = tuple(name for name in ("memory", "cpu", "pids") if name not in have)
            self.version = 2 if os.access(root / "cgroup.subtree_control", os.W_OK) else 0
        elif (root / "memory").is_dir():
            self.missing = tuple(name for name in ("memory", "cpu", "pids") if not (root / name).is_dir())
            self.version = 1 if os.access(root / "memory", os.W_OK) else 0
        self._trees = self._v1_trees() if self.version == 1 else [root]

    def _v1_trees(self) -> list[Path]:
        seen: dict[Path, None] = {}  # "cpu" and "cpuacct" are often one tree
        for name in _V1:
            if (self.root / name).is_dir():
                seen.setdefault((self.root / name).resolve(), None)
        return list(seen)

    def make(self, group: str, bounds: Bounds) -> None:
        """Make the group, with those above it, and set its limits. Raises OSError."""
        if self.version == 1:
            for tree in self._trees:
                (tree / group).mkdir(parents=True, exist_ok=True)
            self._bound_v1(group, bounds)
        elif self.version == 2:
            self._make_v2(group)
            self._bound_v2(self.root / group, bounds)

    def _make_v2(self, group: str) -> None:
        place = self.root
        for part in group.split("/"):
            have = (place / "cgroup.controllers").read_text().split()
            wanted = " ".join(f"+{name}" for name in _V2 if name in have)
            (place / "cgroup.subtree_control").write_text(wanted)
            place = place / part
            place.mkdir(exist_ok=True)

    def _bound_v1(self, group: str, bounds: Bounds) -> None:
        memory, cpu = self.root / "memory" / group, self.root / "cpu" / group
        if bounds.memory_bytes is not None:
            total = memory / "memory.memsw.limit_in_bytes"
            # Memory and swap together may not be below memory: lower the first first, raise the second first.
            for _ in range(2):
                for file in (memory / "memory.limit_in_bytes", total):
                    if file.exists():
                        _try_write(file, bounds.memory_bytes)
            if int((memory / "memory.limit_in_bytes").read_text()) > bounds.memory_bytes:
                raise OSError(f"the kernel did not take the memory limit of {group}")
        if bounds.memory_soft_bytes is not None:
            _write(memory / "memory.soft_limit_in_bytes", bounds.memory_soft_bytes)
        if bounds.cpu is not None:
            _write(cpu / "cpu.cfs_period_us", _PERIOD_MICROSECONDS)
            _write(cpu / "cpu.cfs_quota_us", max(1000, int(bounds.cpu * _PERIOD_MICROSECONDS)))
        if bounds.cpu_weight is not None:
            _write(cpu / "cpu.shares", bounds.cpu_weight)
        if bounds.pids is not None:
            _write(self.root / "pids" / group / "pids.max", bounds.pids)

    def _bound_v2(self, place: Path, bounds: Bounds) -> None:
        if bounds.memory_bytes is not None:
            _write(place / "memory.max", bounds.memory_bytes)
            if (place / "memory.swap.max").exists():
                _write(place / "memory.swap.max", 0)
        if bounds.memory_soft_bytes is not None:
            _write(place / "memory.low", bounds.memory_soft_bytes)
        if bounds.cpu is not None:
            quota = max(1000, int(bounds.cpu * _PERIOD_MICROSECONDS))
            _write(place / "cpu.max", f"{quota} {_PERIOD_MICROSECONDS}")
        if (
            bounds.cpu_weight is not None
        ):  # the kernel's own mapping of shares (2..262144) to weights (1..10000)
            _write(place / "cpu.weight", 1 + ((bounds.cpu_weight - 2) * 9999) // 262_142)
        if bounds.pids is not None:
            _write(place / "pids.max", bounds.pids)

    def join(self, group: str) -> None:
        """Move this process into the group. Raises OSError."""
        if self.version:
            for tree in self._trees:
                _write(tree / group / "cgroup.procs", 0)

    def oom_kills(self, group: str) -> int:
        """How many of the group's processes the kernel has killed for want of memory."""
        if self.version == 1:
            return _field(self.root / "memory" / group / "memory.oom_control", "oom_kill")
        return _field(self.root / group / "memory.events", "oom_kill") if self.version else 0

    def counters(self, group: str) -> Counters | None:
        """What the group has used, or None where nothing is counted or the group is gone."""
        try:
            if self.version == 1:
                return self._counters_v1(group)
            return self._counters_v2(self.root / group) if self.version else None
        except OSError:
            return None

    def _counters_v1(self, group: str) -> Counters:
        memory = self.root / "memory" / group
        cache = _field(memory / "memory.stat", "total_inactive_file")
        limit = int((memory / "memory.limit_in_bytes").read_text())
        io = self.root / "blkio" / group / "blkio.throttle.io_service_bytes"
        return Counters(
            cpu_seconds=int((self.root / "cpuacct" / group / "cpuacct.usage").read_text()) / 1e9,
            memory_bytes=max(0, int((memory / "memory.usage_in_bytes").read_text()) - cache),
            memory_limit_bytes=limit if limit < _NO_LIMIT else None,
            read_bytes=_column(io, "Read"),
            write_bytes=_column(io, "Write"),
            pids=int((self.root / "pids" / group / "pids.current").read_text()),
        )

    def _counters_v2(self, place: Path) -> Counters:
        limit = (place / "memory.max").read_text().strip()
        cache = _field(place / "memory.stat", "inactive_file")
        return Counters(
            cpu_seconds=_field(place / "cpu.stat", "usage_usec") / 1e6,
            memory_bytes=max(0, int((place / "memory.current").read_text()) - cache),
            memory_limit_bytes=None if limit == "max" else int(limit),
            read_bytes=_pairs(place / "io.stat", "rbytes"),
            write_bytes=_pairs(place / "io.stat", "wbytes"),
            pids=int((place / "pids.current").read_text()),
        )

    def remove(self, group: str, patience_seconds: float = 2.0) -> None:
        """Kill what is in the group and those below it, and remove them. Raises OSError when it stays."""
        if not self.version:
            return
        deadline = time.monotonic() + patience_seconds
        while left := [place for place in self._everywhere(group) if place.is_dir()]:
            try:
                for place in left:
                    _remove_tree(place)
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)

    def prune(self, group: str) -> None:
        """Remove the group where nothing is in it or below it."""
        for place in self._everywhere(group) if self.version else ():
            with contextlib.suppress(OSError):
                place.rmdir()

    def _everywhere(self, group: str) -> list[Path]:
        """The group in every tree, those of controllers that runtimes use beside ours too, the killing ones first."""
        others = [self.root] if self.version == 2 else sorted(self.root.iterdir())
        return [tree / group for tree in dict.fromkeys((*self._trees, *others))]


def _remove_tree(place: Path) -> None:
    for child in place.iterdir():
        if child.is_dir():
            _remove_tree(child)
    for pid in (place / "cgroup.procs").read_text().split():
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            continue
    place.rmdir()


def _write(file: Path, value: int | str) -> None:
    with file.open("w") as handle:
        handle.write(str(value))


def _try_write(file: Path, value: int) -> None:
    try:
        _write(file, value)
    except OSError:
        return


def _lines(file: Path) -> list[list[str]]:
    try:
        return [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return []


def _field(file: Path, name: str) -> int:
    """Of lines `name value`."""
    return next((int(line[1]) for line in _lines(file) if line[0] == name), 0)


def _column(file: Path, name: str) -> int:
    """Of lines `device name value`, the sum."""
    return sum(int(line[2]) for line in _lines(file) if len(line) == 3 and line[1] == name)


def _pairs(file: Path, name: str) -> int:
    """Of lines `device name=value …`, the sum."""
    return sum(
        int(word.partition("=")[2]) for line in _lines(file) for word in line if word.startswith(name + "=")
    )
