"""The store on PostgreSQL: the same contract, shared by several gateways.

Commits are one after the other (an advisory lock), so that versions are checked exactly and events have no gaps.
A due record is leased to the gateway that takes it; a gateway that dies lets go of it after the lease.
Needs the extra `postgres` (psycopg).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import psycopg
from psycopg_pool import ConnectionPool, PoolTimeout

from gureum.kernel.events import Changed, Told
from gureum.kernel.faults import Conflict, Fault
from gureum.kernel.records import Key, Kind, Record
from gureum.kernel.store import Due, Row, Work

# Text is compared by bytes, as SQLite and Python do; NUL, which PostgreSQL's text cannot hold, is spelt out.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS records (
    kind TEXT COLLATE "C", account TEXT COLLATE "C", region TEXT COLLATE "C", key TEXT COLLATE "C",
    version BIGINT, shape INTEGER, body BYTEA, PRIMARY KEY (kind, account, region, key));
CREATE TABLE IF NOT EXISTS indexes (
    kind TEXT COLLATE "C", name TEXT COLLATE "C", value TEXT COLLATE "C", account TEXT COLLATE "C",
    region TEXT COLLATE "C", key TEXT COLLATE "C", PRIMARY KEY (kind, name, value, account, region, key));
CREATE TABLE IF NOT EXISTS due (
    kind TEXT COLLATE "C", account TEXT COLLATE "C", region TEXT COLLATE "C", key TEXT COLLATE "C",
    at DOUBLE PRECISION, failures INTEGER, leased DOUBLE PRECISION DEFAULT 0,
    PRIMARY KEY (kind, account, region, key));
CREATE INDEX IF NOT EXISTS due_at ON due (at);
CREATE TABLE IF NOT EXISTS events (seq BIGSERIAL PRIMARY KEY, body BYTEA);
CREATE TABLE IF NOT EXISTS cursors (listener TEXT PRIMARY KEY, seq BIGINT);
CREATE TABLE IF NOT EXISTS generations (service TEXT PRIMARY KEY, number BIGINT);
"""
_TABLES = "records, indexes, due, events, cursors, generations"
_COMMIT_LOCK = 0x67757265756D  # "gureum"
_LEASE_SECONDS = 30.0
_GENERATION_SECONDS = 0.2
_AT = "kind=%s AND account=%s AND region=%s AND key=%s"

_encode_event = msgspec.msgpack.Encoder().encode
_decode_event = msgspec.msgpack.Decoder(Changed | Told).decode


class PostgresStore:
    """The `Store` contract on a PostgreSQL database. `url` is a `postgresql://` URL."""

    shared = True

    def __init__(self, url: str) -> None:
        self._pool = ConnectionPool(
            url, min_size=1, max_size=20, open=True, timeout=5, kwargs={"autocommit": True}
        )
        with self._pool.connection() as db:
            db.execute("SELECT pg_advisory_lock(%s)", (_COMMIT_LOCK,))
            try:
                db.execute(_SCHEMA)
            finally:
                db.execute("SELECT pg_advisory_unlock(%s)", (_COMMIT_LOCK,))
        # Distinct between gateways: the time, and this process.
        self._versions = itertools.count((time.time_ns() & ~0xFFFF) | (os.getpid() & 0xFFFF), 0x10000)
        self._listeners: list[Callable[[Work], None]] = []
        self._generations: dict[str, int] = {}
        self._generations_at = 0.0
        self._lock = threading.Lock()

    def read(self, kind: Kind, key: Key) -> Row | None:
        found = self._one(f"SELECT version, shape, body FROM records WHERE {_AT}", _spell(key))
        return Row(key, found[0], kind.decode(found[2], found[1])) if found else None

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
        at = "i" if index is not None else "r"
        source = "records r"
        where, values = ["r.kind=%s"], [kind.name]
        if index is not None:
            source = "indexes i JOIN records r USING (kind, account, region, key)"
            where, values = ["i.kind=%s", "i.name=%s", "i.value=%s"], [kind.name, index[0], _text(index[1])]
        for column, value in (("account", account), ("region", region)):
            if value is not None:
                where.append(f"{at}.{column}=%s")
                values.append(value)
        if after is not None:
            where.append(f"({at}.account, {at}.region, {at}.key) > (%s, %s, %s)")
            values += [after[0], after[1], _text(after[2])]
        if prefix:
            where.append(f"starts_with({at}.key, %s)")
            values.append(_text(prefix))
        sql = (
            f"SELECT r.account, r.region, r.key, r.version, r.shape, r.body FROM {source} WHERE "
            f"{' AND '.join(where)} ORDER BY {at}.account, {at}.region, {at}.key LIMIT %s"
        )
        found = self._all(sql, (*values, limit))
        return [
            Row((kind.name, a, r, _plain(key)), version, kind.decode(body, shape))
            for a, r, key, version, shape, body in found
        ]

    def commit(self, work: Work) -> None:
        if not work:
            return
        with self._connection() as db, db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_COMMIT_LOCK,))
            for key, version in work.reads.items():
                row = db.execute(f"SELECT version FROM records WHERE {_AT}", _spell(key)).fetchone()
                if (row[0] if row else 0) != version:
                    raise Conflict
            self._write(db, work)
        with self._lock:
            self._generations_at = 0.0
        for call in self._listeners:
            call(work)

    def _write(self, db: psycopg.Connection[Any], work: Work) -> None:
        now = time.time()
        touched: set[str] = set()
        for key, (kind, record) in work.writes.items():
            row = db.execute(f"SELECT version, shape, body FROM records WHERE {_AT}", _spell(key)).fetchone()
            before = kind.decode(row[2], row[1]) if row else None
            if record is None and before is None:
                continue
            touched.add(kind.service)
            version = next(self._versions)
            self._write_record(db, kind, key, before, record, version)
            event = Changed(
                *key,
                kind.encode(before) if before is not None else None,
                kind.encode(record) if record is not None else None,
                version,
                work.cause,
                now,
            )
            db.execute("INSERT INTO events (body) VALUES (%s)", (_encode_event(event),))
            if record is None:
                db.execute(f"DELETE FROM due WHERE {_AT}", _spell(key))
            elif kind.reconciled and key not in work.due and key not in work.undue:
                self._set_due(db, key, now, 0)
        for key in work.undue:
            db.execute(f"DELETE FROM due WHERE {_AT}", _spell(key))
        for key, (at, failures) in work.due.items():
            self._set_due(db, key, at, failures)
        for told in work.told:
            db.execute("INSERT INTO events (body) VALUES (%s)", (_encode_event(told),))
        for service in touched:
            db.execute(
                "INSERT INTO generations VALUES (%s, 1) ON CONFLICT (service) "
                "DO UPDATE SET number = generations.number + 1",
                (service,),
            )

    @staticmethod
    def _set_due(db: psycopg.Connection[Any], key: Key, at: float, failures: int) -> None:
        db.execute(
            "INSERT INTO due VALUES (%s,%s,%s,%s,%s,%s,0) ON CONFLICT (kind, account, region, key) "
            "DO UPDATE SET at = EXCLUDED.at, failures = EXCLUDED.failures, leased = 0",
            (*_spell(key), at, failures),
        )

    @staticmethod
    def _write_record(
        db: psycopg.Connection[Any],
        kind: Kind,
        key: Key,
        before: Record | None,
        record: Record | None,
        version: int,
    ) -> None:
        for name, value_of in kind.indexes.items():
            old = value_of(before) if before is not None else None
            new = value_of(record) if record is not None else None
            if old == new:
                continue
            place = _spell(key)[1:]
            if old is not None:
                db.execute(
                    "DELETE FROM indexes WHERE kind=%s AND name=%s AND value=%s AND account=%s AND region=%s "
                    "AND key=%s",
                    (key[0], name, _text(old), *place),
                )
            if new is not None:
                db.execute(
                    "INSERT INTO indexes VALUES (%s,%s,%s,%s,%s,%s)", (key[0], name, _text(new), *place)
                )
        if record is None:
            db.execute(f"DELETE FROM records WHERE {_AT}", _spell(key))
            return
        db.execute(
            "INSERT INTO records VALUES (%s,%s,%s,%s,%s,%s,%s) ON CONFLICT (kind, account, region, key) DO UPDATE "
            "SET version = EXCLUDED.version, shape = EXCLUDED.shape, body = EXCLUDED.body",
            (*_spell(key), version, kind.version, kind.encode(record)),
        )

    def due(self, before: float, limit: int) -> list[Due]:
        now = time.time()
        found = self._all(
            "UPDATE due SET leased=%s WHERE (kind, account, region, key) IN (SELECT kind, account, region, key "
            "FROM due WHERE at<=%s AND leased<%s ORDER BY at LIMIT %s FOR UPDATE SKIP LOCKED) "
            "RETURNING kind, account, region, key, at, failures",
            (now + _LEASE_SECONDS, before, now, limit),
        )
        taken = [Due((k, a, r, _plain(key)), at, failures) for k, a, r, key, at, failures in found]
        return sorted(taken, key=lambda due: due.at)

    def next_due(self) -> float | None:
        found = self._one("SELECT min(greatest(at, leased)) FROM due", ())
        soonest: float | None = found[0] if found else None
        return soonest

    def events(self, after: int, limit: int) -> list[tuple[int, Changed | Told]]:
        found = self._all("SELECT seq, body FROM events WHERE seq>%s ORDER BY seq LIMIT %s", (after, limit))
        return [(seq, _decode_event(body)) for seq, body in found]

    def last_event(self) -> int:
        found = self._one("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM events_seq_seq", ())
        return int(found[0]) if found else 0

    def cursor(self, listener: str) -> int | None:
        found = self._one("SELECT seq FROM cursors WHERE listener=%s", (listener,))
        return int(found[0]) if found else None

    def move_cursor(self, listener: str, position: int) -> None:
        self._run(
            "INSERT INTO cursors VALUES (%s,%s) ON CONFLICT (listener) DO UPDATE SET seq = EXCLUDED.seq",
            (listener, position),
        )

    def forget_events(self, before: int) -> None:
        self._run("DELETE FROM events WHERE seq<%s", (before,))

    def generation(self, service: str) -> int:
        """As the contract; another gateway's commits are seen within a fifth of a second."""
        now = time.monotonic()
        if now - self._generations_at > _GENERATION_SECONDS:
            found = dict(self._all("SELECT service, number FROM generations", ()))
            with self._lock:
                self._generations, self._generations_at = found, now
        return self._generations.get(service, 0)

    def on_commit(self, call: Callable[[Work], None]) -> None:
        self._listeners.append(call)

    def clear(self) -> None:
        with self._connection() as db, db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", (_COMMIT_LOCK,))
            db.execute(
                "CREATE TEMP TABLE kept ON COMMIT DROP AS SELECT service, number + 1 AS number FROM generations"
            )
            db.execute(f"TRUNCATE {_TABLES}")
            db.execute("INSERT INTO generations SELECT * FROM kept")
        with self._lock:
            self._generations_at = 0.0

    def close(self) -> None:
        self._pool.close()

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection; the fault ServiceUnavailable while the database is away."""
        try:
            with self._pool.connection() as db:
                yield db
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise Fault("ServiceUnavailable", f"The store is away: {error}", status=503) from error

    def _one(self, sql: str, values: tuple[Any, ...]) -> tuple[Any, ...] | None:
        with self._connection() as db:
            return db.execute(sql, values).fetchone()

    def _all(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with self._connection() as db:
            return db.execute(sql, values).fetchall()

    def _run(self, sql: str, values: tuple[Any, ...]) -> None:
        with self._connection() as db:
            db.execute(sql, values)


def _text(text: str) -> str:
    return (
        text.replace("\x01", "\x01\x02").replace("\x00", "\x01\x01")
        if "\x00" in text or "\x01" in text
        else text
    )


def _plain(text: str) -> str:
    return text.replace("\x01\x01", "\x00").replace("\x01\x02", "\x01") if "\x01" in text else text


def _spell(key: Key) -> tuple[str, str, str, str]:
    return key[0], key[1], key[2], _text(key[3])
