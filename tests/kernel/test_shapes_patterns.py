"""The models' patterns: which run, and that none hangs."""

import time
from functools import cache

import pytest

from gureum.kernel import models, patterns


@cache
def all_patterns() -> dict[str, str]:
    return {
        shape.pattern: f"{service}.{shape.name}"
        for service in models.services()
        for shape in models.load.__wrapped__(service).shapes.values()
        if shape.pattern is not None
    }


def test_all_patterns_can_be_run() -> None:
    refused = {
        pattern: where for pattern, where in all_patterns().items() if patterns.compile(pattern) is None
    }
    assert refused == {}


# A pattern that is tried on these must answer soon, whatever its stars.
HOSTILE = [
    "a" * 60 + "!",
    "0" * 60 + "!",
    "-" * 60 + "!",
    "a-" * 30 + "!",
    "a.b" * 20 + "!",
    "/a" * 30 + "\n",
    " " * 60 + "\t!",
]


def test_no_pattern_hangs_on_short_hostile_values() -> None:
    slow = []
    for pattern, where in all_patterns().items():
        match = patterns.compile(pattern)
        assert match is not None
        for value in HOSTILE:
            start = time.perf_counter()
            match(value)
            if time.perf_counter() - start > 0.25:
                slow.append((where, pattern, value))
    assert slow == []


def test_long_values_are_matched_under_a_time_limit() -> None:
    match = patterns.compile("(.*a){12}")
    assert match is not None
    start = time.perf_counter()
    assert not match("a" * 11 + "b" * 20_000)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[a-z]+", "abc", "abc\n"),
        (r"^[a-z]+$", "abc", "abc\n"),
        (r"[\p{L}\p{N}]+", "구름1", "구 름"),
        (r"\w+", "a_1", "구름"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\r\n\t]*", "a\U0001f600", "\x00"),
        (r"[\x{0022}a]+", 'a"', "b"),
        (r"[\p{all}]*", "any\nthing", None),
        (r"a{2}[b]{2}{0,1}", "aabb", "aab"),
        (r"\Aab\z", "ab", "abc"),
    ],
)
def test_java_spellings(pattern: str, good: str, bad: str | None) -> None:
    match = patterns.compile(pattern)
    assert match is not None
    assert match(good)
    assert bad is None or not match(bad)
