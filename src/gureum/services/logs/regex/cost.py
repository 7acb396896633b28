"""How much work a backtracking engine can be made to do by one expression on one text, from above.

Repetitions of single characters in a row, which is what most expressions are, are looked at more closely: one that
must end where something else begins (`[^,]*,`) has a single way to go, one before a fixed text (`.*? end`) no more
ways than the text holds that one.
"""

from __future__ import annotations

from gureum.services.logs.regex.syntax import At, Chars, Either, Group, Node, Ranges, Repeat, Seq

NEVER = 1e300


def growth(node: Node) -> tuple[float, float]:
    """(c, d): from one place of a text of n characters the engine has at most c × n^d ways to go."""
    match node:
        case Chars() | At():
            return 1, 0
        case Group(item, _, _):
            return growth(item)
        case Seq(items):
            factor, power = 1.0, 0.0
            for c, d in map(growth, items):
                factor, power = min(factor * c, NEVER), power + d
            return factor, power
        case Either(items):
            ways = [growth(item) for item in items]
            return sum(c for c, _ in ways), max(d for _, d in ways)
        case Repeat(item, least, most, _):
            c, d = growth(item)
            if most is None:
                return (1, 1) if isinstance(item, Chars) else (NEVER, 1)
            return _power(c, most) * (most - least + 1), d * most


def _power(base: float, exponent: int) -> float:
    try:
        return min(base**exponent, NEVER)
    except OverflowError:
        return NEVER


def _flat(node: Node) -> list[Node]:
    """A sequence with its unrepeated groups laid open."""
    if isinstance(node, Group):
        return _flat(node.item)
    if isinstance(node, Seq):
        return [part for item in node.items for part in _flat(item)]
    return [node]


def _character(node: Node) -> str:
    if isinstance(node, Chars) and len(node.ranges) == 1 and node.ranges[0][0] == node.ranges[0][1]:
        return chr(node.ranges[0][0])
    return ""


def _literal(parts: list[Node], start: int) -> str:
    out = ""
    for part in parts[start:]:
        if not _character(part):
            break
        out += _character(part)
    return out


def _first(node: Node) -> Ranges | None:
    """What it must begin with, or None when it may be empty or is not simple."""
    if isinstance(node, Repeat) and node.least > 0:
        node = node.item
    return node.ranges if isinstance(node, Chars) else None


def _disjoint(one: Ranges, two: Ranges) -> bool:
    return not any(low <= high2 and low2 <= high for low, high in one for low2, high2 in two)


def longest_literal(node: Node) -> str:
    """A text that every match contains ("" when none is sure): a quick way to say no."""
    parts = _flat(node)
    return max((_literal(parts, at) for at in range(len(parts))), key=len, default="")


class Cost:
    """The bound of one expression, as a function of the text."""

    def __init__(self, tree: Node) -> None:
        parts = _flat(tree)
        self._anchored = bool(parts) and parts[0] == At("start")
        self._head = _literal(parts, 0)
        self._factor, self._power = 1.0, 0.0
        self._before: list[str] = []  # fixed texts that follow a repetition
        for at, part in enumerate(parts):
            if not isinstance(part, Repeat) or not isinstance(part.item, Chars):
                self._add(growth(part))
                continue
            if part.least == part.most or at + 1 == len(parts) or parts[at + 1] == At("end"):
                continue  # one way, or nothing after it that could fail and send the engine back
            following = _first(parts[at + 1])
            text = _literal(parts, at + 1)
            if following is not None and _disjoint(part.item.ranges, following):
                continue
            if text and part.most is None:
                self._before.append(text)
            else:
                self._add(growth(part))

    def _add(self, ways: tuple[float, float]) -> None:
        self._factor = min(self._factor * ways[0], NEVER)
        self._power += ways[1]

    def of(self, text: str) -> float:
        """No more steps than this, give or take a small factor."""
        size = len(text) + 1.0
        starts = 1.0 if self._anchored else text.count(self._head) + 1.0 if self._head else size
        steps = size * starts * self._factor
        for literal in self._before:
            steps *= text.count(literal) + 1
        try:
            return steps * float(size**self._power)
        except OverflowError:
            return NEVER
