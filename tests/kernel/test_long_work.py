"""Reconcilers and listeners: every step's result is kept with its next wake-up, and a restart goes on."""

import time

import pytest
from msgspec.structs import replace

from gureum.kernel.events import LISTENERS, listener
from gureum.kernel.operations import Operations
from gureum.kernel.reconcile import RECONCILERS, Again, reconciler
from gureum.kernel.records import Record, kind_of, resource
from gureum.kernel.store import Table, Work

Operations("longwork")


@resource("longwork", arn="job/{name}", missing="NoSuchJob", tagged=False)
class Job(Record):
    name: str
    steps: int = 0
    wanted: int = 3
    done: bool = False


JOB = kind_of(Job)
HERE = ("111122223333", "us-east-1")


def put(home, job):
    work = Work()
    Table(home.store, work, JOB, *HERE).put(job)
    home.store.commit(work)


def get(home, name):
    return Table(home.store, Work(), JOB, *HERE).get(name)


def until(check, seconds=10.0):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.01)


@pytest.fixture
def step():
    """Register the reconciler of Job; a test puts its step into the list."""
    steps = []
    reconciler(Job)(lambda ctx, job: steps[-1](ctx, job))
    yield steps
    RECONCILERS.pop(JOB.name)
    JOB.reconciled = False


def one_more(_ctx, job):
    if job.steps == job.wanted:
        return replace(job, done=True)
    return Again(replace(job, steps=job.steps + 1), after=0.01)


def test_a_record_is_taken_step_by_step_to_its_end(start_home, step):
    step.append(one_more)
    home = start_home().home
    put(home, Job(name="a"))
    until(lambda: get(home, "a").done)
    assert get(home, "a").steps == 3
    assert home.store.next_due() is None


def test_a_restart_goes_on_where_it_was(start_home, step):
    seen = []

    def slow(_ctx, job):
        seen.append(job.steps)
        return Again(replace(job, steps=job.steps + 1), after=30.0 if job.steps == 1 else 0.0)

    step.append(slow)
    running = start_home()
    put(running.home, Job(name="a"))
    until(lambda: get(running.home, "a").steps == 2)
    running.stop()
    step.append(one_more)
    again = start_home()
    assert get(again.home, "a").steps == 2
    work = Work()
    work.due[(JOB.name, *HERE, "a")] = (0.0, 0)
    again.home.store.commit(work)
    until(lambda: get(again.home, "a").done)
    assert seen == [0, 1]


def test_a_failing_step_backs_off_shows_and_recovers(start_home, step):
    tries = []

    def flaky(ctx, job):
        tries.append(1)
        if len(tries) < 3:
            raise RuntimeError("engine is away")
        return replace(job, done=True)

    step.append(flaky)
    running = start_home()
    put(running.home, Job(name="a"))
    until(lambda: running.reconciliation.failing)
    assert "engine is away" in next(iter(running.reconciliation.failing.values())).error
    until(lambda: get(running.home, "a").done)
    assert running.reconciliation.failing == {}


def test_a_change_during_a_step_is_not_lost(start_home, step):
    def careless(_ctx, job):
        if job.steps == 0:
            put(running.home, replace(job, steps=7, wanted=7))
            return replace(job, steps=1)
        return one_more(_ctx, job)

    step.append(careless)
    running = start_home()
    put(running.home, Job(name="a"))
    until(lambda: get(running.home, "a").done)
    assert get(running.home, "a").steps == 7


def test_none_drops_the_record(start_home, step):
    step.append(lambda _ctx, job: None)
    home = start_home().home
    put(home, Job(name="a"))
    until(lambda: get(home, "a") is None)
    assert home.store.next_due() is None


def test_listeners_hear_each_change_once_in_order_over_a_restart(start_home):
    heard = []
    listener("changed", JOB.name)(
        lambda ctx, events: heard.extend(JOB.decode(e.after, 1).steps for e in events)
    )
    name = next(n for n in LISTENERS if n.endswith("<lambda>"))
    LISTENERS["longwork.changes"] = LISTENERS.pop(name)
    LISTENERS["longwork.changes"].name = "longwork.changes"
    try:
        running = start_home()
        until(lambda: running.home.store.cursor("longwork.changes") is not None)
        for i in range(20):
            put(running.home, Job(name="a", steps=i))
        until(lambda: len(heard) == 20)
        running.stop()
        running = start_home()
        put(running.home, Job(name="a", steps=20))
        until(lambda: len(heard) == 21)
        assert heard == list(range(21))
    finally:
        LISTENERS.pop("longwork.changes")
