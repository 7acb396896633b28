"""The operators of management policies: AWS's own examples, and laws that hold for any tree."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gureum.services.organizations import inheritance
from gureum.services.organizations.inheritance import effective


def tag(**fields):
    return {"tags": {"project": fields}}


def values(*levels):
    """`tag_value` of a tag down the levels."""
    merged = effective([[tag(tag_value=level)] for level in levels])
    return merged.get("tags", {}).get("project", {}).get("tag_value")


def test_value_setting_operators():
    assert values({"@@assign": ["a", "b"]}, {"@@append": ["c", "a"]}) == ["a", "b", "c"]
    assert values({"@@assign": ["a", "b"]}, {"@@remove": ["a", "x"]}) == ["b"]
    assert values({"@@assign": ["a"]}, {"@@assign": ["z"]}) == ["z"]
    assert values({"@@append": ["c"]}) == ["c"]


def test_what_a_parent_forbids_no_child_allows_again():
    none = {"@@operators_allowed_for_child_policies": ["@@none"]}
    every = {"@@operators_allowed_for_child_policies": ["@@all"]}
    assert values({"@@assign": ["a"], **none}, every, {"@@assign": ["b"]}) == ["a"]
    only = {"@@operators_allowed_for_child_policies": ["@@append"]}
    assert values({"@@assign": ["a"], **only}, {"@@remove": ["a"]}, {"@@append": ["b"]}) == ["a", "b"]


def test_control_over_a_whole_part_holds_for_what_is_below_it():
    top = {
        "tags": {"@@operators_allowed_for_child_policies": ["@@none"], "a": {"tag_key": {"@@assign": "A"}}}
    }
    below = {"tags": {"a": {"tag_key": {"@@assign": "a"}}, "b": {"tag_key": {"@@assign": "B"}}}}
    assert effective([[top], [below]]) == {"tags": {"a": {"tag_key": "A"}}}


def test_control_does_not_hold_within_its_own_level():
    first = tag(tag_value={"@@assign": ["a"], "@@operators_allowed_for_child_policies": ["@@none"]})
    second = tag(tag_value={"@@append": ["b"]})
    assert effective([[first, second]]) == {"tags": {"project": {"tag_value": ["a", "b"]}}}


def test_keys_are_one_whatever_their_case():
    merged = effective(
        [[{"tags": {"Project": {"tag_key": {"@@assign": "Project"}}}}], [tag(tag_value={"@@assign": ["x"]})]]
    )
    assert merged == {"tags": {"Project": {"tag_key": "Project", "tag_value": ["x"]}}}


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["@@assign", "@@append", "@@remove"]),
        st.lists(st.sampled_from("abcd"), unique=True, max_size=4),
    ),
    max_size=6,
)


@given(OPERATIONS)
def test_levels_apply_one_after_another(operations):
    held = None
    for operator, given_values in operations:
        if operator == "@@assign":
            held = list(given_values)
        elif operator == "@@append":
            held = (held or []) + [one for one in given_values if one not in (held or [])]
        else:
            held = [one for one in held or [] if one not in given_values]
    assert values(*[{operator: given_values} for operator, given_values in operations]) == held


@given(OPERATIONS, OPERATIONS)
def test_below_a_full_stop_nothing_changes(above, below):
    stop = {"@@operators_allowed_for_child_policies": ["@@none"]}
    before = [{operator: listed} for operator, listed in above]
    after = [{operator: listed} for operator, listed in below]
    assert values(*before, stop, *after) == values(*before)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(
                    ["tags", "a", "@@assign", "@@append", "tag_value", "tag_key", inheritance.CONTROL]
                ),
                inner,
            )
        ),
    )
)
def test_reading_takes_or_refuses_any_json(document):
    try:
        read = inheritance.read(json.dumps(document), frozenset({"tags"}), tags=True)
    except inheritance.Malformed:
        return
    assert isinstance(effective([[read]]), dict)
