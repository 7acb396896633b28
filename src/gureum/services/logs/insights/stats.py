"""The stats command: one pass over the rows, one set of aggregates a group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from gureum.services.logs.insights.aggregates import MAKERS, Aggregate, Percentile
from gureum.services.logs.insights.compile import Getter, Scope, compile_expression
from gureum.services.logs.insights.faults import Malformed
from gureum.services.logs.insights.nodes import (
    Binary,
    Call,
    Column,
    Constant,
    Field,
    Node,
    Star,
    Stats,
    Unary,
)
from gureum.services.logs.insights.row import Row
from gureum.services.logs.insights.times import Instant
from gureum.services.logs.insights.values import Value, number

Stage = Callable[[Iterator[Row]], Iterator[Row]]


class _Reading:
    """The aggregates of a stats command: how to make each, and what each takes of a row."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.makers: list[Callable[[], Aggregate]] = []
        self.getters: list[Getter] = []

    def lift(self, node: Node) -> Node:
        """The expression with each aggregate replaced by a field that will hold its result."""
        match node:
            case Call(name, arguments):
                if name in MAKERS or name in ("pct", "percentile"):
                    return self._aggregate(node)
                return replace(node, arguments=tuple(self.lift(argument) for argument in arguments))
            case Binary(_, left, right):
                return replace(node, left=self.lift(left), right=self.lift(right))
            case Unary(_, operand):
                return replace(node, operand=self.lift(operand))
        return node

    def _aggregate(self, node: Call) -> Field:
        arguments = node.arguments
        if node.name in ("pct", "percentile"):
            percent = (
                number(arguments[1].value)
                if len(arguments) == 2 and isinstance(arguments[1], Constant)
                else None
            )
            if percent is None or not 0 <= percent <= 100:
                raise Malformed(f"Invalid arguments for the function {node.name}", *node.span)
            chosen = float(percent)
            self.makers.append(lambda: Percentile(chosen))
        elif node.name == "count" and (not arguments or isinstance(arguments[0], Star)):
            self.makers.append(MAKERS["count"])
            self.getters.append(lambda row: 1)
            return Field((f"\0{len(self.makers) - 1}",), node.span)
        elif len(arguments) == 1:
            self.makers.append(MAKERS[node.name])
        else:
            raise Malformed(f"Invalid arguments for the function {node.name}", *node.span)
        self.getters.append(compile_expression(arguments[0], self.scope))
        return Field((f"\0{len(self.makers) - 1}",), node.span)


def stats_stage(command: Stats, scope: Scope) -> Stage:
    """One row a group, with the group's values and the aggregates'. Closes the scope to all other names."""
    by = [(column.name, compile_expression(column.node, scope)) for column in command.by]
    reading = _Reading(scope)
    lifted = [_lift(column, reading, {name for name, _ in by}) for column in command.columns]
    slots = {f"\0{index}" for index in range(len(reading.makers))}
    inner = Scope(scope.query, scope.clock, {name for name, _ in by} | slots, closed=True)
    finals = [
        (column.name, compile_expression(node, inner))
        for column, node in zip(command.columns, lifted, strict=True)
    ]
    scope.defined = {name for name, _ in by} | {column.name for column in command.columns}
    scope.closed = True
    names = [name for name, _ in by]

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        groups = _gather(rows, [getter for _, getter in by], reading)
        for key, aggregates in groups:
            row = Row(None, dict(zip(names, key, strict=True)))
            held = {f"\0{index}": aggregate.result() for index, aggregate in enumerate(aggregates)}
            calculated = Row(None, {**row.values, **held})
            for name, getter in finals:
                row.values[name] = getter(calculated)
            yield row

    return stage


def _lift(column: Column, reading: _Reading, grouped: set[str]) -> Node:
    before = len(reading.makers)
    node = reading.lift(column.node)
    if len(reading.makers) == before and column.name not in grouped:
        raise Malformed(f"stats needs an aggregation function: {column.name}", *column.node.span)
    return node


Group = tuple[tuple[Value, ...], list[Aggregate]]


def _gather(rows: Iterator[Row], by: list[Getter], reading: _Reading) -> list[Group]:
    groups: dict[tuple[Value, ...], list[Aggregate]] = {}
    makers, getters = reading.makers, reading.getters
    for row in rows:
        key = tuple(_hashable(getter(row)) for getter in by)
        aggregates = groups.get(key)
        if aggregates is None:
            aggregates = groups[key] = [make() for make in makers]
        when = row.event.timestamp if row.event is not None else 0
        for aggregate, getter in zip(aggregates, getters, strict=True):
            aggregate.add(getter(row), when)
    found = list(groups.items())
    place = next((at for at in range(len(by)) if any(isinstance(key[at], Instant) for key, _ in found)), None)
    if place is not None:  # time series come the newest first
        found.sort(key=lambda group: group[0][place] if group[0][place] is not None else -1, reverse=True)
    return found


def _hashable(value: Value) -> Value:
    return None if isinstance(value, dict | list) else value
