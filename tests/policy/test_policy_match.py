"""Wildcard matching against oracles that try every way a wildcard could expand."""

import time

from hypothesis import given
from hypothesis import strategies as st

from gureum.policy import match
from gureum.policy.variables import Wild, tokens

TEXT = st.text("ab:/", max_size=9)
PATTERN = st.text("ab:/*?", max_size=9)


def naive_glob(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(naive_glob(pattern[1:], text[at:]) for at in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and naive_glob(pattern[1:], text[1:])


def naive_resource(pattern: str, text: str, colons: int = 0) -> bool:
    """Wildcards before the fifth colon stay in their segment, but for a `*` that ends it."""
    if not pattern:
        return not text
    head, rest = pattern[0], pattern[1:]
    inside = colons < 5
    if head == "*":
        while rest.startswith("*"):
            rest = rest[1:]
        crosses = not inside or rest[:1] in ("", ":")
        return any(
            naive_resource(rest, text[at:], colons)
            for at in range(len(text) + 1)
            if crosses or ":" not in text[:at]
        )
    if not text or (head == "?" and inside and text[0] == ":") or head not in ("?", text[0]):
        return False
    return naive_resource(rest, text[1:], colons + (head == ":"))


def matches(matcher, text: str) -> bool:
    return matcher is None or bool(matcher(text))


def pattern(text: str):
    return tokens(text, wildcards=True, variables=False)


@given(PATTERN, TEXT)
def test_glob_is_the_naive_glob(written, text):
    assert matches(match.glob(pattern(written)), text) == naive_glob(written, text)


@given(st.lists(PATTERN, min_size=1, max_size=4), TEXT)
def test_any_of_is_any(written, text):
    found = match.any_of(match.glob(pattern(one)) for one in written)
    assert matches(found, text) == any(naive_glob(one, text) for one in written)


@given(st.text("a:*?", max_size=12), st.text("a:", max_size=12))
def test_resource_patterns_keep_inside_segments(written, text):
    found = match.glob(match.by_segment(pattern(written)))
    assert matches(found, text) == naive_resource(written, text)


@given(
    st.lists(st.text("ab*?", max_size=3), min_size=6, max_size=6),
    st.lists(st.text("ab", max_size=3), min_size=6, max_size=8),
)
def test_arn_operators_compare_part_by_part(written, parts):
    given_arn = ":".join(parts)
    expected = all(naive_glob(one, part) for one, part in zip(written, given_arn.split(":", 5), strict=True))
    assert matches(match.arn(pattern(":".join(written))), given_arn) == expected


def test_arn_like_does_not_cross_colons_where_string_like_does():
    # IAM User Guide, "Condition operators", the example under ARN operators.
    written = "arn:aws:someservice:*:111122223333:finance/*"
    text = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
    assert matches(match.glob(pattern(written)), text)
    assert not matches(match.arn(pattern(written)), text)


def test_too_few_parts_match_no_arn_and_a_lone_star_every_one():
    assert not matches(match.arn(pattern("arn:aws:s3")), "arn:aws:s3")
    assert not matches(match.arn(pattern("arn:aws:s3:::b")), "arn:aws:s3")
    assert matches(match.arn(pattern("*")), "arn:aws:s3:::b")


def test_a_trailing_star_of_a_segment_may_run_past_the_colon():
    queue = "arn:aws:sqs:eu-west-1:111122223333:orders"

    def resource(written: str) -> bool:
        return matches(match.glob(match.by_segment(pattern(written))), queue)

    assert resource("arn:aws:sqs:*")
    assert resource("arn:aws:sqs:*:orders")
    assert resource("arn:aws:sqs:eu-*-1:111122223333:orders")
    assert not resource("arn:aws:sqs:eu*3:orders")
    assert not resource("arn:aws:sqs:EU-WEST-1:111122223333:orders")


def test_no_pattern_is_slow():
    started = time.perf_counter()
    text = "arn:aws:s3:::" + "a" * 2000
    for written in (
        "*a" * 60 + "b",
        "arn:aws:s3:*a*a*a*a*a*a*b:x:y",
        "*?" * 200 + "b",
        "arn:*a*a*a*a*:" + "*a" * 40 + "b",
    ):
        assert not matches(match.glob(pattern(written)), text)
        assert not matches(match.glob(match.by_segment(pattern(written))), text)
    assert time.perf_counter() - started < 5


def test_runs_of_stars_are_one_star():
    assert pattern("a***b") == ("a", Wild.MANY, "b")
