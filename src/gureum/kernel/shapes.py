"""Validation: whether an input obeys its shape's constraints, and AWS's own words where it does not.

`validator` compiles an operation's input once to closures; a valid input costs a few comparisons, and texts are
made only when something is wrong. The wording is that of AWS's services, as seen in their answers:

    1 validation error detected: Value 'x' at 'queueName' failed to satisfy constraint: Member must have length
    less than or equal to 80

Paths are in lower camel case, items of a list count from one (`tags.1.member.key`), and what is wrong with a
scalar inside a list or map is said of the whole list or map, with all the constraints of its items in brackets.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from msgspec import Struct

from gureum.kernel import patterns
from gureum.kernel.models import Model, Operation, Shape

ALL = frozenset({"required", "length", "range", "enum", "pattern"})


class Rules(Struct, frozen=True):
    """What a service enforces of its model: S3 and EC2, for instance, accept values that their enumerations do
    not name. `echo` says whether its messages repeat the offending value (`Value 'x' at`, `Value null at`) or
    only name its place (`Value at`), as IAM, Cognito and newer services do."""

    checks: frozenset[str] = ALL
    echo: bool = True


STRICT = Rules()

# A place in the input, from the inside out: (where it is, its name); () is the input itself.
Place = tuple[Any, ...]
Check = Callable[[Any, Place, list[str]], None]


class Constraint(NamedTuple):
    """One constraint: whether a value obeys it, and how AWS states it."""

    holds: Callable[[Any], bool]
    text: str


@functools.cache
def validator(
    model: Model, operation: Operation, rules: Rules = STRICT
) -> Callable[[dict[str, Any]], str | None]:
    """Compile the validation of an operation's input. The result takes the input and gives AWS's message for
    what is wrong with it, or None. Compiled once; keep it where speed matters."""
    shape = model.input(operation)
    check = _Compiler(model, rules).inside(shape) if shape is not None else None
    if check is None:
        return lambda params: None

    def validate(params: dict[str, Any]) -> str | None:
        problems: list[str] = []
        check(params, (), problems)
        return message(problems) if problems else None

    return validate


def message(problems: list[str]) -> str:
    """The problems as one message, as AWS counts and joins them."""
    count = len(problems)
    return f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(problems)}"


class _Compiler:
    """Compiles checks for one model under one set of rules."""

    def __init__(self, model: Model, rules: Rules) -> None:
        self._model, self._rules = model, rules
        # None while a structure is being compiled: it is then taken to need checking.
        self._structures: dict[str, Check | None] = {}
        self._open: set[str] = set()

    def inside(self, shape: Shape) -> Check | None:
        """The check of what a value holds; None where nothing in it is constrained."""
        if shape.type == "structure" and not shape.document:
            return self._structure(shape)
        if shape.type == "list":
            return self._list(shape)
        if shape.type == "map":
            return self._map(shape)
        return None

    def _structure(self, shape: Shape) -> Check | None:
        name = shape.name
        if name in self._open:
            # A shape that contains itself: its check is there by the time that this one runs.
            def again(value: Any, place: Place, problems: list[str]) -> None:
                check = self._structures.get(name)
                if check is not None:
                    check(value, place, problems)

            return again
        if name not in self._structures:
            self._open.add(name)
            self._structures[name] = self._fresh_structure(shape)
            self._open.discard(name)
        return self._structures[name]

    def _fresh_structure(self, shape: Shape) -> Check | None:
        rules = self._rules
        required = shape.required if "required" in rules.checks else ()
        members: list[tuple[str, Check]] = []
        for name, member in self._model.members_of(shape).items():
            check = _both(own(member, rules), self.inside(member))
            if check is not None:
                members.append((name, check))
        if not members and not required:
            return None

        def structure(value: dict[str, Any], place: Place, problems: list[str]) -> None:
            for name in required:
                if value.get(name) is None:
                    what = "Value null" if rules.echo else "Value"
                    problems.append(_problem(what, (place, name), "Member must not be null"))
            for name, check in members:
                item = value.get(name)
                if item is not None:
                    check(item, (place, name), problems)

        return structure

    def _list(self, shape: Shape) -> Check | None:
        assert shape.member is not None
        member = self._model.resolve(shape.member)
        limits, below = constraints(member, self._rules), self.inside(member)
        if not limits and below is None:
            return None
        echo = self._rules.echo and not (shape.sensitive or member.sensitive)
        stated = _stated("Member", limits)

        def items(value: list[Any], place: Place, problems: list[str]) -> None:
            if limits and not all(
                limit.holds(item) for item in value if item is not None for limit in limits
            ):
                problems.append(_problem(_echoed(value, echo), place, stated))
            if below is not None:
                for number, item in enumerate(value, 1):
                    if item is not None:
                        below(item, ((place, str(number)), "member"), problems)

        return items

    def _map(self, shape: Shape) -> Check | None:
        assert shape.key is not None and shape.value is not None
        key, item_shape = self._model.resolve(shape.key), self._model.resolve(shape.value)
        of_keys, of_values = constraints(key, self._rules), constraints(item_shape, self._rules)
        below = self.inside(item_shape)
        if not of_keys and not of_values and below is None:
            return None
        echo = self._rules.echo and not (shape.sensitive or key.sensitive or item_shape.sensitive)
        keys_stated, values_stated = _stated("Map keys", of_keys), _stated("Map value", of_values)

        def pairs(value: dict[str, Any], place: Place, problems: list[str]) -> None:
            if of_keys and not all(limit.holds(name) for name in value for limit in of_keys):
                problems.append(_problem(_echoed(value, echo), place, keys_stated))
            present = [item for item in value.values() if item is not None]
            if of_values and not all(limit.holds(item) for item in present for limit in of_values):
                problems.append(_problem(_echoed(value, echo), place, values_stated))
            if below is not None:
                for name, item in value.items():
                    if item is not None:
                        below(item, ((place, f"{name}\0"), "member"), problems)

        return pairs


def own(shape: Shape, rules: Rules) -> Check | None:
    """The check of a value's own constraints: its length, range, pattern and enumeration."""
    limits = constraints(shape, rules)
    if not limits:
        return None
    echo = rules.echo and not shape.sensitive
    if len(limits) == 1:
        holds, text = limits[0]

        def one(value: Any, place: Place, problems: list[str]) -> None:
            if not holds(value):
                problems.append(_problem(_echoed(value, echo), place, text))

        return one

    def check(value: Any, place: Place, problems: list[str]) -> None:
        for holds, text in limits:
            if not holds(value):
                problems.append(_problem(_echoed(value, echo), place, text))

    return check


def _both(first: Check | None, second: Check | None) -> Check | None:
    if first is None or second is None:
        return first or second

    def check(value: Any, place: Place, problems: list[str]) -> None:
        first(value, place, problems)
        second(value, place, problems)

    return check


def constraints(shape: Shape, rules: Rules = STRICT) -> tuple[Constraint, ...]:
    """The constraints of a shape's own value, in the order in which AWS states them."""
    return tuple(_constraints(shape, rules))


def _constraints(shape: Shape, rules: Rules) -> Iterator[Constraint]:
    if shape.type in _SIZED and "length" in rules.checks:
        yield from _lengths(shape)
    elif shape.type in _NUMBERS and "range" in rules.checks:
        yield from _ranges(shape)
    if shape.pattern is not None and "pattern" in rules.checks:
        text = f"Member must satisfy regular expression pattern: {shape.pattern}"
        yield Constraint(_lazy_match(shape.pattern), text)
    if shape.enum is not None and "enum" in rules.checks:
        text = f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        yield Constraint(frozenset(shape.enum).__contains__, text)


def _lengths(shape: Shape) -> Iterator[Constraint]:
    low, high, size = shape.min, shape.max, _SIZED[shape.type]
    if high is not None:
        yield Constraint(_at_most(size, high), f"Member must have length less than or equal to {high}")
    # Nothing is shorter than nothing.
    if low is not None and low > 0:
        yield Constraint(_at_least(size, low), f"Member must have length greater than or equal to {low}")


def _ranges(shape: Shape) -> Iterator[Constraint]:
    low, high = shape.min, shape.max
    if high is not None:
        yield Constraint(lambda value: value <= high, f"Member must have value less than or equal to {high}")
    if low is not None:
        yield Constraint(lambda value: value >= low, f"Member must have value greater than or equal to {low}")


def _at_most(size: Callable[[Any], int], high: float) -> Callable[[Any], bool]:
    return lambda value: size(value) <= high


def _at_least(size: Callable[[Any], int], low: float) -> Callable[[Any], bool]:
    return lambda value: size(value) >= low


def _size(value: Any) -> int:
    """The length of a blob, which may still lie in a file."""
    size: int = len(value) if isinstance(value, bytes) else value.size
    return size


_SIZED: dict[str, Callable[[Any], int]] = {"string": len, "list": len, "map": len, "blob": _size}
_NUMBERS = ("integer", "long", "float", "double")


def _lazy_match(pattern: str) -> Callable[[str], bool]:
    """Matches a pattern, compiled when the first value comes: most of a model's patterns are never used. A
    pattern that cannot be run holds for everything."""
    compiled: list[patterns.Match | None] = []

    def holds(value: str) -> bool:
        if not compiled:
            compiled.append(patterns.compile(pattern))
        return compiled[0] is None or compiled[0](value)

    return holds


def _stated(what: str, limits: tuple[Constraint, ...]) -> str:
    return f"{what} must satisfy constraint: [{', '.join(limit.text for limit in limits)}]"


def _problem(what: str, place: Place, text: str) -> str:
    return f"{what} at '{'.'.join(_path(place))}' failed to satisfy constraint: {text}"


def _path(place: Place) -> Iterator[str]:
    if place:
        yield from _path(place[0])
        name = place[1]
        # A map's key stands as it is (marked by a final NUL); a member's name begins in lower case.
        yield name[:-1] if name.endswith("\0") else name[0].lower() + name[1:]


def _echoed(value: Any, echo: bool) -> str:
    return f"Value '{_java(value)}'" if echo else "Value"


def _java(value: Any) -> str:
    """A value as Java's toString shows it in AWS's messages."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(_java, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)
