"""Patterns of terms: all required ones, any of the `?optional` ones, none of the `-excluded` ones.

Optional terms beside required or excluded ones have no effect, as AWS's guide says and its service does.
"""

from __future__ import annotations

from collections.abc import Callable

from gureum.services.logs.patterns.faults import bad_term
from gureum.services.logs.patterns.values import check_regexes, read_quoted, read_regex

Test = Callable[[str], bool]
Term = tuple[str, str | Test]  # "", "?" or "-", and a text or an expression's search


def read_terms(pattern: str) -> list[Term]:
    """The terms of a pattern, in order. Raises Malformed."""
    terms: list[Term] = []
    at, regexes = 0, 0
    while at < len(pattern):
        if pattern[at].isspace():
            at += 1
            continue
        begin, sign = at, ""
        if pattern[at] in "?-":
            sign = pattern[at]
            at += 1
            while sign == "-" and at < len(pattern) and pattern[at].isspace():
                at += 1
        if at >= len(pattern):
            raise bad_term(pattern[begin:])
        if pattern[at] == '"':
            word, at = read_quoted(pattern, at)
            terms.append((sign, word))
        elif pattern[at] == "%":
            regex, at = read_regex(pattern, at)
            terms.append((sign, regex.search))
            regexes += 1
        else:
            end = at
            while end < len(pattern) and (pattern[end].isalnum() or pattern[end] == "_"):
                end += 1
            if end == at:
                raise bad_term(pattern[begin : at + 1])
            terms.append((sign, pattern[at:end]))
            at = end
    check_regexes(regexes)
    return terms


def _test(term: str | Test) -> Test:
    if isinstance(term, str):
        return lambda message: term in message
    return term


def _all(tests: list[Test]) -> Test:
    match tests:
        case []:
            return lambda message: True
        case [one]:
            return one
        case [one, two]:
            return lambda message: one(message) and two(message)
    return lambda message: all(test(message) for test in tests)


def _none(tests: list[Test]) -> Test:
    if len(tests) == 1:
        one = tests[0]
        return lambda message: not one(message)
    return lambda message: not any(test(message) for test in tests)


def compile_terms(pattern: str) -> Test:
    """Whether a message matches the terms. Raises Malformed."""
    terms = read_terms(pattern)
    required = [_test(term) for sign, term in terms if sign == ""]
    excluded = [_test(term) for sign, term in terms if sign == "-"]
    optional = [_test(term) for sign, term in terms if sign == "?"]
    if optional and not required and not excluded:
        return optional[0] if len(optional) == 1 else lambda message: any(test(message) for test in optional)
    if not excluded:
        return _all(required)
    wanted, unwanted = _all(required), _none(excluded)
    if not required:
        return unwanted
    return lambda message: wanted(message) and unwanted(message)
