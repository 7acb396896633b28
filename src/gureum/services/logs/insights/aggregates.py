"""The functions of stats: each sees one value a row, in memory that does not grow with their number.

`count_distinct` is exact up to EXACT_DISTINCT values, then an estimate (HyperLogLog, error about 0.8 %); `pct` is
exact up to EXACT_VALUES, then within 0.5 % of the value (a histogram of logarithmic buckets).
Source: "stats" in the CloudWatch Logs user guide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from hashlib import blake2b
from typing import Protocol

from gureum.services.logs.insights.values import SortKey, Value, less, number, sort_key, text

EXACT_DISTINCT = 10_000
EXACT_VALUES = 10_000

_REGISTER_BITS = 14
_REGISTERS = 1 << _REGISTER_BITS
_ACCURACY = 0.005
_GAMMA = (1 + _ACCURACY) / (1 - _ACCURACY)
_LOG_GAMMA = math.log(_GAMMA)


class Aggregate(Protocol):
    def add(self, value: Value, when: int) -> None: ...

    def result(self) -> Value: ...


class Count:
    """Of rows (`count(*)`: a value that is always there) or of those that have the field."""

    __slots__ = ("total",)

    def __init__(self) -> None:
        self.total = 0

    def add(self, value: Value, when: int) -> None:
        if value is not None:
            self.total += 1

    def result(self) -> Value:
        return self.total


class Total:
    __slots__ = ("_average", "_sum", "_values")

    def __init__(self, average: bool = False) -> None:
        self._average, self._values = average, 0
        self._sum: int | float = 0

    def add(self, value: Value, when: int) -> None:
        known = number(value)
        if known is not None:
            self._sum += known
            self._values += 1

    def result(self) -> Value:
        if not self._values:
            return None
        return self._sum / self._values if self._average else self._sum


class Deviation:
    """The standard deviation, by Welford's method."""

    __slots__ = ("_mean", "_squares", "_values")

    def __init__(self) -> None:
        self._values, self._mean, self._squares = 0, 0.0, 0.0

    def add(self, value: Value, when: int) -> None:
        known = number(value)
        if known is not None:
            self._values += 1
            step = known - self._mean
            self._mean += step / self._values
            self._squares += step * (known - self._mean)

    def result(self) -> Value:
        return math.sqrt(self._squares / self._values) if self._values else None


class Extreme:
    """The least or the greatest: numbers by value, as soon as there is one; else texts."""

    __slots__ = ("_best", "_least")

    def __init__(self, least: bool) -> None:
        self._least = least
        self._best: Value = None

    def add(self, value: Value, when: int) -> None:
        if value is None or isinstance(value, dict | list):
            return
        best, known = self._best, number(value)
        if best is None or (known is not None and number(best) is None):
            self._best = value if known is None else known
        elif known is None and number(best) is not None:
            return
        elif less(value, best) if self._least else less(best, value):
            self._best = value if known is None else known

    def result(self) -> Value:
        return int(self._best) if isinstance(self._best, int) else self._best


class Nth:
    """The value at the earliest or latest instant; of several at one, the first seen."""

    __slots__ = ("_earliest", "_value", "_when")

    def __init__(self, earliest: bool) -> None:
        self._earliest = earliest
        self._when: int | None = None
        self._value: Value = None

    def add(self, value: Value, when: int) -> None:
        if value is None:
            return
        if self._when is None or (when < self._when if self._earliest else when > self._when):
            self._when, self._value = when, value

    def result(self) -> Value:
        return self._value


class Sorted:
    """The value that sorts first or last."""

    __slots__ = ("_first", "_key", "_value")

    def __init__(self, first: bool) -> None:
        self._first = first
        self._key: SortKey | None = None
        self._value: Value = None

    def add(self, value: Value, when: int) -> None:
        if value is None or isinstance(value, dict | list):
            return
        key = sort_key(value)
        if self._key is None or (key < self._key if self._first else key > self._key):
            self._key, self._value = key, value

    def result(self) -> Value:
        return self._value


class Distinct:
    __slots__ = ("_exact", "_registers")

    def __init__(self) -> None:
        self._exact: set[str] = set()
        self._registers: bytearray | None = None

    def add(self, value: Value, when: int) -> None:
        known = text(value)
        if known is None:
            return
        if self._registers is not None:
            self._estimate(self._registers, known)
            return
        self._exact.add(known)
        if len(self._exact) > EXACT_DISTINCT:
            self._registers = bytearray(_REGISTERS)
            for kept in self._exact:
                self._estimate(self._registers, kept)
            self._exact.clear()

    @staticmethod
    def _estimate(registers: bytearray, known: str) -> None:
        hashed = int.from_bytes(
            blake2b(known.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
        )
        index, rest = hashed & (_REGISTERS - 1), hashed >> _REGISTER_BITS
        rank = (64 - _REGISTER_BITS) - rest.bit_length() + 1
        registers[index] = max(registers[index], rank)

    def result(self) -> Value:
        if self._registers is None:
            return len(self._exact)
        scale = 0.7213 / (1 + 1.079 / _REGISTERS)
        estimate = scale * _REGISTERS**2 / sum(2.0**-rank for rank in self._registers)
        empty = self._registers.count(0)
        if estimate <= 2.5 * _REGISTERS and empty:
            estimate = _REGISTERS * math.log(_REGISTERS / empty)
        return round(estimate)


class Percentile:
    __slots__ = ("_exact", "_negative", "_percent", "_positive", "_values", "_zeros")

    def __init__(self, percent: float) -> None:
        self._percent, self._values, self._zeros = percent, 0, 0
        self._exact: list[int | float] | None = []
        self._positive: dict[int, int] = {}
        self._negative: dict[int, int] = {}

    def add(self, value: Value, when: int) -> None:
        known = number(value)
        if known is None or not math.isfinite(known):
            return
        self._values += 1
        if self._exact is None:
            self._place(known)
            return
        self._exact.append(known)
        if len(self._exact) > EXACT_VALUES:
            kept, self._exact = self._exact, None
            for found in kept:
                self._place(found)

    def _place(self, known: int | float) -> None:
        if abs(known) < 1e-300:
            self._zeros += 1
            return
        buckets = self._positive if known > 0 else self._negative
        bucket = math.ceil(math.log(abs(known)) / _LOG_GAMMA)
        buckets[bucket] = buckets.get(bucket, 0) + 1

    def result(self) -> Value:
        if not self._values:
            return None
        rank = max(1, math.ceil(self._percent / 100 * self._values))  # the nearest rank
        if self._exact is not None:
            return sorted(self._exact)[rank - 1]
        for bucket in sorted(self._negative, reverse=True):
            rank -= self._negative[bucket]
            if rank <= 0:
                return -_middle(bucket)
        rank -= self._zeros
        if rank <= 0:
            return 0
        for bucket in sorted(self._positive):
            rank -= self._positive[bucket]
            if rank <= 0:
                return _middle(bucket)
        return None


def _middle(bucket: int) -> float:
    return float(2 * _GAMMA**bucket / (_GAMMA + 1))


MAKERS: dict[str, Callable[[], Aggregate]] = {
    "count": Count,
    "count_distinct": Distinct,
    "countdistinct": Distinct,
    "sum": Total,
    "avg": lambda: Total(average=True),
    "stddev": Deviation,
    "min": lambda: Extreme(least=True),
    "max": lambda: Extreme(least=False),
    "earliest": lambda: Nth(earliest=True),
    "latest": lambda: Nth(earliest=False),
    "sortsfirst": lambda: Sorted(first=True),
    "sortslast": lambda: Sorted(first=False),
    "median": lambda: Percentile(50),
}
