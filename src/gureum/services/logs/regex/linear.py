"""Matching in time linear in the text, whatever the expression: Thompson's construction.

`Machine.search` walks an automaton that is made deterministic as it goes (states are kept, and forgotten when
they grow many); `Machine.groups` keeps one set of captures a thread, in order of preference (Pike's machine).
Source: https://swtch.com/~rsc/regexp/ (the papers that RE2 was built from).
"""

from __future__ import annotations

from bisect import bisect_right

from gureum.services.logs.regex.syntax import At, BadRegex, Chars, Either, Group, Node, Ranges, Repeat, Seq

MAX_INSTRUCTIONS = 10_000
MAX_STATES = 2_000

CHAR, SPLIT, AT, SAVE, MATCH = range(5)
START, NEWLINE, WORD, OTHER, END = range(5)  # what stands before or after a place


def _kind(char: str) -> int:
    if char == "\n":
        return NEWLINE
    return WORD if char == "_" or (char.isascii() and char.isalnum()) else OTHER


def _holds(place: str, before: int, after: int) -> bool:
    match place:
        case "start":
            return before == START
        case "end":
            return after == END
        case "line_start":
            return before in (START, NEWLINE)
        case "line_end":
            return after in (END, NEWLINE)
    return ((before == WORD) != (after == WORD)) == (place == "word")


def _has(ranges: Ranges, code: int) -> bool:
    index = bisect_right(ranges, (code, 0x110000)) - 1
    return index >= 0 and code <= ranges[index][1]


class _State(dict[str, "_State | None"]):
    """Where the automaton can stand, and where each character seen so far leads: None is a match."""

    __slots__ = ("before", "machine", "raw")

    def __init__(self, machine: Machine, raw: frozenset[int], before: int) -> None:
        super().__init__()
        self.machine, self.raw, self.before = machine, raw, before

    def __missing__(self, char: str) -> _State | None:
        following = self[char] = self.machine.step(self, char)
        return following


class Machine:
    """A compiled expression. Raises BadRegex when it needs more than MAX_INSTRUCTIONS."""

    def __init__(self, tree: Node) -> None:
        self.kinds: list[int] = []
        self.ranges: list[Ranges] = []  # of CHAR
        self.places: list[str] = []  # of AT
        self.slots: list[int] = []  # of SAVE
        self.first: list[int] = []
        self.other: list[int] = []  # of SPLIT, else -1
        self._emit(tree)
        self._add(MATCH)
        self._states: dict[tuple[frozenset[int], int], _State] = {}

    def _add(self, kind: int, ranges: Ranges = (), place: str = "", slot: int = 0) -> int:
        if len(self.kinds) >= MAX_INSTRUCTIONS:
            raise BadRegex("expression too large")
        self.kinds.append(kind)
        self.ranges.append(ranges)
        self.places.append(place)
        self.slots.append(slot)
        self.first.append(len(self.kinds))
        self.other.append(-1)
        return len(self.kinds) - 1

    def _patch(self, at: int, first: int, other: int = -1) -> None:
        self.first[at], self.other[at] = first, other

    def _emit(self, node: Node) -> None:
        match node:
            case Chars(ranges):
                self._add(CHAR, ranges)
            case At(place):
                self._add(AT, place=place)
            case Seq(items):
                for item in items:
                    self._emit(item)
            case Group(item, number, _):
                self._add(SAVE, slot=2 * number)
                self._emit(item)
                self._add(SAVE, slot=2 * number + 1)
            case Either(items):
                self._emit_either(items)
            case Repeat(item, least, most, greedy):
                self._emit_repeat(item, least, most, greedy)

    def _emit_either(self, items: tuple[Node, ...]) -> None:
        ends = []
        for item in items[:-1]:
            split = self._add(SPLIT)
            self._emit(item)
            ends.append(self._add(SPLIT))
            self._patch(split, split + 1, len(self.kinds))
        self._emit(items[-1])
        for end in ends:
            self._patch(end, len(self.kinds))

    def _emit_repeat(self, item: Node, least: int, most: int | None, greedy: bool) -> None:
        for _ in range(least):
            self._emit(item)
        splits = []
        if most is None:
            splits.append(self._add(SPLIT))
            self._emit(item)
            self._patch(self._add(SPLIT), splits[0])
        for _ in range((most or least) - least):
            splits.append(self._add(SPLIT))
            self._emit(item)
        for split in splits:
            ways = (split + 1, len(self.kinds))
            self._patch(split, *(ways if greedy else ways[::-1]))

    # Matching, yes or no

    def search(self, text: str) -> bool:
        """Whether the expression matches anywhere in the text."""
        state: _State | None = self._state(frozenset((0,)), START)
        for char in text:
            if state is None:
                return True
            state = state[char]
        return state is None or self._closure(state.raw, state.before, END) is None

    def _state(self, raw: frozenset[int], before: int) -> _State:
        key = (raw, before)
        state = self._states.get(key)
        if state is None:
            if len(self._states) > MAX_STATES:
                for old in self._states.values():
                    old.clear()  # they point at one another: let them go
                self._states.clear()
            state = self._states[key] = _State(self, raw, before)
        return state

    def step(self, state: _State, char: str) -> _State | None:
        """Where `char` leads from `state`; None when the expression has matched before it."""
        kind, code = _kind(char), ord(char)
        live = self._closure(state.raw, state.before, kind)
        if live is None:
            return None
        ahead = {self.first[at] for at in live if _has(self.ranges[at], code)}
        return self._state(frozenset(ahead | {0}), kind)

    def _closure(self, raw: frozenset[int], before: int, after: int) -> set[int] | None:
        """The character instructions reachable without a character; None when the match is."""
        seen, todo = set(raw), list(raw)
        live: set[int] = set()
        while todo:
            at = todo.pop()
            kind = self.kinds[at]
            if kind == MATCH:
                return None
            if kind == CHAR:
                live.add(at)
                continue
            if kind == AT and not _holds(self.places[at], before, after):
                continue
            for target in (self.first[at], self.other[at]):
                if target >= 0 and target not in seen:
                    seen.add(target)
                    todo.append(target)
        return live

    # Matching, with what the groups caught

    def spans(self, text: str, start: int, groups: int) -> list[int] | None:
        """The leftmost match from `start` on: [begin, end, begin of group 1, end of group 1, …], -1 unset."""
        empty = (-1,) * (2 * groups + 2)
        found: tuple[int, ...] | None = None
        threads: list[tuple[int, tuple[int, ...]]] = []
        before = START if start == 0 else _kind(text[start - 1])
        for place in range(start, len(text) + 1):
            after = _kind(text[place]) if place < len(text) else END
            if found is None:
                threads.append((0, (place, *empty[1:])))
            live: list[tuple[int, tuple[int, ...]]] = []
            seen: set[int] = set()
            for at, caught in threads:
                ended = self._follow((at, caught), place, (before, after), seen, live)
                if ended is not None:
                    found = ended
                    break  # what comes later in the list is less preferred
            if place == len(text) or (found is not None and not live):
                break
            code, before = ord(text[place]), after
            threads = [(self.first[at], c) for at, c in live if _has(self.ranges[at], code)]
        return list(found) if found is not None else None

    def _follow(
        self,
        thread: tuple[int, tuple[int, ...]],
        place: int,
        around: tuple[int, int],
        seen: set[int],
        live: list[tuple[int, tuple[int, ...]]],
    ) -> tuple[int, ...] | None:
        todo = [thread]
        while todo:
            at, caught = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            kind = self.kinds[at]
            if kind == MATCH:
                return (caught[0], place, *caught[2:])
            if kind == CHAR:
                live.append((at, caught))
                continue
            if kind == AT and not _holds(self.places[at], *around):
                continue
            if kind == SAVE:
                slot = self.slots[at]
                caught = (*caught[:slot], place, *caught[slot + 1 :])
            if self.other[at] >= 0:
                todo.append((self.other[at], caught))
            todo.append((self.first[at], caught))
        return None
