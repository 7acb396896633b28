"""What time does to keys, with a clock that the test moves."""

import os

import pytest
from msgspec.structs import replace

from gureum.kernel.events import Told
from gureum.kernel.faults import Fault
from gureum.kernel.principal import root_of
from gureum.services.kms import finding
from gureum.services.kms.crypto.material import Secret
from gureum.services.kms.keyring import Keyring, backing, current
from gureum.services.kms.records import Alias
from gureum.services.kms.shards import Lost
from gureum.services.kms.tend import DAY
from tests.services.kms.world import ACCOUNT, World


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.home.loop.close()
    made.home.close()


def test_a_key_with_nothing_due_is_left_alone(world):
    key_id = world.make()
    before = world.get(key_id)
    assert world.step(key_id) is None
    assert world.get(key_id) == before


def test_rotation_comes_when_due_and_again_a_period_later(world):
    key_id = world.make()
    key = world.get(key_id)
    arn = world.context().arn(key)
    blob = backing(world.context(), key, arn).encrypt(b"old")
    world.put(replace(key, rotate_days=90, rotate_at=world.clock.now() + 90 * DAY))
    assert world.step(key_id) == 90 * DAY
    world.clock.advance(90 * DAY)
    assert world.step(key_id) == 90 * DAY
    turned = world.get(key_id)
    assert [m.rotation for m in turned.materials] == ["", "AUTOMATIC"]
    assert current(turned) != key.materials[0]
    ring = world.home.part(Keyring)
    assert ring.backing(turned, arn, turned.materials[0]).decrypt(blob) == b"old"


def test_a_disabled_key_rotates_once_it_is_enabled(world):
    key_id = world.make()
    world.put(replace(world.get(key_id), state="Disabled", rotate_days=90, rotate_at=world.clock.now() - 1))
    world.step(key_id)
    assert len(world.get(key_id).materials) == 1
    world.put(replace(world.get(key_id), state="Enabled"))
    world.step(key_id)
    assert len(world.get(key_id).materials) == 2


def test_a_key_is_deleted_when_its_window_ends_and_not_before(world):
    key_id = world.make()
    key = world.get(key_id)
    arn = world.context().arn(key)
    backing(world.context(), key, arn)
    ctx = world.context()
    ctx.table(Alias).put(Alias(name="alias/a", key=key_id, created=0, updated=0))
    world.commit(ctx)
    world.put(replace(key, state="PendingDeletion", deletes_at=world.clock.now() + 7 * DAY))
    assert world.step(key_id) == 7 * DAY
    world.clock.advance(7 * DAY - 1)
    assert world.step(key_id) == 1
    ring = world.home.part(Keyring)
    assert repr(ring) == "Keyring(1 keys)"
    world.clock.advance(1)
    assert world.step(key_id) is None
    assert world.get(key_id) is None
    assert world.shards() == []
    with pytest.raises(Lost):  # not even whoever kept the record can open it
        Keyring(world.home).backing(key, arn, key.materials[0])
    assert list(world.context().table(Alias).scan()) == []
    told = [e for _, e in world.home.store.events(0, 100) if isinstance(e, Told)]
    assert [(e.source, e.detail_type, e.detail) for e in told] == [
        ("aws.kms", "KMS CMK Deletion", {"key-id": key_id})
    ]
    assert repr(ring) == "Keyring(0 keys)"  # the unsealed material is forgotten too


def test_expired_material_is_gone(world):
    key_id = world.make()
    key = world.get(key_id)
    expiring = replace(key.materials[0], expires=world.clock.now() + 10)
    world.put(replace(key, origin="EXTERNAL", materials=(expiring,)))
    assert world.step(key_id) == 10
    world.clock.advance(10)
    world.step(key_id)
    assert world.shards() == []
    left = world.get(key_id)
    assert (left.state, left.materials[0].sealed) == ("PendingImport", b"")


def test_a_primary_waits_for_its_replicas(world):
    key_id = world.make(MultiRegion=True)
    both = ("us-east-1", "us-west-2")
    primary = replace(world.get(key_id), regions=both, state="PendingReplicaDeletion", window_days=7)
    world.put(primary)
    now = world.clock.now()
    world.put(replace(primary, state="PendingDeletion", deletes_at=now + 7 * DAY), "us-west-2")
    assert world.step(key_id) is None
    assert world.get(key_id).state == "PendingReplicaDeletion"
    world.clock.advance(7 * DAY)
    world.step(key_id, "us-west-2")
    assert world.get(key_id, "us-west-2") is None
    assert world.step(key_id) == 7 * DAY
    assert world.get(key_id).state == "PendingDeletion"
    world.clock.advance(7 * DAY)
    world.step(key_id)
    assert world.get(key_id) is None


def test_related_keys_rotate_together(world):
    key_id = world.make(MultiRegion=True)
    due = world.clock.now()
    key = replace(world.get(key_id), regions=("us-east-1", "us-west-2"), rotate_days=90, rotate_at=due)
    world.put(key)
    world.put(key, "us-west-2")
    world.step(key_id, "us-west-2")  # the replica leaves it to the primary
    assert len(world.get(key_id, "us-west-2").materials) == 1
    world.step(key_id)
    here, there = (world.get(key_id, region).materials for region in key.regions)
    assert [m.id for m in here] == [m.id for m in there]
    assert len(here) == 2


def test_shards_are_those_of_the_records(world):
    ids = [world.make() for _ in range(3)]
    assert world.shards() == sorted(world.get(key_id).materials[0].shard for key_id in ids)
    arn = world.context().arn(world.get(ids[0]))
    ring = world.home.part(Keyring)
    Keyring(world.home)  # two threads may make the part at once: neither may take the other's new shard
    fresh = ring.seal(arn, Secret(bytes(32)))  # for a commit that is still to come
    world.put(replace(world.get(ids[0]), description="changed"))
    assert fresh.shard in world.shards()
    world.put(replace(world.get(ids[0]), materials=(*world.get(ids[0]).materials, fresh)))
    world.put(replace(world.get(ids[0]), description="again"))
    key = world.get(ids[0])
    assert ring.backing(key, arn, key.materials[0]) and ring.backing(key, arn, key.materials[1])


def test_what_a_crash_left_is_destroyed_at_the_next_start(world):
    key_id = world.make()
    arn = world.context().arn(world.get(key_id))
    stray = world.home.part(Keyring).seal(arn, Secret(bytes(32))).shard
    Keyring(world.home).swept.result()
    assert stray in world.shards()  # it may yet be committed
    (file,) = (world.home.folder / "files/kms").rglob(stray)
    os.utime(file, (0, 0))
    Keyring(world.home).swept.result()
    assert world.shards() == [world.get(key_id).materials[0].shard]


def test_foreign_keys_are_reached_by_arn_alone(world):
    key_id = world.make()
    arn = world.context().arn(world.get(key_id))
    ctx = world.context()
    ctx.table(Alias).put(Alias(name="alias/a", key=key_id, created=0, updated=0))
    world.commit(ctx)
    alias = arn.rsplit(":", 1)[0] + ":alias/a"
    stranger = root_of("999988887777")
    for name in (arn, alias):
        found = finding.named(world.home, stranger, "us-east-1", name, "kms:Encrypt")
        assert (found.account, found.arn) == (ACCOUNT, arn)
    for name in (key_id, "alias/a"):
        with pytest.raises(Fault, match="NotFoundException"):
            finding.named(world.home, stranger, "us-east-1", name, "kms:Encrypt")


def test_what_new_material_seals_waits_for_the_disk(tmp_path):
    """Ciphertext must not be answered while a power loss could still take the key."""
    world = World(tmp_path, "fsync")
    waiting = []
    world.home.syncer.when_kept = waiting.append
    key_id = world.make()
    key, ctx = world.get(key_id), world.context()
    ring = world.home.part(Keyring)
    ring.unkept.clear()  # the part may have come to be after the key
    world.put(replace(key, description="again"))
    backing(ctx, key, ctx.arn(key))
    assert ctx.kept
    for call in waiting:
        call(OSError("no disk"))
    assert ring.unkept
    for call in waiting:
        call(None)
    ctx = world.context()
    backing(ctx, key, ctx.arn(key))
    assert not ctx.kept
    world.home.loop.close()
