"""Fargate's sizes, names, percentages and the spread over capacity providers: pure arithmetic."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
FARGATE: Mapping[int, frozenset[int]] = {
    256: frozenset({512, 1024, 2048}),
    512: frozenset(range(1024, 4096 + 1, 1024)),
    1024: frozenset(range(2048, 8192 + 1, 1024)),
    2048: frozenset(range(4096, 16384 + 1, 1024)),
    4096: frozenset(range(8192, 30720 + 1, 1024)),
    8192: frozenset(range(16384, 61440 + 1, 4096)),
    16384: frozenset(range(32768, 122880 + 1, 8192)),
}
FARGATE_PROVIDERS = ("FARGATE", "FARGATE_SPOT")
PLATFORM_VERSION = "1.4.0"
PLATFORM_VERSIONS = frozenset({"LATEST", "1.4.0"})
SMALLEST_STORAGE_GIB, LARGEST_STORAGE_GIB, STORAGE_GIB = 21, 200, 20

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_CPU = re.compile(r"(\d*\.?\d+)\s*(vcpus?)?", re.IGNORECASE)
_MEMORY = re.compile(r"(\d*\.?\d+)\s*(gb|mb)?", re.IGNORECASE)


def is_name(text: str) -> bool:
    """Up to 255 letters, digits, underscores and hyphens: clusters, services, families and containers."""
    return bool(_NAME.fullmatch(text))


def cpu_units(text: str) -> int | None:
    """`256`, `.25 vCPU` → 256; None for what is no size."""
    found = _CPU.fullmatch(text.strip())
    if found is None or (not found[2] and "." in found[1]):
        return None
    return round(float(found[1]) * 1024) if found[2] else int(found[1])


def memory_mib(text: str) -> int | None:
    """`512`, `0.5GB` → 512; None for what is no size."""
    found = _MEMORY.fullmatch(text.strip())
    unit = (found[2] or "").lower() if found else ""
    if found is None or (unit != "gb" and "." in found[1]):
        return None
    return round(float(found[1]) * 1024) if unit == "gb" else int(found[1])


def fits_fargate(cpu: int, memory: int) -> bool:
    """Whether Fargate has that pair of CPU units and MiB."""
    return memory in FARGATE.get(cpu, ())


def family_and_revision(text: str) -> tuple[str, str]:
    """`family:7` → (family, "7"), `family` → (family, "")."""
    family, _, revision = text.partition(":")
    return family, revision


def healthy_floor(desired: int, minimum_percent: int) -> int:
    """How many tasks a deployment must leave running: rounded up."""
    return math.ceil(desired * minimum_percent / 100)


def ceiling(desired: int, maximum_percent: int) -> int:
    """How many tasks there may be during a deployment: rounded down."""
    return desired * maximum_percent // 100


def breaker_threshold(desired: int) -> int:
    """Failures that trip the circuit breaker: half the desired count, at least 3, at most 200.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
    """
    return min(max(math.ceil(desired * 0.5), 3), 200)


def spread(strategy: Sequence[Mapping[str, object]], have: Mapping[str, int], count: int) -> list[str]:
    """The providers of `count` more tasks: bases first, then whoever is furthest below its weight's share.

    `have` counts the tasks that each provider carries already.
    """
    carried = dict(have)
    chosen = []
    for _ in range(count):
        name = _next_provider(strategy, carried)
        carried[name] = carried.get(name, 0) + 1
        chosen.append(name)
    return chosen


def _next_provider(strategy: Sequence[Mapping[str, object]], carried: Mapping[str, int]) -> str:
    best, best_share = "", math.inf
    for item in strategy:
        name, base, weight = str(item["capacityProvider"]), _number(item, "base"), _number(item, "weight")
        count = carried.get(name, 0)
        if count < base:
            return name
        if weight:
            share = (count - base) / weight
            if share < best_share:
                best, best_share = name, share
    return best or str(strategy[0]["capacityProvider"])


def _number(item: Mapping[str, object], member: str) -> int:
    value = item.get(member)
    return value if isinstance(value, int) else 0


def variables(text: str) -> dict[str, str]:
    """The variables of an environment file: `NAME=value` a line, as it stands; `#` begins a comment line.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/use-environment-file.html
    """
    found = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip() and not line.lstrip().startswith("#"):
            found[name.strip()] = value
    return found


def cyclic(depends: Mapping[str, Sequence[str]]) -> bool:
    """Whether following dependencies from some container leads back to it."""
    done: set[str] = set()
    open_: set[str] = set()

    def visit(name: str) -> bool:
        if name in done:
            return False
        if name in open_:
            return True
        open_.add(name)
        found = any(visit(other) for other in depends.get(name, ()))
        open_.discard(name)
        done.add(name)
        return found

    return any(visit(name) for name in depends)


def start_delay(failures: int) -> float:
    """Seconds until a service tries again after so many starts failed in a row; AWS waits up to 15 minutes."""
    return 0.0 if failures <= 0 else float(min(0.5 * 2 ** min(failures - 1, 12), 900.0))
