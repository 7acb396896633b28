"""Expressions of the query language, by recursive descent: or, and, not, comparison, + -, * / %, ^, minus."""

from __future__ import annotations

import re

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
from gureum.services.logs.insights.scan import Scanner
from gureum.services.logs.insights.times import UNITS

MAX_NESTING = 60

_COMPARISONS = ("=", "!=", "<", "<=", ">", ">=")
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_RESERVED = frozenset(("and", "or", "not", "in", "like", "as", "by", "asc", "desc"))
_PERIOD = re.compile(r"(\d+)([a-z]+)\Z")


class ExpressionParser:
    """Reads expressions from a scanner. Raises Malformed."""

    def __init__(self, scanner: Scanner) -> None:
        self.scan, self._depth = scanner, 0

    def expression(self) -> Node:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise Malformed("The query nests too deeply", self.scan.at, self.scan.at)
        left = self._conjunction()
        while self.scan.accept("or"):
            left = Binary("or", left, self._conjunction(), (left.span[0], self.scan.ended))
        self._depth -= 1
        return left

    def _conjunction(self) -> Node:
        left = self._negation()
        while self.scan.accept("and"):
            left = Binary("and", left, self._negation(), (left.span[0], self.scan.ended))
        return left

    def _negation(self) -> Node:
        self.scan.peek()
        start, negations = self.scan.at, 0
        while self.scan.accept("not"):
            negations += 1
        node = self._comparison()
        if negations == 0:
            return node
        node = Unary("not", node, (start, self.scan.ended))
        return Unary("not", node, node.span) if negations % 2 == 0 else node

    def _comparison(self) -> Node:
        left = self._sum()
        while True:
            start, sign = left.span[0], self.scan.word()
            if sign in _COMPARISONS:
                self.scan.take()
                left = Binary(sign, left, self._sum(), (start, self.scan.ended))
            elif sign == "=~" or self.scan.accept("like"):
                if sign == "=~":
                    self.scan.take()
                left = Like(left, self._wanted(), False, (start, self.scan.ended))
            elif self.scan.accept("not", "like"):
                left = Like(left, self._wanted(), True, (start, self.scan.ended))
            elif self.scan.accept("in"):
                left = In(left, self._choices(), False, (start, self.scan.ended))
            elif self.scan.accept("not", "in"):
                left = In(left, self._choices(), True, (start, self.scan.ended))
            else:
                return left

    def _wanted(self) -> str | Expression:
        if self.scan.peek() == "/":
            start = self.scan.at
            return Expression(self.scan.regex(), (start, self.scan.ended))
        return self.scan.string()

    def _choices(self) -> tuple[Node, ...]:
        self.scan.expect("[")
        choices: list[Node] = []
        while not self.scan.accept("]"):
            if choices:
                self.scan.expect(",")
            choices.append(self._sum())
        return tuple(choices)

    def _sum(self) -> Node:
        left = self._product()
        while (sign := self.scan.peek()) in ("+", "-"):
            self.scan.take()
            left = Binary(sign, left, self._product(), (left.span[0], self.scan.ended))
        return left

    def _product(self) -> Node:
        left = self._power()
        while (sign := self.scan.peek()) in ("*", "/", "%"):
            self.scan.take()
            left = Binary(sign, left, self._power(), (left.span[0], self.scan.ended))
        return left

    def _power(self) -> Node:
        left = self._signed()
        if self.scan.accept("^"):
            self._depth += 1
            if self._depth > MAX_NESTING:
                raise Malformed("The query nests too deeply", self.scan.at, self.scan.at)
            left = Binary("^", left, self._power(), (left.span[0], self.scan.ended))
            self._depth -= 1
        return left

    def _signed(self) -> Node:
        self.scan.peek()
        start, minus = self.scan.at, False
        while self.scan.peek() in ("-", "+"):
            minus ^= self.scan.take() == "-"
        node = self.operand()
        return Unary("-", node, (start, self.scan.ended)) if minus else node

    def operand(self) -> Node:
        """A field, a call, a constant or what stands in parentheses."""
        symbol = self.scan.peek()
        start, word = self.scan.at, symbol.lower()
        if symbol == "(":
            self.scan.take()
            node = self.expression()
            self.scan.expect(")")
            return node
        if symbol in ('"', "'") and symbol:
            return Constant(self.scan.string(), (start, self.scan.ended))
        if symbol[:1].isdigit():
            period = _PERIOD.match(word)
            if period and period[2] in UNITS:
                self.scan.take()
                return Period(int(period[1]), UNITS[period[2]], (start, self.scan.ended))
            return Constant(self.scan.number(), (start, self.scan.ended))
        if word in _RESERVED or not (symbol[:1].isalpha() or (symbol[:1] in "@`_" and symbol)):
            raise self.scan.refuse()
        parts = self.scan.name()
        if len(parts) == 1 and self.scan.peek() == "(" and symbol[:1] != "`":
            return self._call(word, start)
        if len(parts) == 1 and word in _CONSTANTS:
            return Constant(_CONSTANTS[word], (start, self.scan.ended))
        return Field(parts, (start, self.scan.ended))

    def _call(self, name: str, start: int) -> Node:
        self.scan.expect("(")
        arguments: list[Node] = []
        while not self.scan.accept(")"):
            if arguments:
                self.scan.expect(",")
            if self.scan.accept("*"):
                arguments.append(Star((self.scan.ended - 1, self.scan.ended)))
            elif self.scan.peek() == "/":
                place = self.scan.at
                arguments.append(Expression(self.scan.regex(), (place, self.scan.ended)))
            else:
                arguments.append(self._argument())
        return Call(name, tuple(arguments), (start, self.scan.ended))

    def _argument(self) -> Node:
        node = self.expression()
        unit = self.scan.word()
        if isinstance(node, Constant) and type(node.value) is int and unit in UNITS:  # bin(5 minutes)
            self.scan.take()
            return Period(node.value, UNITS[unit], (node.span[0], self.scan.ended))
        return node
