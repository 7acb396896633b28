"""The linear matcher against Python's engine, and hostile expressions against the clock."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gureum.services.logs.regex import BadRegex, Regex
from gureum.services.logs.regex.linear import Machine
from gureum.services.logs.regex.syntax import Parser

atoms = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", r"\w", r"\d", r"\s", r"\b", "^", "$", " "])


def compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    quantifier = st.sampled_from(["*", "+", "?", "{1,2}", "*?", "+?", "{2}"])
    return st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, b: f"(?:{a}|{b})", inner, inner),
        st.builds(lambda a: f"({a})", inner),
        st.builds(lambda a, q: f"(?:{a}){q}", inner, quantifier),
    )


sources = st.recursive(atoms, compound, max_leaves=8)
texts = st.text(alphabet="ab 1\n", max_size=12)


@settings(max_examples=400)
@given(sources, texts)
def test_linear_search_agrees_with_pythons(source: str, text: str) -> None:
    machine = Machine(Parser(source).parse())
    theirs = re.search(source.replace("$", r"\Z"), text, re.ASCII) is not None
    assert machine.search(text) == theirs
    assert machine.search(text) == theirs  # the second time through the kept states


@settings(max_examples=400)
@given(st.recursive(st.sampled_from(["a", "b", "[ab]", "1", " "]), compound, max_leaves=6), texts)
def test_linear_groups_agree_with_pythons(source: str, text: str) -> None:
    if re.search(r"\([^()]*[*?][^()]*\)[*+{]", source):
        return  # engines differ in what a group that matched emptily in a loop holds
    parser = Parser(source)
    machine = Machine(parser.parse())
    theirs = re.search(source, text, re.ASCII)
    ours = machine.spans(text, 0, len(parser.group_names))
    if theirs is None:
        assert ours is None
    else:
        assert ours is not None and tuple(ours[:2]) == theirs.span()


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("(a+)+$", "a" * 100_000 + "b"),
        ("(a|a)*c", "a" * 100_000),
        ("a?" * 100 + "a" * 100, "a" * 99),
        (".*.*.*.*.*x", "a" * 100_000),
        (r"(\w+\s?)*!", "word " * 20_000),
        ("(a*)*b", "a" * 100_000),
    ],
)
def test_hostile_expressions_stay_linear(source: str, text: str) -> None:
    regex = Regex(source)
    start = time.perf_counter()
    assert regex.search(text) is False
    assert regex.groups(text) is None
    assert time.perf_counter() - start < 2


def test_groups_of_a_long_hostile_text() -> None:
    text = "a" * 5000 + "!" + "key=value"
    assert Regex(r"(a+)+!(?<key>\w+)=(?<value>\w+)").groups(text) == ("a" * 5000, "key", "value")


@pytest.mark.parametrize(
    ("source", "text", "found"),
    [
        (r"^(?i)Exception$", "eXCEPTION", True),
        (r"(?i:ex)Ception", "EXCEption", False),
        (r"[[:digit:]]{3}", "ab123", True),
        (r"\x41\x{42}", "AB", True),
        (r"\Qa.b\E", "a.b", True),
        (r"\Qa.b\E", "axb", False),
        (r"(?s)a.b", "a\nb", True),
        (r"a.b", "a\nb", False),
        (r"(?m)^b$", "a\nb\nc", True),
        (r"b$", "b\n", False),
        (r"\d", "٣", False),
        ("a{,2}b", "aab", True),
        ("{}", "{}", True),
    ],
)
def test_syntax(source: str, text: str, found: bool) -> None:
    assert Regex(source).search(text) is found


@pytest.mark.parametrize(
    "source",
    [
        "(",
        ")",
        "[a",
        "*a",
        "a**",
        "(?=a)",
        "(?<!a)b",
        r"\1",
        "(?<n>a)(?<n>b)",
        "a{1001}",
        "[b-a]",
        r"\p{L}",
        "((a{900}){900}){9}",
        "(" * 200 + ")" * 200,
        "\\",
        "(?",
    ],
)
def test_what_is_refused(source: str) -> None:
    with pytest.raises(BadRegex):
        Regex(source)


def test_replace_and_all_groups() -> None:
    regex = Regex(r"(\d+)-(\d+)")
    assert regex.all_groups("1-2 x 30-4") == [("1", "2"), ("30", "4")]
    assert regex.replace("1-2 x 30-4", lambda g: f"{g[2]}+{g[1]}") == "2+1 x 4+30"
    hostile = Regex(r"(?:a|a)*b")
    assert hostile.replace("a" * 3000 + "b c", lambda g: "X") == "X c"
