"""The embedded store: SQLite in WAL mode, one writer, and a cache of decoded records written through.

A commit is one SQLite transaction with `synchronous=OFF`: the write-ahead log has it, so a killed process loses
nothing. Power loss is the Syncer's: in `fsync` mode it syncs the log file before anybody is answered. The log is
checkpointed by a second connection with `synchronous=FULL`, so the database file never gets ahead of it.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from gureum.kernel.durable import Syncer
from gureum.kernel.events import Changed, Told
from gureum.kernel.faults import Conflict
from gureum.kernel.records import KINDS, Key, Kind, Record
from gureum.kernel.store import Due, Row, Work

_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT, account TEXT, region TEXT, key TEXT, version INTEGER, shape INTEGER, body BLOB,
    PRIMARY KEY (kind, account, region, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS indexes (
    kind TEXT, name TEXT, value TEXT, account TEXT, region TEXT, key TEXT,
    PRIMARY KEY (kind, name, value, account, region, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS due (
    kind TEXT, account TEXT, region TEXT, key TEXT, at REAL, failures INTEGER,
    PRIMARY KEY (kind, account, region, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS due_at ON due (at);
CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB);
CREATE TABLE IF NOT EXISTS cursors (listener TEXT PRIMARY KEY, seq INTEGER) WITHOUT ROWID;
"""
_TABLES = ("records", "indexes", "due", "events", "cursors")
_CACHED = 65_536
_CHECKPOINT_PAGES = 4_000

_encode_event = msgspec.msgpack.Encoder().encode
_decode_event = msgspec.msgpack.Decoder(Changed | Told).decode


class SqliteStore:
    """The `Store` contract on one SQLite file."""

    shared = False

    def __init__(self, path: Path, syncer: Syncer) -> None:
        self._path = path
        self._syncer = syncer
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=200)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=OFF")
        self._db.execute("PRAGMA wal_autocheckpoint=0")
        self._db.execute("PRAGMA busy_timeout=10000")
        self._db.executescript(_SCHEMA)
        self._wal = os.open(f"{path}-wal", os.O_RDONLY | os.O_CREAT, 0o600)
        self._cache: dict[Key, Row] = {}
        self._versions = itertools.count(time.time_ns())
        self._generations: dict[str, int] = {}
        self._listeners: list[Callable[[Work], None]] = []
        self._commits = 0

    def read(self, kind: Kind, key: Key) -> Row | None:
        row = self._cache.get(key)
        if row is not None:
            return row
        with self._lock:
            found = self._db.execute(
                "SELECT version, shape, body FROM records WHERE kind=? AND account=? AND region=? AND key=?",
                key,
            ).fetchone()
            if found is None:
                return None
            row = Row(key, found[0], kind.decode(found[2], found[1]))
            self._remember(key, row)
            return row

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
        where, values = ["r.kind=?"], [kind.name]
        source = "records r"
        at = "r"
        if index is not None:
            source = (
                "indexes i JOIN records r ON r.kind=i.kind AND r.account=i.account"
                " AND r.region=i.region AND r.key=i.key"
            )
            where = ["i.kind=?", "i.name=?", "i.value=?"]
            values += index
            at = "i"
        if account is not None:
            where.append(f"{at}.account=?")
            values.append(account)
        if region is not None:
            where.append(f"{at}.region=?")
            values.append(region)
        if after is not None:
            if account is not None and region is not None:
                where.append(f"{at}.key>?")
                values.append(after[2])
            else:
                where.append(f"({at}.account,{at}.region,{at}.key)>(?,?,?)")
                values += after
        if prefix:
            where.append(f"{at}.key>=?")
            values.append(prefix)
            if end := _after_prefix(prefix):
                where.append(f"{at}.key<?")
                values.append(end)
        sql = (
            f"SELECT r.account, r.region, r.key, r.version, r.shape, r.body FROM {source} WHERE "
            f"{' AND '.join(where)} ORDER BY {at}.account, {at}.region, {at}.key LIMIT ?"
        )
        with self._lock:
            found = self._db.execute(sql, (*values, -1 if limit is None else limit)).fetchall()
        rows = []
        for row_account, row_region, key, version, shape, body in found:
            place = (kind.name, row_account, row_region, key)
            cached = self._cache.get(place)
            if cached is not None and cached.version == version:
                rows.append(cached)
            else:
                rows.append(Row(place, version, kind.decode(body, shape)))
        return rows

    def commit(self, work: Work) -> None:
        if not work:
            return
        with self._lock:
            for key, version in work.reads.items():
                if self._version(key) != version:
                    raise Conflict
            try:
                self._db.execute("BEGIN IMMEDIATE")
                changed = self._write(work)
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
            for key, row in changed:
                if row is None:
                    self._cache.pop(key, None)
                else:
                    self._remember(key, row)
                service = key[0].partition(":")[0]
                self._generations[service] = self._generations.get(service, 0) + 1
            self._syncer.dirty(self._wal)
            self._commits += 1
            if self._commits % 500 == 0:
                self._checkpoint()
        for call in self._listeners:
            call(work)

    def _write(self, work: Work) -> list[tuple[Key, Row | None]]:
        changed: list[tuple[Key, Row | None]] = []
        now = time.time()
        for key, (kind, record) in work.writes.items():
            before = self.read(kind, key)
            if record is None and before is None:
                continue
            version = next(self._versions)
            changed.append((key, self._write_record(kind, key, before, record, version)))
            event = Changed(
                *key,
                kind.encode(before.record) if before else None,
                kind.encode(record) if record is not None else None,
                version,
                work.cause,
                now,
            )
            self._db.execute("INSERT INTO events(body) VALUES (?)", (_encode_event(event),))
            if record is None:
                self._db.execute("DELETE FROM due WHERE kind=? AND account=? AND region=? AND key=?", key)
            elif kind.reconciled and key not in work.due and key not in work.undue:
                self._db.execute("INSERT OR REPLACE INTO due VALUES (?,?,?,?,?,0)", (*key, now))
        for key in work.undue:
            self._db.execute("DELETE FROM due WHERE kind=? AND account=? AND region=? AND key=?", key)
        for key, (at, failures) in work.due.items():
            self._db.execute("INSERT OR REPLACE INTO due VALUES (?,?,?,?,?,?)", (*key, at, failures))
        for told in work.told:
            self._db.execute("INSERT INTO events(body) VALUES (?)", (_encode_event(told),))
        return changed

    def _write_record(
        self, kind: Kind, key: Key, before: Row | None, record: Record | None, version: int
    ) -> Row | None:
        for name, value_of in kind.indexes.items():
            old = value_of(before.record) if before else None
            new = value_of(record) if record is not None else None
            if old == new:
                continue
            if old is not None:
                self._db.execute(
                    "DELETE FROM indexes WHERE kind=? AND name=? AND value=? AND account=? AND region=? AND key=?",
                    (key[0], name, old, *key[1:]),
                )
            if new is not None:
                self._db.execute(
                    "INSERT OR REPLACE INTO indexes VALUES (?,?,?,?,?,?)", (key[0], name, new, *key[1:])
                )
        if record is None:
            self._db.execute("DELETE FROM records WHERE kind=? AND account=? AND region=? AND key=?", key)
            return None
        self._db.execute(
            "INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?,?)",
            (*key, version, kind.version, kind.encode(record)),
        )
        return Row(key, version, record)

    def _version(self, key: Key) -> int:
        row = self.read(KINDS[key[0]], key)
        return row.version if row else 0

    def _remember(self, key: Key, row: Row) -> None:
        if len(self._cache) >= _CACHED and key not in self._cache:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = row

    def _checkpoint(self) -> None:
        pages = os.fstat(self._wal).st_size // 4096
        if pages < _CHECKPOINT_PAGES:
            return
        with sqlite3.connect(self._path, isolation_level=None) as side:
            side.execute("PRAGMA synchronous=FULL")
            side.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        side.close()

    def due(self, before: float, limit: int) -> list[Due]:
        with self._lock:
            found = self._db.execute(
                "SELECT kind, account, region, key, at, failures FROM due WHERE at<=? ORDER BY at LIMIT ?",
                (before, limit),
            ).fetchall()
        return [Due((k, a, r, key), at, failures) for k, a, r, key, at, failures in found]

    def next_due(self) -> float | None:
        with self._lock:
            found: tuple[float | None] = self._db.execute("SELECT min(at) FROM due").fetchone()
        return found[0]

    def events(self, after: int, limit: int) -> list[tuple[int, Changed | Told]]:
        with self._lock:
            found = self._db.execute(
                "SELECT seq, body FROM events WHERE seq>? ORDER BY seq LIMIT ?", (after, limit)
            ).fetchall()
        return [(seq, _decode_event(body)) for seq, body in found]

    def last_event(self) -> int:
        with self._lock:
            found = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name='events'").fetchone()
        return found[0] if found else 0

    def cursor(self, listener: str) -> int | None:
        with self._lock:
            found = self._db.execute("SELECT seq FROM cursors WHERE listener=?", (listener,)).fetchone()
        return found[0] if found else None

    def move_cursor(self, listener: str, position: int) -> None:
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO cursors VALUES (?,?)", (listener, position))
            self._syncer.dirty(self._wal)

    def forget_events(self, before: int) -> None:
        with self._lock:
            self._db.execute("DELETE FROM events WHERE seq<?", (before,))

    def generation(self, service: str) -> int:
        return self._generations.get(service, 0)

    def on_commit(self, call: Callable[[Work], None]) -> None:
        self._listeners.append(call)

    def clear(self) -> None:
        with self._lock:
            for table in _TABLES:
                self._db.execute(f"DELETE FROM {table}")
            services = {key[0].partition(":")[0] for key in self._cache} | self._generations.keys()
            self._cache.clear()
            for service in services:
                self._generations[service] = self._generations.get(service, 0) + 1
            self._syncer.dirty(self._wal)

    def close(self) -> None:
        with self._lock:
            if self._wal < 0:
                return
            self._syncer.forget(self._wal)
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            os.close(self._wal)
            self._wal = -1
            self._db.close()


def _after_prefix(prefix: str) -> str:
    """The least string above all that start with a prefix, or "" where there is none."""
    last = ord(prefix[-1])
    return prefix[:-1] + chr(last + 1) if last < 0x10FFFF and last != 0xD7FF else ""
