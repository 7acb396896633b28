"""Running a query over a stream of events.

Rows flow through the commands one at a time. Only sort, dedup and stats hold any: sort as many as can still be
shown, stats one set of aggregates a group, dedup one key a distinct row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gureum.services.logs.insights import cluster as clusters
from gureum.services.logs.insights import stages
from gureum.services.logs.insights.compile import (
    Clock,
    Getter,
    Scope,
    compile_expression,
    compile_field,
    compile_structure,
    compile_test,
)
from gureum.services.logs.insights.extract import parse_stage
from gureum.services.logs.insights.nodes import (
    Accum,
    Cluster,
    Column,
    Command,
    Dedup,
    Field,
    Fields,
    Filldown,
    Filter,
    Limit,
    Parse,
    Query,
    Sort,
    Stats,
    Unnest,
)
from gureum.services.logs.insights.parse import DEFAULT_LIMIT, MAX_LIMIT
from gureum.services.logs.insights.row import Event, Row
from gureum.services.logs.insights.stats import stats_stage
from gureum.services.logs.insights.values import show

Stage = Callable[[Iterator[Row]], Iterator[Row]]
ResultRow = list[dict[str, str]]


@dataclass(slots=True)
class Statistics:
    """What GetQueryResults tells of a query; it grows while the query runs."""

    matched: int = 0  # events (rows, after unnest) that passed the filters
    scanned: int = 0  # events read
    scanned_bytes: int = 0  # of their messages


@dataclass(slots=True)
class Outcome:
    """`rows` as GetQueryResults gives them: lists of {"field", "value"}; what is missing in a row is left out."""

    rows: list[ResultRow]
    statistics: Statistics = field(default_factory=Statistics)


class _Plan:
    """The commands as stages, and the columns that are shown."""

    def __init__(self, query: Query, clock: Clock, limit: int, statistics: Statistics) -> None:
        self.scope = Scope(query.text, clock)
        self.shown: dict[str, Getter] = {}
        self.stages: list[Stage] = []
        self.pointed = True  # whether rows are still events, which have an @ptr
        self._limit, self._statistics = limit, statistics
        self._commands = query.commands
        self._ordered = self._counted = self._listed = False
        for at, command in enumerate(query.commands):
            self._prepare(at, command)
            self._add(at, command)
        self._count()
        self._order(limit)
        self.stages.append(stages.limit_stage(limit))
        if not self._listed and self.pointed:
            added, self.shown = self.shown, {}
            self._show("@timestamp", "@message")
            self.shown.update(added)

    def _show(self, *names: str) -> None:
        for name in names:
            self.shown[name] = compile_field(Field((name,)), self.scope)

    def _prepare(self, at: int, command: Command) -> None:
        """Counting what matched comes before the first command that drops rows for another reason."""
        filtered_later = any(isinstance(later, Filter) for later in self._commands[at:])
        drops = isinstance(command, Stats | Cluster | Dedup | Limit)
        if drops or (isinstance(command, Sort) and not filtered_later):
            self._count()
        if isinstance(command, Dedup | Limit | Accum | Filldown):
            self._order(self._keep(at))

    def _keep(self, at: int) -> int | None:
        """How many rows, from the first on, can still be shown after the command at `at`; None: any of them."""
        for later in self._commands[at:]:
            if isinstance(later, Limit):
                return min(later.count, MAX_LIMIT)
            if not isinstance(later, Fields | Accum | Filldown | Sort | Parse) or getattr(
                later, "multi", False
            ):
                return None
            if isinstance(later, Sort) and later is not self._commands[at]:
                return None
        return self._limit

    def _count(self) -> None:
        if self._counted:
            return
        self._counted = True
        statistics = self._statistics

        def count(rows: Iterator[Row]) -> Iterator[Row]:
            for row in rows:
                statistics.matched += 1
                yield row

        self.stages.append(count)

    def _order(self, keep: int | None) -> None:
        if not self._ordered:
            self._ordered = True
            self.stages.append(stages.newest_first(keep))

    def _add(self, at: int, command: Command) -> None:
        scope = self.scope
        match command:
            case Filter(condition):
                self.stages.append(stages.filter_stage(compile_test(condition, scope)))
            case Fields(columns, display):
                self._add_fields(columns, display)
            case Parse(names=names, mode=mode):
                self.stages.append(parse_stage(command, scope))
                if mode != "logfmt":
                    self._show(*[name for name in names if name])
            case Stats():
                self.stages.append(stats_stage(command, scope))
                self._replace([column.name for column in command.by + command.columns])
            case Sort(keys):
                getters = [(compile_expression(node, scope), descending) for node, descending in keys]
                self.stages.append(stages.sort_stage(getters, self._keep(at)))
                self._ordered = True
            case Limit(count):
                self.stages.append(stages.limit_stage(count))
                self._limit = count
            case Dedup(keys):
                self.stages.append(stages.dedup_stage([compile_expression(node, scope) for node in keys]))
            case Cluster(source):
                getter = compile_expression(source, scope)
                self.stages.append(lambda rows: clusters.cluster(rows, getter))
                scope.defined, scope.closed = set(clusters.FIELDS), True
                self._replace(list(clusters.FIELDS))
            case _:
                self._add_rarer(command)

    def _add_rarer(self, command: Command) -> None:
        match command:
            case Unnest(source, name, expand):
                getter = (compile_structure if expand else compile_expression)(source, self.scope)
                self.stages.append(stages.unnest_stage(getter, name, expand))
                self.scope.defined.add(name)
                self._show(name)
            case Accum(source, name):
                self.stages.append(stages.accum_stage(compile_expression(source, self.scope), name))
                self.scope.defined.add(name)
                self._show(name)
            case Filldown(names):
                columns = dict(self.shown)
                self.stages.append(stages.filldown_stage(columns, names))
                self.scope.defined.update(columns)
                self._show(*columns)

    def _add_fields(self, columns: tuple[Column, ...], display: bool) -> None:
        if display:
            self.shown.clear()
        self._listed = True
        made: list[tuple[str, Getter]] = []
        for column in columns:
            getter = compile_expression(column.node, self.scope)
            if column.aliased:
                made.append((column.name, getter))
                self.scope.defined.add(column.name)
                getter = compile_field(Field((column.name,)), self.scope)
            self.shown[column.name] = getter
        if made:
            self.stages.append(stages.define_stage(made))

    def _replace(self, names: list[str]) -> None:
        """After stats and pattern only their columns are left."""
        self.shown.clear()
        self.pointed, self._ordered, self._listed = False, True, True
        self._show(*names)


def run(
    query: Query,
    events: Iterable[Event],
    clock: Clock,
    limit: int = DEFAULT_LIMIT,
    statistics: Statistics | None = None,
) -> Outcome:
    """The result of a query over events in any order. Raises Malformed (before any event is read).

    `limit` is StartQuery's; a limit in the query comes before it. `statistics` is filled as events are read, so
    that it can be shown while the query runs.
    """
    counted = statistics if statistics is not None else Statistics()
    stated = [command.count for command in query.commands if isinstance(command, Limit)]
    plan = _Plan(query, clock, stated[-1] if stated else limit, counted)
    rows = _read(events, counted)
    for stage in plan.stages:
        rows = stage(rows)
    return Outcome([_render(row, plan) for row in rows], counted)


def check(query: Query, clock: Clock) -> None:
    """Raises Malformed where `run` would."""
    _Plan(query, clock, DEFAULT_LIMIT, Statistics())


def _read(events: Iterable[Event], statistics: Statistics) -> Iterator[Row]:
    for event in events:
        message = event.message
        statistics.scanned += 1
        statistics.scanned_bytes += (
            len(message) if message.isascii() else len(message.encode("utf-8", "replace"))
        )
        yield Row(event)


def _render(row: Row, plan: _Plan) -> ResultRow:
    rendered: ResultRow = []
    for name, getter in plan.shown.items():
        value = getter(row)
        if value is not None:
            rendered.append({"field": name, "value": show(value)})
    if plan.pointed and row.event is not None and "@ptr" not in plan.shown:
        rendered.append({"field": "@ptr", "value": row.event.pointer})
    return rendered
