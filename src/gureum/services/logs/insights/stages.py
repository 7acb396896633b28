"""The commands that are neither parse nor stats, each as a step from rows to rows."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from gureum.services.logs.insights.compile import Getter, Test
from gureum.services.logs.insights.row import Row
from gureum.services.logs.insights.values import SortKey, Value, number, plain, read_json, sort_key

Stage = Callable[[Iterator[Row]], Iterator[Row]]


def filter_stage(test: Test) -> Stage:
    return lambda rows: filter(test, rows)


def define_stage(columns: list[tuple[str, Getter]]) -> Stage:
    """Gives rows the values of aliases."""

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            for name, getter in columns:
                row.values[name] = getter(row)
            yield row

    return stage


def sort_stage(keys: list[tuple[Getter, bool]], keep: int | None) -> Stage:
    """The first `keep` rows in order (all of them when None), holding at most twice as many at a time."""
    calculated: list[tuple[Callable[[Row], SortKey], bool]] = [(_key(getter), down) for getter, down in keys]

    def arrange(held: list[Row]) -> None:
        for key, descending in reversed(
            calculated
        ):  # each sort keeps the order of the one before among equals
            held.sort(key=key, reverse=descending)

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        held: list[Row] = []
        for row in rows:
            held.append(row)
            if keep is not None and len(held) >= 2 * keep + 1000:
                arrange(held)
                del held[keep:]
        arrange(held)
        yield from held[:keep]

    return stage


def _key(getter: Getter) -> Callable[[Row], SortKey]:
    return lambda row: sort_key(getter(row))


def newest_first(keep: int | None) -> Stage:
    """The order of results that are not sorted otherwise."""

    def when(row: Row) -> SortKey:
        return (row.event.timestamp if row.event is not None else 0,)

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        held: list[Row] = []
        for row in rows:
            held.append(row)
            if keep is not None and len(held) >= 2 * keep + 1000:
                held.sort(key=when, reverse=True)
                del held[keep:]
        held.sort(key=when, reverse=True)
        yield from held[:keep]

    return stage


def limit_stage(count: int) -> Stage:
    """The first rows. The others are read all the same: what matched is counted before."""

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        yield from islice(rows, count)
        for _ in rows:
            pass

    return stage


def dedup_stage(keys: list[Getter]) -> Stage:
    """The first row of each combination of values; rows in which one is missing all stay."""

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        seen: set[tuple[SortKey, ...]] = set()
        for row in rows:
            values = [getter(row) for getter in keys]
            if any(value is None for value in values):
                yield row
                continue
            key = tuple(sort_key(value) for value in values)
            if key not in seen:
                seen.add(key)
                yield row

    return stage


def unnest_stage(source: Getter, name: str, expand: bool) -> Stage:
    """One row for each member of a list; what is no list counts as a list of one."""

    def members(value: Value) -> Iterable[Value]:
        found = read_json(value) if expand and isinstance(value, str) else value
        return found if isinstance(found, list) else (value,)

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            for member in members(source(row)):
                yield row.with_value(name, plain(member))

    return stage


def accum_stage(source: Getter, name: str) -> Stage:
    """A running sum."""

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        total: int | float = 0
        for row in rows:
            total += number(source(row)) or 0
            row.values[name] = total
            yield row

    return stage


def filldown_stage(columns: dict[str, Getter], names: tuple[str, ...]) -> Stage:
    """The last value of a field where there is none, in the fields (or wildcards) named; without any in all."""
    chosen = {
        name: getter
        for name, getter in columns.items()
        if not names or any(fnmatch.fnmatchcase(name, wanted) for wanted in names)
    }

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        last: dict[str, Value] = {}
        for row in rows:
            for name, getter in chosen.items():
                value = getter(row)
                if value is None:
                    value = last.get(name)
                last[name] = row.values[name] = value
            yield row

    return stage
