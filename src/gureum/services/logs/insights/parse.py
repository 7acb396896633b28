"""Queries: commands between pipes.

Source: "CloudWatch Logs Insights language query syntax" and the pages of its commands in the CloudWatch Logs user
guide. Commands that need what is not here (machine learning, other queries, lookup tables) are refused by name.
"""

from __future__ import annotations

from collections.abc import Callable

from gureum.services.logs.insights.faults import Malformed
from gureum.services.logs.insights.nodes import (
    Accum,
    Call,
    Cluster,
    Column,
    Command,
    Dedup,
    Field,
    Fields,
    Filldown,
    Filter,
    Limit,
    Node,
    Parse,
    Query,
    Sort,
    Source,
    Star,
    Stats,
    Unnest,
)
from gureum.services.logs.insights.parse_expression import ExpressionParser
from gureum.services.logs.insights.scan import Scanner

DEFAULT_LIMIT = 10_000
MAX_LIMIT = 100_000
MAX_STATS = 10

_ABSENT = (
    "anomaly", "appendcols", "addtotals", "autoregress", "cidrlookup", "diff", "fillmissing", "join", "logcompare",
    "lookup", "outlier", "relevantfields", "sessionize", "unmask",
)  # fmt: skip

MESSAGE = Field(("@message",))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text, self.scan = text, Scanner(text)
        self.expressions = ExpressionParser(self.scan)
        self.commands: dict[str, Callable[[], Command]] = {
            "fields": lambda: self._fields(False),
            "display": lambda: self._fields(True),
            "filter": lambda: Filter(self._condition()),
            "where": lambda: Filter(self._condition()),
            "filterindex": lambda: Filter(self._condition(), index=True),
            "stats": self._stats,
            "sort": self._sort,
            "order": self._sort,
            "limit": self._limit,
            "head": self._limit,
            "parse": self._parse,
            "json": self._json,
            "dedup": lambda: Dedup(tuple(column.node for column in self._columns())),
            "unnest": self._unnest,
            "expand": self._expand,
            "pattern": lambda: Cluster(self.expressions.expression()),
            "accum": self._accum,
            "filldown": self._filldown,
        }

    def query(self) -> Query:
        source = self._source() if self.scan.accept("source") else None
        commands: list[Command] = []
        if source is None or self.scan.accept("|"):
            commands += self._command()
            while self.scan.accept("|"):
                commands += self._command()
        if self.scan.peek():
            raise self.scan.refuse()
        return Query(self.text, tuple(commands), source)

    def _command(self) -> tuple[Command, ...]:
        name = self.scan.word()
        if name in _ABSENT:
            start = self.scan.at
            raise Malformed(f"The command {name} is not supported", start, start + len(name))
        if name in ("countfrequent", "count_frequent"):
            self.scan.take()
            return self._frequent(), Sort(((Field(("_approxcount",)), True),))
        if name not in self.commands:
            raise self.scan.refuse()
        self.scan.take()
        return (self.commands[name](),)

    def _condition(self) -> Node:
        return self.expressions.expression()

    def _columns(self) -> tuple[Column, ...]:
        columns = [self._column()]
        while self.scan.accept(","):
            columns.append(self._column())
        return tuple(columns)

    def _column(self) -> Column:
        node = self.expressions.expression()
        if self.scan.accept("as"):
            return Column(node, self._alias(), True)
        name = node.name if isinstance(node, Field) else self.text[node.span[0] : node.span[1]]
        return Column(node, name, False)

    def _alias(self) -> str:
        return ".".join(str(part) for part in self.scan.name())

    def _fields(self, display: bool) -> Fields:
        return Fields(self._columns(), display)

    def _stats(self) -> Stats:
        columns = self._columns()
        by = self._columns() if self.scan.accept("by") else ()
        return Stats(columns, by)

    def _frequent(self) -> Stats:
        by = self._columns()
        return Stats((Column(Call("count", (Star(),)), "_approxcount", True),), by)

    def _sort(self) -> Sort:
        keys: list[tuple[Node, bool]] = []
        while True:
            node = self.expressions.expression()
            descending = self.scan.accept("desc")
            if not descending:
                self.scan.accept("asc")
            keys.append((node, descending))
            if not self.scan.accept(","):
                return Sort(tuple(keys))

    def _limit(self) -> Limit:
        self.scan.accept("any")
        self.scan.peek()
        start = self.scan.at
        count = self.scan.number()
        if not isinstance(count, int) or not 1 <= count <= MAX_LIMIT:
            raise Malformed(f"The limit must be from 1 to {MAX_LIMIT}", start, self.scan.ended)
        return Limit(count)

    def _parse(self) -> Parse:
        source: Node = MESSAGE
        if self.scan.word() not in ('"', "'", "/", "logfmt", "csv"):
            source = self.expressions.operand()  # no more: a slash after it begins the expression to match
        if self.scan.accept("logfmt"):
            return Parse(source, "logfmt", None, self._names())
        if self.scan.accept("csv"):
            return Parse(source, "csv", None, self._names())
        return self._parse_regex(source) if self.scan.peek() == "/" else self._parse_glob(source)

    def _names(self) -> tuple[str, ...]:
        self.scan.expect("as")
        names = [self._alias()]
        while self.scan.accept(","):
            names.append(self._alias())
        return tuple(names)

    def _parse_regex(self, source: Node) -> Parse:
        start = self.scan.at
        regex = self.scan.regex()
        end = self.scan.ended
        names = tuple(name or "" for name in regex.names)
        if self.scan.word() == "as":
            given = self._names()
            if len(given) != len(names):
                raise Malformed("The number of capture groups must equal the number of aliases", start, end)
            names = given
        if not any(names):
            raise Malformed("parse needs named capture groups or aliases", start, end)
        return Parse(source, "regex", regex, names, self.scan.accept("multi"))

    def _parse_glob(self, source: Node) -> Parse:
        self.scan.peek()
        start = self.scan.at
        pieces = tuple(self.scan.string().split("*"))
        end = self.scan.ended
        names = self._names()
        if len(pieces) - 1 != len(names):
            raise Malformed("The number of * wildcards must equal the number of aliases", start, end)
        return Parse(source, "glob", pieces, names)

    def _json(self) -> Parse:
        self.scan.expect("field")
        self.scan.expect("=")
        self.scan.peek()
        start = self.scan.at
        source = Field(self.scan.name(), (start, self.scan.ended))
        path = tuple(self.scan.string().split("."))
        return Parse(source, "json", path, self._names())

    def _unnest(self) -> Unnest:
        source = self.expressions.expression()
        self.scan.expect("into")
        return Unnest(source, self._alias())

    def _expand(self) -> Unnest:
        self.scan.peek()
        start = self.scan.at
        field = Field(self.scan.name(), (start, self.scan.ended))
        return Unnest(field, field.name, expand=True)

    def _accum(self) -> Accum:
        column = self._column()
        return Accum(column.node, column.name)

    def _filldown(self) -> Filldown:
        names: list[str] = []
        while self.scan.peek() not in ("|", ""):
            self.scan.accept(",")
            name = "" if self.scan.peek() == "*" else self._alias()
            while self.scan.accept("*"):
                name += "*"
            names.append(name)
        return Filldown(tuple(names))

    def _source(self) -> Source:
        for symbol in ("loggroups", "("):
            self.scan.expect(symbol)
        found: dict[str, tuple[str, ...]] = {}
        keys = {"nameprefix": "prefixes", "accountidentifiers": "accounts", "accountidentifier": "accounts"}
        keys |= {"class": "classes", "loggroupclass": "classes"}
        while not self.scan.accept(")"):
            if found:
                self.scan.expect(",")
            if self.scan.word() not in keys:
                raise self.scan.refuse()
            key = keys[self.scan.take().lower()]
            self.scan.expect(":")
            found[key] = self._strings()
        return Source(**found)

    def _strings(self) -> tuple[str, ...]:
        self.scan.expect("[")
        found = [self.scan.string()]
        while self.scan.accept(","):
            found.append(self.scan.string())
        self.scan.expect("]")
        return tuple(found)


def parse(text: str) -> Query:
    """The commands of a query. Raises Malformed with where it is wrong."""
    parser = _Parser(text)
    if not parser.scan.peek():
        return Query(text, (), None)
    query = parser.query()
    _check_order(query)
    return query


def _check_order(query: Query) -> None:
    """What may follow what, as the pages of stats, dedup and pattern say."""
    stats = [at for at, command in enumerate(query.commands) if isinstance(command, Stats)]
    if len(stats) > MAX_STATS:
        raise Malformed(f"A query can have a maximum of {MAX_STATS} stats commands")
    for at, command in enumerate(query.commands):
        if isinstance(command, Sort | Limit) and stats and at < stats[-1]:
            raise Malformed("The sort and limit commands must come after the last stats command")
        if isinstance(command, Cluster) and any(isinstance(before, Sort) for before in query.commands[:at]):
            raise Malformed("The pattern command cannot come after the sort command")
        if isinstance(command, Dedup):
            for after in query.commands[at + 1 :]:
                if not isinstance(after, Limit):
                    raise Malformed("Only the limit command can come after the dedup command")
