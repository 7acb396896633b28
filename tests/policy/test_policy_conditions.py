"""Condition operators, as "IAM JSON policy elements: Condition operators" and "Single-valued vs. multivalued
context keys" of the IAM User Guide describe them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gureum.policy.conditions import BadCondition, compile_condition


class Context(dict):
    def value(self, key):
        return self.get(key)


def holds(operator, key, values, context, *, variables=True):
    condition = compile_condition({operator: {key: values}}, variables=variables)
    return condition.test(Context(context))


SINGLE = [
    # operator, policy value, request value, holds
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", "a*", "ab", False),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringEqualsIgnoreCase", "Ab", "aB", True),
    ("StringNotEqualsIgnoreCase", "Ab", "aB", False),
    ("StringLike", ["x", "a?c*"], "abcd", True),
    ("StringLike", "A*", "abc", False),
    ("StringLike", "", "", True),
    ("StringLike", "*", "", True),
    ("StringNotLike", "a*", "abc", False),
    ("StringNotLike", "*", "abc", False),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", 10, "10", True),
    ("NumericNotEquals", "10", "11", True),
    ("NumericLessThan", "10", "9.99", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "9", "10", True),
    ("NumericGreaterThanEquals", "-1", "-1", True),
    ("NumericLessThan", "10", "abc", False),
    ("NumericLessThan", "10", "nan", False),
    ("DateEquals", "2020-01-01T00:00:01Z", "2020-01-01T00:00:01Z", True),
    ("DateEquals", "2020-01-01T00:00:01Z", "1577836801", True),
    ("DateEquals", "2020-01-01T09:00:00+09:00", "2020-01-01T00:00:00Z", True),
    ("DateNotEquals", "2020-01-01", "2020-01-01T00:00:00Z", False),
    ("DateLessThan", "2020-01-01T00:00:00Z", "2019-12-31T23:59:59.999Z", True),
    ("DateLessThanEquals", "2020-01", "2020-01-01T00:00:00Z", True),
    ("DateGreaterThan", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", False),
    ("DateGreaterThanEquals", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", True),
    ("DateGreaterThan", "2020-01-01T00:00:00Z", "tomorrow", False),
    ("Bool", "true", "true", True),
    ("Bool", True, "true", True),
    ("Bool", "false", "true", False),
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", True),
    ("BinaryEquals", "QmluYXJ5VmFsdWVJbkJhc2U2NA==", "AAAA", False),
    ("BinaryEquals", "AAAA", "not base64", False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
    ("IpAddress", "203.0.113.7", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "::ffff:203.0.113.7", True),
    ("IpAddress", ["203.0.113.0/24", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::1", True),
    ("IpAddress", "203.0.113.0/24", "unknown", False),
    ("NotIpAddress", "203.0.113.0/24", "203.0.114.7", True),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.7", False),
    ("ArnEquals", "arn:aws:sns:*:1:t?", "arn:aws:sns:eu-west-1:1:t1", True),
    ("ArnLike", "arn:aws:sns:*:1:t", "arn:aws:sns:eu-west-1:2:x:1:t", False),
    ("ArnNotEquals", "arn:aws:sns:*:1:t", "arn:aws:sns:eu-west-1:1:t", False),
    ("ArnNotLike", "arn:aws:sns:*:1:t", "arn:aws:sns:eu-west-1:1:u", True),
    ("Null", "true", "x", False),
    ("Null", "false", "x", True),
    ("Null", "false", "", True),
]


@pytest.mark.parametrize(("operator", "values", "value", "expected"), SINGLE)
def test_single_values(operator, values, value, expected):
    assert holds(operator, "k", values, {"k": value}) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False), ("StringNotEquals", True), ("StringNotEqualsIgnoreCase", True),
        ("StringLike", False), ("StringNotLike", True), ("StringEqualsIfExists", True),
        ("StringNotEqualsIfExists", True), ("ForAllValues:StringEquals", True),
        ("ForAllValues:StringNotEquals", True), ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False), ("ForAnyValue:StringEqualsIfExists", True),
        ("ArnLike", False), ("ArnNotLike", True), ("ArnNotEquals", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("context", [{}, {"k": []}])
def test_missing_keys(operator, expected, context):
    assert holds(operator, "k", "arn:aws:sns:::x", context) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("NumericLessThan", "1", False), ("NumericNotEquals", "1", True),
        ("DateGreaterThan", "2020-01-01", False), ("DateNotEquals", "2020-01-01", True),
        ("Bool", "false", False), ("BoolIfExists", "false", True), ("BinaryEquals", "AAAA", False),
        ("IpAddress", "10.0.0.0/8", False), ("NotIpAddress", "10.0.0.0/8", True),
        ("IpAddressIfExists", "10.0.0.0/8", True), ("Null", "true", True), ("Null", "false", False),
    ],
)  # fmt: skip
def test_missing_keys_of_typed_operators(operator, value, expected):
    assert holds(operator, "k", value, {}) is expected


def test_the_set_operators_of_the_user_guide():
    allowed = ["PostDateTime", "Message", "Tags"]
    assert holds("ForAllValues:StringLike", "k", allowed, {"k": ["PostDateTime", "Message"]})
    assert not holds("ForAllValues:StringLike", "k", allowed, {"k": ["PostDateTime", "UserName"]})
    forbidden = ["ID", "PostDateTime"]
    assert holds("ForAnyValue:StringLike", "k", forbidden, {"k": ["UserName", "Message", "PostDateTime"]})
    assert not holds("ForAnyValue:StringLike", "k", forbidden, {"k": ["UserName"]})


def test_an_empty_string_is_an_empty_set():
    assert holds("ForAllValues:StringEquals", "k", "a", {"k": ""})
    assert not holds("ForAnyValue:StringEquals", "k", ["a", ""], {"k": ""})


def test_keys_are_case_insensitive_and_all_operators_and_keys_must_hold():
    condition = compile_condition(
        {"StringEquals": {"AWS:A": "1", "aws:b": ["2", "3"]}, "Bool": {"aws:C": "true"}}, variables=True
    )
    assert condition.keys == {"aws:a", "aws:b", "aws:c"}
    full = {"aws:a": "1", "aws:b": "3", "aws:c": "true"}
    assert condition.test(Context(full))
    for key in full:
        assert not condition.test(Context({**full, key: "false"}))


def test_variables_in_values():
    context = {"k": "home/kim/x", "aws:username": "kim"}
    assert holds("StringLike", "k", ["", "home/${aws:username}/*"], context)
    assert not holds("StringLike", "k", "home/${aws:username}/*", context, variables=False)
    assert holds("StringEquals", "k", "a*${$}", {"k": "a*$"})
    assert holds(
        "ArnLike",
        "k",
        "${aws:PrincipalArn}",
        {"k": "arn:aws:iam::1:role/r", "aws:principalarn": "arn:aws:iam::1:role/r"},
    )
    assert holds("StringNotEquals", "k", "${aws:username}", {"k": "lee", "aws:username": "kim"})


def test_a_value_with_an_unknown_variable_matches_nothing_even_when_negated():
    assert not holds("StringEquals", "k", "${aws:username}", {"k": "kim"})
    assert not holds("StringNotEquals", "k", "${aws:username}", {"k": "kim"})
    assert not holds("StringNotEqualsIfExists", "k", "${aws:username}", {"k": "kim"})
    assert not holds("StringNotEquals", "k", ["lee", "${aws:username}"], {"k": "kim"})
    assert holds("StringLike", "k", ["kim", "${aws:username}"], {"k": "kim"})
    assert holds("StringEqualsIfExists", "k", "${aws:username}", {})
    assert not holds("ForAllValues:StringEquals", "k", "${aws:username}", {"k": ["kim"]})


@pytest.mark.parametrize(
    "element",
    [
        {"StringIs": {"k": "v"}},
        {"stringequals": {"k": "v"}},
        {"ForSomeValues:StringEquals": {"k": "v"}},
        {"NullIfExists": {"k": "true"}},
        {"Null": {"k": "maybe"}},
        {"StringEquals": "k"},
        {"StringEquals": {"k": {"v": 1}}},
        {"StringEquals": {"k": [None]}},
        {"NumericEquals": {"k": "ten"}},
        {"NumericEquals": {"k": "${aws:x}"}},
        {"DateEquals": {"k": "2020-13-01"}},
        {"DateEquals": {"k": "0001-01-01T00:00:00+14:00"}},
        {"IpAddress": {"k": "203.0.113.0/40"}},
        {"BinaryEquals": {"k": "*"}},
    ],
)
def test_what_the_language_does_not_have(element):
    with pytest.raises(BadCondition):
        compile_condition(element, variables=True)


@given(
    st.sampled_from(["", "ForAllValues:", "ForAnyValue:"]),
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from("abc"), max_size=3),
    st.none() | st.sampled_from("abc") | st.lists(st.sampled_from("abc"), max_size=3),
)
def test_quantifiers_negation_and_if_exists_by_their_definitions(
    prefix, negated, if_exists, values, given_value
):
    operator = f"{prefix}String{'Not' if negated else ''}Equals{'IfExists' if if_exists else ''}"
    context = {} if given_value is None else {"k": given_value}
    present = [given_value] if isinstance(given_value, str) else given_value or []
    if not present:
        expected = if_exists or prefix == "ForAllValues:" or (negated and not prefix)
    elif prefix == "ForAllValues:":
        expected = all((one in values) != negated for one in present)
    elif prefix == "ForAnyValue:":
        expected = any((one in values) != negated for one in present)
    else:
        expected = bool(set(present) & set(values)) != negated
    assert holds(operator, "k", values, context) is expected
