"""The tree of a query. `span` of a node is where it stands in the query: (start, end) offsets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from gureum.services.logs.regex import Regex

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Constant:
    value: str | int | float | bool | None
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Field:
    parts: tuple[str | int, ...]  # a.`b.c`[0] → ("a", "b.c", 0)
    span: Span = (0, 0)

    @property
    def name(self) -> str:
        return ".".join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Period:
    count: int
    unit: str  # of times.UNITS
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Star:
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression as an argument."""

    regex: Regex = field(compare=False)
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Call:
    name: str  # lower case
    arguments: tuple[Node, ...]
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Unary:
    sign: Literal["-", "not"]
    operand: Node
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Binary:
    sign: str  # and or = != < <= > >= + - * / % ^
    left: Node
    right: Node
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Like:
    operand: Node
    wanted: str | Expression
    negated: bool
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class In:
    operand: Node
    choices: tuple[Node, ...]
    negated: bool
    span: Span = (0, 0)


Node = Constant | Field | Period | Star | Expression | Call | Unary | Binary | Like | In


@dataclass(frozen=True, slots=True)
class Column:
    """An expression and the name that its values go by: its alias, or as it stands in the query."""

    node: Node
    name: str
    aliased: bool


@dataclass(frozen=True, slots=True)
class Fields:
    columns: tuple[Column, ...]
    display: bool  # `display` names all that is shown, `fields` adds to it


@dataclass(frozen=True, slots=True)
class Filter:
    condition: Node
    index: bool = False  # filterIndex: only groups that index the field are to be scanned


@dataclass(frozen=True, slots=True)
class Stats:
    columns: tuple[Column, ...]
    by: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Sort:
    keys: tuple[tuple[Node, bool], ...]  # (expression, descending)


@dataclass(frozen=True, slots=True)
class Limit:
    count: int


@dataclass(frozen=True, slots=True)
class Parse:
    source: Node
    mode: Literal["glob", "regex", "logfmt", "csv", "json"]
    pattern: Any  # the glob's fixed texts, the Regex, or the JSON path's parts
    names: tuple[str, ...]
    multi: bool = False


@dataclass(frozen=True, slots=True)
class Dedup:
    keys: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Unnest:
    source: Node
    name: str
    expand: bool = False  # the `expand` command, which also takes arrays of the message itself


@dataclass(frozen=True, slots=True)
class Cluster:
    """The `pattern` command."""

    source: Node


@dataclass(frozen=True, slots=True)
class Accum:
    source: Node
    name: str


@dataclass(frozen=True, slots=True)
class Filldown:
    names: tuple[str, ...]  # with * as a wildcard; none: all fields


Command = Fields | Filter | Stats | Sort | Limit | Parse | Dedup | Unnest | Cluster | Accum | Filldown


@dataclass(frozen=True, slots=True)
class Source:
    """Which log groups `SOURCE logGroups(...)` asks for; empty: not restricted."""

    prefixes: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    commands: tuple[Command, ...]
    source: Source | None

    @property
    def indexed(self) -> tuple[str, ...]:
        """The fields that filterIndex names: only groups with an index on each of them may be scanned."""
        names: list[str] = []
        for command in self.commands:
            if isinstance(command, Filter) and command.index:
                _fields_of(command.condition, names)
        return tuple(dict.fromkeys(names))


def _fields_of(node: Node, names: list[str]) -> None:
    match node:
        case Field():
            names.append(node.name)
        case Binary(_, left, right):
            _fields_of(left, names)
            _fields_of(right, names)
        case Unary(_, operand) | Like(operand, _, _) | In(operand, _, _):
            _fields_of(operand, names)
