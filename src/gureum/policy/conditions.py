"""The Condition element: every operator, compiled to one test per operator and key.

Sources: IAM User Guide, "IAM JSON policy elements: Condition operators" (operators, missing keys, IfExists,
Null), "Single-valued vs. multivalued context keys" (ForAllValues, ForAnyValue), "Variables and tags".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gureum.policy import match
from gureum.policy.comparisons import COMPARISONS
from gureum.policy.match import Matcher
from gureum.policy.variables import Solid, Token, Value, Values, Variable, keys, resolve, tokens

Test = Callable[[Values], bool]
Quantifier = Literal["", "ForAllValues", "ForAnyValue"]


class BadCondition(ValueError):
    """A Condition element that the language does not have, such as an unknown operator."""


class BadValue(BadCondition):
    """A value that its operator cannot compare: not a number, a date, an address."""


@dataclass(slots=True, frozen=True)
class Condition:
    """A compiled Condition element. `keys` are the condition keys it reads, lower case, variables too."""

    test: Test
    keys: frozenset[str]


@dataclass(slots=True, frozen=True)
class _Operator:
    """One operator of the language.

    `texts`: its values are patterns (with variables and perhaps wildcards) rather than typed values.
    """

    negated: bool
    matcher: Callable[[tuple[Solid, ...]], Matcher | None]
    wildcards: bool = False
    texts: bool = True


def _literal(pattern: tuple[Solid, ...]) -> Matcher:
    return "".join(map(str, pattern)).__eq__


def _ignoring_case(pattern: tuple[Solid, ...]) -> Matcher:
    wanted = "".join(map(str, pattern)).casefold()
    return lambda text: text.casefold() == wanted


def _typed(comparison: Callable[[str], Matcher]) -> Callable[[tuple[Solid, ...]], Matcher]:
    return lambda pattern: comparison("".join(map(str, pattern)))


def _operators() -> dict[str, _Operator]:
    table = {
        "StringEquals": _Operator(False, _literal),
        "StringNotEquals": _Operator(True, _literal),
        "StringEqualsIgnoreCase": _Operator(False, _ignoring_case),
        "StringNotEqualsIgnoreCase": _Operator(True, _ignoring_case),
        "StringLike": _Operator(False, match.glob, wildcards=True),
        "StringNotLike": _Operator(True, match.glob, wildcards=True),
        "Bool": _Operator(False, _ignoring_case),
    }
    for name in ("ArnEquals", "ArnLike"):
        table[name] = _Operator(False, match.arn, wildcards=True)
        table[f"ArnNot{name[3:]}"] = _Operator(True, match.arn, wildcards=True)
    for name, (negated, comparison) in COMPARISONS.items():
        table[name] = _Operator(negated, _typed(comparison), texts=False)
    return table


_OPERATORS = _operators()


def compile_condition(element: Mapping[str, object], *, variables: bool) -> Condition:
    """Compile a Condition element; `variables` says whether the document's version has policy variables.

    All operators and all keys must hold; the values of one key are alternatives. Raises BadCondition.
    """
    tests: list[Test] = []
    named: set[str] = set()
    for operator, block in element.items():
        if not isinstance(block, Mapping):
            raise BadCondition(operator)
        for key, given in block.items():
            test, used = _one(operator, str(key).lower(), _texts(given), variables)
            tests.append(test)
            named |= used
    return Condition(_all(tuple(tests)), frozenset(named))


def _all(tests: tuple[Test, ...]) -> Test:
    if len(tests) == 1:
        return tests[0]
    return lambda values: all(test(values) for test in tests)


def _texts(given: object) -> tuple[str, ...]:
    """Values as text: JSON strings, numbers and booleans, one or a list (the grammar's condition_value)."""
    found = given if isinstance(given, list) else [given]
    texts = []
    for value in found:
        if isinstance(value, bool):
            texts.append("true" if value else "false")
        elif isinstance(value, str | int | float):
            texts.append(str(value))
        else:
            raise BadCondition(f"{value!r} is not a condition value")
    return tuple(texts)


def _one(operator: str, key: str, texts: tuple[str, ...], variables: bool) -> tuple[Test, frozenset[str]]:
    quantifier, name, if_exists = _split(operator)
    if name == "Null":
        if quantifier or if_exists:
            raise BadCondition(operator)
        return _null(key, texts), frozenset((key,))
    if (found := _OPERATORS.get(name)) is None:
        raise BadCondition(operator)
    variables = variables and found.texts
    patterns = [tokens(text, wildcards=found.wildcards, variables=variables) for text in texts]
    used = frozenset((key,)).union(*map(keys, patterns))
    missing = if_exists or (quantifier == "ForAllValues") or (found.negated and not quantifier)
    holds = _holds(quantifier, found.negated)
    if len(used) == 1 and not any(isinstance(token, Variable) for pattern in patterns for token in pattern):
        return _fixed(key, missing, holds, _alternatives(found, patterns)), used
    return _varying(key, missing, holds, found, patterns), used


def _split(operator: str) -> tuple[Quantifier, str, bool]:
    prefix, colon, name = operator.rpartition(":")
    if not colon:
        quantifier: Quantifier = ""
    elif prefix == "ForAllValues":
        quantifier = "ForAllValues"
    elif prefix == "ForAnyValue":
        quantifier = "ForAnyValue"
    else:
        raise BadCondition(operator)
    base = name.removesuffix("IfExists")
    return quantifier, base, base != name


def _alternatives(operator: _Operator, patterns: Iterable[Sequence[Token]]) -> Matcher | None:
    try:
        matchers = [operator.matcher(tuple(t for t in p if not isinstance(t, Variable))) for p in patterns]
    except ValueError as error:
        raise BadValue(str(error)) from None
    return match.any_of(matchers) if matchers else match.never


def _null(key: str, texts: tuple[str, ...]) -> Test:
    wanted = {text.lower() for text in texts}
    if not wanted <= {"true", "false"}:
        raise BadValue("Null takes true or false")
    absent, present = "true" in wanted, "false" in wanted

    def test(values: Values) -> bool:
        value = values.value(key)
        return absent if not value and value != "" else present

    return test


_Holds = Callable[[Value, Matcher | None], bool]


def _holds(quantifier: Quantifier, negated: bool) -> _Holds:
    """How one key's values in the request meet the alternatives. A None matcher means "matches everything".

    Without a quantifier a list is met if any of its values is (and a negated operator if none is).
    """

    def unquantified(value: Value, matcher: Matcher | None) -> bool:
        if matcher is None:
            return not negated
        if isinstance(value, str):
            return bool(matcher(value)) is not negated
        return any(matcher(one) for one in value) is not negated

    def quantified(value: Value, matcher: Matcher | None) -> bool:
        found = [value] if isinstance(value, str) else value
        results = ((matcher is None or bool(matcher(one))) is not negated for one in found if one != "")
        return all(results) if quantifier == "ForAllValues" else any(results)

    return quantified if quantifier else unquantified


def _fixed(key: str, missing: bool, holds: _Holds, matcher: Matcher | None) -> Test:
    def test(values: Values) -> bool:
        value = values.value(key)
        return missing if not value and value != "" else holds(value or "", matcher)

    return test


def _varying(
    key: str, missing: bool, holds: _Holds, operator: _Operator, patterns: Sequence[tuple[Token, ...]]
) -> Test:
    """A test whose values hold policy variables, filled in from each request.

    A value whose variable has no value matches nothing. A negated operator with such a value fails
    altogether, or "not equal to something unknown" would hold for everybody.
    """

    def test(values: Values) -> bool:
        value = values.value(key)
        if not value and value != "":
            return missing
        filled = [resolve(pattern, values) for pattern in patterns]
        if operator.negated and None in filled:
            return False
        matchers = [operator.matcher(pattern) for pattern in filled if pattern is not None]
        return bool(matchers) and holds(value or "", match.any_of(matchers))

    return test
