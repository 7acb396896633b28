"""The store's contract: every driver passes it."""

import threading

import pytest
from msgspec.structs import replace

from gureum.kernel.durable import Syncer
from gureum.kernel.events import Changed, Told
from gureum.kernel.faults import Conflict, Fault
from gureum.kernel.postgres import PostgresStore
from gureum.kernel.records import KINDS, Record, kind_of, resource
from gureum.kernel.sqlite import SqliteStore
from gureum.kernel.store import Table, Work, rows_everywhere


@resource(
    "contract",
    arn="thing/{name}",
    missing=("NoSuchThing", "There is no {name}."),
    exists=("ThingExists", "{name} is there."),
    indexes={"colour": lambda thing: thing.colour or None},
)
class Thing(Record):
    name: str
    colour: str = ""
    size: int = 0


@resource("contract", arn="pair/{left}/{right}", missing="NoSuchPair", tagged=False)
class Pair(Record):
    left: str
    right: str


THING = kind_of(Thing)
HERE = ("111122223333", "us-east-1")


@pytest.fixture(params=["sqlite", "postgres"])
def make(request, tmp_path):
    stores = []
    url = request.getfixturevalue("postgres") if request.param == "postgres" else ""

    def open_store():
        store = PostgresStore(url) if url else SqliteStore(tmp_path / "records.db", Syncer("write"))
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def store(make):
    return make()


def table(store, work, kind=THING, account=HERE[0], region=HERE[1]):
    return Table(store, work, kind, account, region)


def put(store, *things, account=HERE[0], region=HERE[1]):
    work = Work()
    for thing in things:
        table(store, work, kind_of(type(thing)), account, region).put(thing)
    store.commit(work)


def names(rows):
    return [row.record.name for row in rows]


def test_what_is_committed_is_there_and_nothing_before(store):
    work = Work()
    table(store, work).add(Thing(name="a", size=1))
    assert table(store, Work()).get("a") is None
    assert table(store, work).get("a") == Thing(name="a", size=1)
    store.commit(work)
    assert table(store, Work()).need("a") == Thing(name="a", size=1)


def test_missing_and_existing_are_the_declared_faults(store):
    put(store, Thing(name="a"))
    with pytest.raises(Fault) as missing:
        table(store, Work()).need("b")
    assert (missing.value.code, missing.value.message) == ("NoSuchThing", "There is no b.")
    with pytest.raises(Fault) as exists:
        table(store, Work()).add(Thing(name="a"))
    assert (exists.value.code, exists.value.message) == ("ThingExists", "a is there.")


def test_a_change_between_read_and_commit_is_a_conflict_and_changes_nothing(store):
    put(store, Thing(name="a"), Thing(name="b"))
    work = Work()
    first = table(store, work)
    first.put(replace(first.need("a"), size=5))
    first.put(Thing(name="new"))
    put(store, Thing(name="a", size=9))
    with pytest.raises(Conflict):
        store.commit(work)
    assert table(store, Work()).need("a").size == 9
    assert table(store, Work()).get("new") is None


def test_two_who_add_the_same_key_conflict(store):
    one, two = Work(), Work()
    table(store, one).add(Thing(name="x", size=1))
    table(store, two).add(Thing(name="x", size=2))
    store.commit(one)
    with pytest.raises(Conflict):
        store.commit(two)
    assert table(store, Work()).need("x").size == 1


def test_places_are_apart(store):
    put(store, Thing(name="a"))
    put(store, Thing(name="a", size=2), region="eu-west-1")
    put(store, Thing(name="a", size=3), account="999988887777")
    assert table(store, Work()).need("a").size == 0
    assert table(store, Work(), region="eu-west-1").need("a").size == 2
    assert len(list(rows_everywhere(store, THING))) == 3


def test_scans_go_in_key_order_and_show_the_work_in_hand(store):
    put(store, *[Thing(name=f"n{i:03}") for i in range(0, 250, 2)])
    work = Work()
    mine = table(store, work)
    mine.put(Thing(name="n001"))
    mine.put(Thing(name="zz"))
    mine.drop(mine.need("n002"))
    found = [thing.name for thing in mine.scan()]
    assert found == sorted(found)
    assert {"n001", "zz"} <= set(found)
    assert "n002" not in found
    assert len(found) == 126
    assert [t.name for t in mine.scan(prefix="n24")] == ["n240", "n242", "n244", "n246", "n248"]
    assert [t.name for t in mine.scan(after="n246")] == ["n248", "zz"]


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_pages_give_each_record_once(store, size):
    put(store, *[Thing(name=f"p{i}", size=i) for i in range(13)])
    found, after = [], ""
    while True:
        records, after = table(store, Work()).page(size, after, where=lambda thing: thing.size != 3)
        found += [record.name for record in records]
        if not after:
            break
    assert sorted(found) == sorted(f"p{i}" for i in range(13) if i != 3)
    assert len(found) == len(set(found))


def test_indexes_follow_every_change(store):
    put(store, Thing(name="a", colour="red"), Thing(name="b", colour="red"), Thing(name="c"))
    reds = lambda: [t.name for t in table(store, Work()).find("colour", "red")]  # noqa: E731
    assert reds() == ["a", "b"]
    put(store, Thing(name="a", colour="blue"))
    assert reds() == ["b"]
    work = Work()
    mine = table(store, work)
    mine.put(Thing(name="d", colour="red"))
    assert [t.name for t in mine.find("colour", "red")] == ["b", "d"]
    mine.drop(mine.need("b"))
    store.commit(work)
    assert reds() == ["d"]


def test_keys_of_several_fields(store):
    put(store, Pair(left="a", right="b"), Pair(left="a", right="c"), Pair(left="ab", right=""))
    pairs = table(store, Work(), kind_of(Pair))
    assert pairs.need("a", "c").right == "c"
    assert [p.right for p in pairs.scan(prefix="a\x1f")] == ["b", "c"]
    assert (
        kind_of(Pair).arn(*HERE, Pair(left="a", right="b"))
        == "arn:aws:contract:us-east-1:111122223333:pair/a/b"
    )
    place = kind_of(Pair).parse("arn:aws:contract:us-east-1:111122223333:pair/a/b/c")
    assert place is not None
    assert place.key == "a\x1fb/c"


def test_state_survives_a_restart(make):
    store = make()
    put(store, Thing(name="a", colour="red"))
    store.close()
    again = make()
    assert table(again, Work()).need("a") == Thing(name="a", colour="red")
    assert [t.name for t in table(again, Work()).find("colour", "red")] == ["a"]


def test_changes_become_events_in_order(store):
    put(store, Thing(name="a"))
    put(store, Thing(name="a", size=1))
    work = Work("why")
    mine = table(store, work)
    mine.drop(mine.need("a"))
    work.told.append(Told("aws.contract", "Gone", {"name": "a"}, *HERE, 1.0))
    store.commit(work)
    events = [event for _, event in store.events(0, 100)]
    changed = [e for e in events if isinstance(e, Changed)]
    assert [(e.before is None, e.after is None) for e in changed] == [
        (True, False),
        (False, False),
        (False, True),
    ]
    assert changed[-1].cause == "why"
    assert [e.detail_type for e in events if isinstance(e, Told)] == ["Gone"]
    position = store.events(0, 100)[0][0]
    assert len(store.events(position, 100)) == len(events) - 1
    store.forget_events(store.last_event() + 1)
    assert store.events(0, 100) == []


def test_a_conflict_leaves_no_event(store):
    put(store, Thing(name="a"))
    before = store.last_event()
    work = Work()
    mine = table(store, work)
    mine.put(replace(mine.need("a"), size=1))
    put(store, Thing(name="a", size=2))
    with pytest.raises(Conflict):
        store.commit(work)
    assert len(store.events(before, 100)) == 1


def test_cursors_are_kept(make):
    store = make()
    assert store.cursor("listener") is None
    store.move_cursor("listener", 7)
    store.close()
    assert make().cursor("listener") == 7


def test_reconciled_kinds_are_due_when_they_change(store):
    THING.reconciled = True
    try:
        put(store, Thing(name="a"))
        (due,) = store.due(2e9 * 2, 10)
        assert due.key == (THING.name, *HERE, "a")
        work = Work()
        work.due[due.key] = (5e9, 3)
        store.commit(work)
        assert store.due(4e9, 10) == []
        assert store.next_due() == 5e9
        assert store.due(6e9, 10)[0].failures == 3
        work = Work()
        work.undue.add(due.key)
        store.commit(work)
        assert store.next_due() is None
        put(store, Thing(name="a", size=1))
        work = Work()
        mine = table(store, work)
        mine.drop(mine.need("a"))
        store.commit(work)
        assert store.next_due() is None
    finally:
        THING.reconciled = False


def test_the_generation_of_a_service_moves_with_its_records(store):
    before = store.generation("contract")
    put(store, Thing(name="a"))
    assert store.generation("contract") != before
    assert store.generation("other") == store.generation("other")


def test_old_records_are_brought_up_to_date(store):
    put(store, Thing(name="old", size=4))
    kind = KINDS[THING.name]
    encoded = kind.encode(Thing(name="old", size=4))
    kind.version, kind.upgrades = (
        3,
        {1: lambda raw: {**raw, "size": raw["size"] * 10}, 2: lambda raw: {**raw, "colour": "grey"}},
    )
    try:
        assert kind.decode(encoded, 1) == Thing(name="old", size=40, colour="grey")
        assert kind.decode(encoded, 3) == Thing(name="old", size=4)
    finally:
        kind.version, kind.upgrades = 1, {}


def test_many_threads_lose_no_update(store):
    put(store, Thing(name="counter"))

    def add():
        done = 0
        while done < 50:
            work = Work()
            mine = table(store, work)
            mine.put(replace(mine.need("counter"), size=mine.need("counter").size + 1))
            try:
                store.commit(work)
                done += 1
            except Conflict:
                continue

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert table(store, Work()).need("counter").size == 200


def test_clear_empties_all(store):
    put(store, Thing(name="a"))
    store.clear()
    assert table(store, Work()).get("a") is None
    assert list(rows_everywhere(store, THING)) == []
    assert store.next_due() is None


def test_hostile_keys_are_only_names(store):
    for name in ("../../etc/passwd", "a'; DROP TABLE records; --", "\x00nul", "emoji 🦊", "%", "_"):
        put(store, Thing(name=name))
        assert table(store, Work()).need(name).name == name
    assert [t.name for t in table(store, Work()).scan(prefix="%")] == ["%"]
