"""Key states: any sequence of operations against the table of the Developer Guide."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gureum.kernel.faults import Fault
from gureum.services.kms import encrypt, keys, policies, rotation, tagging
from tests.services.kms.world import World

INVALID, DISABLED = "KMSInvalidStateException", "DisabledException"
DELETING = {"PendingDeletion": INVALID}
UNUSABLE = DELETING | {"Disabled": DISABLED}

# Operation: handler, parameters, the states that refuse it and how, the state that it leads to ("" for the same).
OPERATIONS = {
    "EnableKey": (keys.enable_key, {}, DELETING, "Enabled"),
    "DisableKey": (keys.disable_key, {}, DELETING, "Disabled"),
    "ScheduleKeyDeletion": (keys.schedule_key_deletion, {}, DELETING, "PendingDeletion"),
    "CancelKeyDeletion": (
        keys.cancel_key_deletion,
        {},
        {"Enabled": INVALID, "Disabled": INVALID},
        "Disabled",
    ),
    "DescribeKey": (keys.describe_key, {}, {}, ""),
    "UpdateKeyDescription": (keys.update_key_description, {"Description": "d"}, DELETING, ""),
    "Encrypt": (encrypt.encrypt, {"Plaintext": b"x"}, UNUSABLE, ""),
    "EnableKeyRotation": (rotation.enable_key_rotation, {}, UNUSABLE, ""),
    "DisableKeyRotation": (rotation.disable_key_rotation, {}, UNUSABLE, ""),
    "GetKeyRotationStatus": (rotation.get_key_rotation_status, {}, DELETING, ""),
    "GetKeyPolicy": (policies.get_key_policy, {}, {}, ""),
    "TagResource": (tagging.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}, DELETING, ""),
    "UntagResource": (tagging.untag_resource, {"TagKeys": ["a"]}, DELETING, ""),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("kms"))
    yield made
    made.home.loop.close()
    made.home.close()


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from(sorted(OPERATIONS)), max_size=12))
def test_states_follow_the_table(world, steps):
    key_id, state = world.make(), "Enabled"
    for name in steps:
        handler, params, refused, leads_to = OPERATIONS[name]
        before = world.get(key_id)
        if state in refused:
            with pytest.raises(Fault) as caught:
                world.call(handler, key_id, **params)
            assert caught.value.code == refused[state], (name, state)
            assert world.get(key_id) == before  # a refusal changes nothing
        else:
            world.call(handler, key_id, **params)
            state = leads_to or state
        assert world.get(key_id).state == state
