"""Expressions as closures over a row."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gureum.services.logs.insights import numbers, strings
from gureum.services.logs.insights.faults import Malformed
from gureum.services.logs.insights.nodes import (
    Binary,
    Call,
    Constant,
    Expression,
    Field,
    In,
    Like,
    Node,
    Period,
    Star,
    Unary,
)
from gureum.services.logs.insights.row import Row, descend, discovered
from gureum.services.logs.insights.times import Instant, ceiling, flooring
from gureum.services.logs.insights.values import Value, equal, less, number, plain, text, truth

Getter = Callable[[Row], Value]
Test = Callable[[Row], bool]

_FUNCTIONS = {**strings.FUNCTIONS, **numbers.FUNCTIONS}


@dataclass(frozen=True, slots=True)
class Clock:
    """The times that a query may ask for, in milliseconds since 1970."""

    now: int
    start: int
    end: int


@dataclass(slots=True)
class Scope:
    """Which names a command can use. `closed` after stats: only those that were defined."""

    query: str
    clock: Clock
    defined: set[str] = field(default_factory=set)
    closed: bool = False

    def key(self, node: Node) -> str:
        """The name that an expression's own text goes by as a column: stats count(*) … | sort count(*)."""
        return same_name(self.query[node.span[0] : node.span[1]])


def same_name(name: str) -> str:
    return re.sub(r"\s+", "", name).casefold()


_SYSTEM: dict[str, Getter] = {
    "@message": lambda row: row.event.message if row.event else None,
    "@timestamp": lambda row: Instant(row.event.timestamp) if row.event else None,
    "@ingestionTime": lambda row: Instant(row.event.ingestion) if row.event else None,
    "@logStream": lambda row: row.event.stream if row.event else None,
    "@log": lambda row: f"{row.event.account}:{row.event.group}" if row.event else None,
    "@ptr": lambda row: row.event.pointer if row.event else None,
}


def compile_expression(node: Node, scope: Scope) -> Getter:
    """What gives an expression's value in a row. Raises Malformed."""
    if not isinstance(node, Field | Constant) and scope.closed:
        name = next((n for n in scope.defined if same_name(n) == scope.key(node)), None)
        if name is not None:
            return lambda row: row.values.get(name)
    match node:
        case Constant(value):
            known = plain(value)
            return lambda row: known
        case Field():
            return compile_field(node, scope)
        case Call():
            return _call(node, scope)
        case Unary("-", operand):
            return _minus(compile_expression(operand, scope))
        case Unary() | Like() | In():
            return compile_test(node, scope)
        case Binary(sign, left, right):
            if sign in _ARITHMETIC:
                return _arithmetic(sign, compile_expression(left, scope), compile_expression(right, scope))
            return compile_test(node, scope)
        case Period() | Star() | Expression():
            raise Malformed(f"unexpected symbol found {scope.query[slice(*node.span)]}", *node.span)


def compile_field(node: Field, scope: Scope) -> Getter:
    """A field's value: what a command defined before what the event has."""
    name, parts = node.name, node.parts
    if name in scope.defined:
        return lambda row: row.values.get(name)
    first = str(parts[0])
    if len(parts) > 1 and first in scope.defined:
        rest = parts[1:]
        return lambda row: plain(descend(row.values.get(first), rest))
    if scope.closed:
        raise Malformed(f"Unknown symbols found in or after stats: {name}", *node.span)
    if name in _SYSTEM:
        return _SYSTEM[name]
    return lambda row: discovered(row, parts)


def compile_structure(node: Node, scope: Scope) -> Getter:
    """The same, but a field of the message may be a map or a list too."""
    if isinstance(node, Field) and not scope.closed and str(node.parts[0]) not in scope.defined:
        parts = node.parts
        return lambda row: plain(descend(row.document(), parts))
    return compile_expression(node, scope)


# Conditions


def compile_test(node: Node, scope: Scope) -> Test:
    """Whether a condition holds of a row. Raises Malformed."""
    match node:
        case Binary("and", left, right):
            one, two = compile_test(left, scope), compile_test(right, scope)
            return lambda row: one(row) and two(row)
        case Binary("or", left, right):
            one, two = compile_test(left, scope), compile_test(right, scope)
            return lambda row: one(row) or two(row)
        case Unary("not", operand):
            inner = compile_test(operand, scope)
            return lambda row: not inner(row)
        case Binary(sign, left, right) if sign in ("=", "!="):
            return _equality(left, right, scope, sign == "!=")
        case Binary(sign, left, right) if sign in _ORDER:
            return _order(sign, left, right, scope)
        case Like(operand, wanted, negated):
            return _like(compile_expression(operand, scope), wanted, negated)
        case In(operand, choices, negated):
            return _membership(compile_expression(operand, scope), choices, scope, negated)
    getter = compile_expression(node, scope)
    return lambda row: truth(getter(row))


def _equality(left: Node, right: Node, scope: Scope, negated: bool) -> Test:
    one, two = compile_expression(left, scope), compile_expression(right, scope)
    if isinstance(right, Constant) and isinstance(right.value, str) and number(right.value) is None:
        wanted = right.value  # the commonest comparison: a field with a word
        if negated:
            return lambda row: text(one(row)) != wanted
        return lambda row: text(one(row)) == wanted
    if isinstance(right, Constant):
        known = plain(right.value)
        if negated:
            return lambda row: not equal(one(row), known)
        return lambda row: equal(one(row), known)
    if negated:
        return lambda row: not equal(one(row), two(row))
    return lambda row: equal(one(row), two(row))


_ORDER: dict[str, Callable[[Value, Value], bool]] = {
    "<": lambda a, b: less(a, b) is True,
    ">": lambda a, b: less(b, a) is True,
    "<=": lambda a, b: less(b, a) is False,
    ">=": lambda a, b: less(a, b) is False,
}


def _order(sign: str, left: Node, right: Node, scope: Scope) -> Test:
    one, two, compare = compile_expression(left, scope), compile_expression(right, scope), _ORDER[sign]
    return lambda row: compare(one(row), two(row))


def _like(getter: Getter, wanted: str | Expression, negated: bool) -> Test:
    if isinstance(wanted, Expression):
        search = wanted.regex.search

        def matches(row: Row) -> bool:
            known = text(getter(row))
            return known is not None and search(known)
    else:

        def matches(row: Row) -> bool:
            known = text(getter(row))
            return known is not None and wanted in known

    return (lambda row: not matches(row)) if negated else matches


def _membership(getter: Getter, choices: Iterable[Node], scope: Scope, negated: bool) -> Test:
    wanted = [compile_expression(choice, scope) for choice in choices]

    def member(row: Row) -> bool:
        value = getter(row)
        return any(equal(value, choice(row)) for choice in wanted)

    return (lambda row: not member(row)) if negated else member


# Arithmetic


def _power(base: float, exponent: float) -> float:
    found = float(base) ** float(exponent)
    return found if isinstance(found, float) else float("nan")  # a root of a negative number


_ARITHMETIC: dict[str, Callable[[int | float, int | float], int | float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": lambda a, b: a - b * int(a / b),  # its sign is the dividend's
    "^": _power,
}


def _arithmetic(sign: str, left: Getter, right: Getter) -> Getter:
    apply = _ARITHMETIC[sign]

    def calculate(row: Row) -> Value:
        one, two = number(left(row)), number(right(row))
        if one is None or two is None:
            return None
        try:
            found = apply(one, two)
        except (ArithmeticError, ValueError):
            return None
        return found if abs(found) < 1e300 else None

    return calculate


def _minus(getter: Getter) -> Getter:
    def negative(row: Row) -> Value:
        found = number(getter(row))
        return None if found is None else -found

    return negative


# Calls


def _call(node: Call, scope: Scope) -> Getter:
    name = node.name
    if name in _TIMED:
        return _TIMED[name](node, scope)
    if name not in _FUNCTIONS:
        raise Malformed(f"Unknown function: {name}", *node.span)
    least, most, function = _FUNCTIONS[name]
    if not least <= len(node.arguments) <= most:
        raise Malformed(f"Invalid arguments for the function {name}", *node.span)
    if name == "regexreplace" and isinstance(node.arguments[1], Expression):
        regex = node.arguments[1].regex
        value, new = (
            compile_expression(node.arguments[0], scope),
            compile_expression(node.arguments[2], scope),
        )
        return lambda row: function(value(row), regex, new(row))
    getters = [compile_expression(argument, scope) for argument in node.arguments]
    match getters:
        case [one]:
            return lambda row: function(one(row))
        case [one, two]:
            return lambda row: function(one(row), two(row))
    return lambda row: function(*[getter(row) for getter in getters])


def _bin(node: Call, scope: Scope) -> Getter:
    if len(node.arguments) != 1 or not isinstance(node.arguments[0], Period):
        raise Malformed("Invalid arguments for the function bin", *node.span)
    return _rounded(Field(("@timestamp",), node.span), node.arguments[0], flooring, scope)


def _rounding(make: Callable[[int, str], Callable[[int], int]]) -> Callable[[Call, Scope], Getter]:
    def build(node: Call, scope: Scope) -> Getter:
        if len(node.arguments) != 2 or not isinstance(node.arguments[1], Period):
            raise Malformed(f"Invalid arguments for the function {node.name}", *node.span)
        return _rounded(node.arguments[0], node.arguments[1], make, scope)

    return build


def _rounded(
    source: Node, period: Period, make: Callable[[int, str], Callable[[int], int]], scope: Scope
) -> Getter:
    getter, round_to = compile_expression(source, scope), make(period.count, period.unit)

    def rounded(row: Row) -> Value:
        found = number(getter(row))
        if found is None or abs(found) > 1e14:
            return None
        return Instant(round_to(int(found)))

    return rounded


def _fixed(pick: Callable[[Clock], int]) -> Callable[[Call, Scope], Getter]:
    def build(node: Call, scope: Scope) -> Getter:
        if node.arguments:
            raise Malformed(f"Invalid arguments for the function {node.name}", *node.span)
        value = pick(scope.clock)
        return lambda row: value

    return build


_TIMED: dict[str, Callable[[Call, Scope], Getter]] = {
    "bin": _bin,
    "datefloor": _rounding(flooring),
    "dateceil": _rounding(ceiling),
    "now": _fixed(lambda clock: clock.now // 1000),
    "querystarttime": _fixed(lambda clock: clock.start),
    "queryendtime": _fixed(lambda clock: clock.end),
    "querytimerange": _fixed(lambda clock: clock.end - clock.start),
}
