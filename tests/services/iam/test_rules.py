"""IAM's arithmetic, by its laws and by published values."""

import json

from hypothesis import given
from hypothesis import strategies as st

from gureum.services.iam import hashing, positions, rules

# RFC 6238, appendix B, with SHA-1: seconds and the last six of the eight digits given there.
PUBLISHED = {
    59: "287082",
    1111111109: "081804",
    1234567890: "005924",
    2000000000: "279037",
    20000000000: "353130",
}


def test_one_time_passwords_are_the_rfcs():
    for at, expected in PUBLISHED.items():
        assert rules.one_time_password(b"12345678901234567890", at // 30) == expected


@given(st.binary(min_size=20, max_size=40), st.integers(10**6, 10**10), st.integers(-3, 3))
def test_a_code_is_found_one_step_around_now_and_never_again(seed, now, away):
    step = now // 30 + away
    code = rules.one_time_password(seed, step)
    found = rules.find_step(seed, code, now, after=0)
    if abs(away) <= 1:
        assert found and rules.one_time_password(seed, found) == code
        again = rules.find_step(seed, code, now, after=found)
        assert again == 0 or (again > found and rules.one_time_password(seed, again) == code)
    elif found:
        assert rules.one_time_password(seed, found) == code


@given(st.integers(0, 10**12 - 1), st.sampled_from(["AKIA", "ASIA"]))
def test_a_key_id_tells_its_account(number, prefix):
    account = f"{number:012d}"
    made = rules.key_id(prefix, account)
    assert len(made) == 20 and made.startswith(prefix) and made.isalnum()
    assert rules.account_of_key(made) == account


def test_an_account_in_awss_own_example_key():
    # The layout is AWS's: documented examples of keys decode to accounts of twelve digits.
    assert rules.account_of_key("ASIAQNZGKIQY56JQ7WML") == "029608264753"
    assert rules.account_of_key("AKIA!") == ""


statement = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.just("a:b"),
        "Resource": st.text('"\\{}[]:, Statement', max_size=12),
    }
)


@given(st.lists(statement, min_size=1, max_size=4), st.sampled_from([None, 1, 4]), st.booleans())
def test_statements_are_found_where_they_stand(statements, indent, alone):
    one = statements[0] if alone else statements
    text = json.dumps({"Id": '"Statement": {', "Version": "2012-10-17", "Statement": one}, indent=indent)
    found = [json.loads(text[start:end]) for start, end in positions.statements(text)]
    assert found == (statements[:1] if alone else statements)


@given(st.text(max_size=60), st.integers(0, 60))
def test_a_place_is_counted_from_one(text, at):
    at = min(at, len(text))
    shown = positions.shown(text, at)
    lines = text.split("\n")
    assert sum(len(line) + 1 for line in lines[: shown["Line"] - 1]) + shown["Column"] - 1 == at


def test_passwords_are_salted():
    one, two = hashing.make("secret"), hashing.make("secret")
    assert one != two and hashing.is_of(one, "secret") and not hashing.is_of(one, "Secret")


def test_white_space_is_free():
    assert rules.size(' {"a" : \n "b c"} ') == rules.size('{"a":"bc"}') == 10
