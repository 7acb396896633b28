"""The contract of the store, the unit of work, and the table through which a service sees its records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, Protocol

from gureum.kernel.events import Changed, Told
from gureum.kernel.faults import Fault
from gureum.kernel.records import Key, Kind, R, Record


class Row(NamedTuple):
    """A record as the store holds it. `version` differs after every change of it."""

    key: Key
    version: int
    record: Record


class Due(NamedTuple):
    """A record whose reconciler wants to run. `failures` counts the steps that failed in a row."""

    key: Key
    at: float
    failures: int


class Store(Protocol):
    """What a store does. `tests/kernel/test_store.py` is the contract; every driver passes it."""

    shared: bool
    """Whether other gateways commit to it too, so that what they did must be looked for."""

    def read(self, kind: Kind, key: Key) -> Row | None:
        """The record at a key."""

    def scan(
        self,
        kind: Kind,
        account: str | None,
        region: str | None,
        *,
        prefix: str = "",
        after: tuple[str, str, str] | None = None,
        index: tuple[str, str] | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        """Rows of a kind in order of account, region and key: of one place, or of all where it is None.

        `after` is the (account, region, key) that the first row follows; `index` keeps rows whose index of that
        name has that value; `prefix` those whose key starts so.
        """

    def commit(self, work: Work) -> None:
        """Make all of a unit of work true, or nothing. Raises `Conflict` where a row it read has changed."""

    def due(self, before: float, limit: int) -> list[Due]:
        """Records due before a time, soonest first."""

    def next_due(self) -> float | None:
        """When the soonest record is due."""

    def events(self, after: int, limit: int) -> list[tuple[int, Changed | Told]]:
        """Events committed after a position, oldest first."""

    def last_event(self) -> int:
        """The position of the newest event."""

    def cursor(self, listener: str) -> int | None:
        """How far a listener has read: a position, or None where it has never read."""

    def move_cursor(self, listener: str, position: int) -> None: ...

    def forget_events(self, before: int) -> None:
        """Drop events below a position: all listeners are past them."""

    def generation(self, service: str) -> int:
        """A number that changes with every commit that touches a service's records."""

    def on_commit(self, call: Callable[[Work], None]) -> None:
        """Call after each commit, from the committing thread: something may be due, an event may wait."""

    def clear(self) -> None:
        """Drop everything."""

    def close(self) -> None: ...


class Work:
    """A unit of work: the versions it read, what it writes. Nothing is true before `Store.commit`."""

    __slots__ = ("cause", "due", "reads", "told", "undue", "writes")

    def __init__(self, cause: str = "") -> None:
        self.reads: dict[Key, int] = {}
        self.writes: dict[Key, tuple[Kind, Record | None]] = {}
        self.due: dict[Key, tuple[float, int]] = {}  # when, and how often it failed
        self.undue: set[Key] = set()
        self.told: list[Told] = []
        self.cause = cause

    def __bool__(self) -> bool:
        return bool(self.writes or self.told or self.due or self.undue)


class Table(Generic[R]):
    """One kind's records in one account and region, within a unit of work."""

    __slots__ = ("account", "kind", "region", "store", "work")

    def __init__(self, store: Store, work: Work, kind: Kind, account: str, region: str) -> None:
        self.store, self.work, self.kind = store, work, kind
        self.account, self.region = kind.place(account, region)

    def get(self, *key: str) -> R | None:
        """The record with these key fields, or None."""
        at = (self.kind.name, self.account, self.region, self.kind.join(*key))
        written = self.work.writes.get(at)
        if written is not None:
            return written[1]  # type: ignore[return-value]
        row = self.store.read(self.kind, at)
        self.work.reads.setdefault(at, row.version if row else 0)
        return row.record if row else None  # type: ignore[return-value]

    def need(self, *key: str) -> R:
        """The record with these key fields, or the kind's declared fault."""
        found = self.get(*key)
        if found is None:
            raise self.missing(*key)
        return found

    def missing(self, *key: str) -> Fault:
        """The fault that says that there is no such record."""
        return _fault(self.kind, self.kind.missing, key)

    def add(self, record: R) -> R:
        """Keep a new record; the kind's declared fault if there is one with its key."""
        key = self._key(record)
        if self.get(key) is not None:
            raise _fault(self.kind, self.kind.exists, tuple(key.split("\x1f")))
        return self.put(record)

    def put(self, record: R) -> R:
        """Keep a record, new or changed."""
        self.work.writes[(self.kind.name, self.account, self.region, self._key(record))] = (self.kind, record)
        return record

    def drop(self, record: R) -> None:
        """Forget a record."""
        self.work.writes[(self.kind.name, self.account, self.region, self._key(record))] = (self.kind, None)

    def arn(self, record: R) -> str:
        """The record's ARN."""
        return self.kind.arn(self.account, self.region, record)

    def scan(self, *, prefix: str = "", after: str = "") -> Iterator[R]:
        """Every record in key order, read in pages: those whose key starts with `prefix`, after key `after`."""
        for row in self._rows(prefix, after, None):
            yield row[1]

    def find(self, index: str, value: str) -> Iterator[R]:
        """The records whose index `index` has this value, in key order."""
        for row in self._rows("", "", (index, value)):
            yield row[1]

    def page(
        self,
        limit: int,
        after: str = "",
        *,
        prefix: str = "",
        index: tuple[str, str] | None = None,
        where: Callable[[R], bool] | None = None,
    ) -> tuple[list[R], str]:
        """At most `limit` records after key `after`, and the key to go on from ("" at the end)."""
        found: list[R] = []
        last = ""
        for key, record in self._rows(prefix, after, index):
            if where is not None and not where(record):
                continue
            if len(found) == limit:
                return found, last
            found.append(record)
            last = key
        return found, ""

    def _key(self, record: R) -> str:
        return self.kind.key(record)

    def _rows(self, prefix: str, after: str, index: tuple[str, str] | None) -> Iterator[tuple[str, R]]:
        written = self._written(prefix, after, index)
        for row in self._stored(prefix, after, index):
            key = row.key[3]
            while written and written[0][0] < key:
                yield written.pop(0)  # type: ignore[misc]
            if row.key in self.work.writes:
                continue
            self.work.reads.setdefault(row.key, row.version)
            yield key, row.record  # type: ignore[misc]
        yield from written  # type: ignore[misc]

    def _stored(self, prefix: str, after: str, index: tuple[str, str] | None) -> Iterator[Row]:
        size, start = 100, (self.account, self.region, after) if after else None
        while True:
            rows = self.store.scan(
                self.kind, self.account, self.region, prefix=prefix, after=start, index=index, limit=size
            )
            yield from rows
            if len(rows) < size:
                return
            start = rows[-1].key[1:]
            size = 1000

    def _written(self, prefix: str, after: str, index: tuple[str, str] | None) -> list[tuple[str, Record]]:
        place = (self.kind.name, self.account, self.region)
        return sorted(
            (
                (key[3], record)
                for key, (kind, record) in self.work.writes.items()
                if record is not None
                and key[:3] == place
                and key[3] > after
                and key[3].startswith(prefix)
                and (index is None or kind.indexes[index[0]](record) == index[1])
            ),
            key=lambda pair: pair[0],
        )


def rows_everywhere(store: Store, kind: Kind, index: tuple[str, str] | None = None) -> Iterable[Row]:
    """Every row of a kind, in all accounts and regions, read in pages."""
    after: tuple[str, str, str] | None = None
    while True:
        rows: Sequence[Row] = store.scan(kind, None, None, after=after, index=index, limit=1000)
        yield from rows
        if len(rows) < 1000:
            return
        after = rows[-1].key[1:]


def _fault(kind: Kind, declared: tuple[str, str], key: tuple[str, ...]) -> Fault:
    code, text = declared
    named: dict[str, Any] = dict(zip(kind.key_fields, key, strict=False))
    return Fault(
        code, text.format(**named, key="/".join(key)) if text else f"{kind.type.__name__} {'/'.join(key)}"
    )
