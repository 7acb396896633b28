"""A home without a front door: handlers, the reconciler and the clock are moved by hand."""

import asyncio

from gureum.kernel.clock import FakeClock
from gureum.kernel.context import Context
from gureum.kernel.durable import Syncer
from gureum.kernel.home import Home
from gureum.kernel.principal import root_of
from gureum.kernel.reconcile import Again
from gureum.kernel.seal import Seal
from gureum.kernel.sqlite import SqliteStore
from gureum.services.kms import finding, keys
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key
from gureum.services.kms.tend import tend

ACCOUNT = "111122223333"


class World:
    """A home without a front door, and the reconciler run by hand."""

    def __init__(self, folder, durability="write"):
        folder.chmod(0o700)
        syncer = Syncer(durability)
        self.clock = FakeClock()
        store = SqliteStore(folder / "records.db", syncer)
        seal = Seal.create(folder / "root.key")
        self.home = Home(folder, store, syncer, seal, asyncio.new_event_loop(), self.clock)

    def context(self, region="us-east-1"):
        return Context(self.home, ops, "", root_of(ACCOUNT), ACCOUNT, region)

    def commit(self, ctx):
        self.home.store.commit(ctx.work)
        self.home.loop.run_until_complete(asyncio.sleep(0))  # what commits leave to the loop

    def shards(self):
        return sorted(file.name for file in (self.home.folder / "files/kms").rglob("*") if file.is_file())

    def make(self, **params):
        ctx = self.context()
        made = keys.create_key(ctx, params)["KeyMetadata"]
        self.commit(ctx)
        return made["KeyId"]

    def get(self, key_id, region="us-east-1"):
        return self.context(region).table(Key).get(key_id)

    def put(self, key, region="us-east-1"):
        ctx = self.context(region)
        ctx.table(Key).put(key)
        self.commit(ctx)

    def step(self, key_id, region="us-east-1"):
        """One step of the reconciler; seconds until the next, or None."""
        ctx = self.context(region)
        result = tend(ctx, ctx.table(Key).need(key_id))
        if result is None:
            ctx.table(Key).drop(ctx.table(Key).need(key_id))
        else:
            ctx.table(Key).put(result.record if isinstance(result, Again) else result)
        self.commit(ctx)
        return result.after if isinstance(result, Again) else None

    def call(self, fn, key_id, **params):
        """One handler on a key, as root, committed."""
        target = finding.by_id("kms:Any", ACCOUNT, "us-east-1", key_id)
        ctx = Context(self.home, ops, "Any", root_of(ACCOUNT), ACCOUNT, "us-east-1", targets=(target,))
        answer = fn(ctx, {"KeyId": key_id} | params)
        self.commit(ctx)
        return answer
