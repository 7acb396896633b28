"""Policy variables: where they are, what they become, and what their values may not do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gureum.policy import match
from gureum.policy.variables import Variable, Wild, keys, resolve, tokens


class Context(dict):
    def value(self, key):
        return self.get(key)


def parts(text, *, wildcards=True, variables=True):
    return tokens(text, wildcards=wildcards, variables=variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${aws:username}", (Variable("aws:username", None),)),
        ("${AWS:UserName}-q", (Variable("aws:username", None), "-q")),
        ("${aws:PrincipalTag/team, 'none'}", (Variable("aws:principaltag/team", "none"),)),
        ("${aws:PrincipalTag/team,''}", (Variable("aws:principaltag/team", ""),)),
        ("a${*}b${?}c${$}d", ("a*b?c$d",)),
        ("${*}*", ("*", Wild.MANY)),
        ("$aws:username", ("$aws:username",)),
        ("${}", ("${}",)),
        ("${aws:username", ("${aws:username",)),
        ("${key, none}", ("${key, none}",)),
    ],
)
def test_the_documented_forms(text, expected):
    assert parts(text) == expected


def test_old_documents_have_no_variables():
    assert parts("${aws:username}", variables=False) == ("${aws:username}",)


def test_a_variable_without_value_or_default_resolves_to_nothing():
    pattern = parts("home/${aws:username}/*")
    assert resolve(pattern, Context()) is None
    assert resolve(parts("${aws:username, 'anonymous'}"), Context()) == ("anonymous",)
    assert resolve(pattern, Context({"aws:username": "kim"})) == ("home/", "kim", "/", Wild.MANY)
    assert keys(pattern) == {"aws:username"}


def test_a_multivalued_key_is_no_variable():
    assert resolve(parts("${aws:tagkeys}"), Context({"aws:tagkeys": ["a", "b"]})) is None


@given(st.text("ab*?", min_size=1, max_size=5), st.text("ab*?", min_size=1, max_size=5))
def test_wildcards_in_a_value_are_literal(value, text):
    matcher = match.glob(resolve(parts("${k}"), Context(k=value)))
    assert bool(matcher(text)) == (value == text)
