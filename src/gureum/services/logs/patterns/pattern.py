"""One filter pattern of any kind: whether it matches a message, and what it extracts.

Source: "Filter pattern syntax for metric filters, subscription filters, filter log events, and Live Tail" and
"Creating metrics from log events using filters" in the CloudWatch Logs user guide; TestMetricFilter's answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from gureum.services.logs.patterns.documents import ANY, Documents, follow, read_document, read_selector
from gureum.services.logs.patterns.faults import Malformed
from gureum.services.logs.patterns.spaces import Spaces
from gureum.services.logs.patterns.terms import compile_terms, read_terms

Kind = Literal["terms", "space", "json"]

_FIELD = re.compile(r"\$(?:\w+(?:[-.]\w+)*)\Z")


class Pattern:
    """A compiled pattern. `matches(message)` is its test. Raises Malformed.

    `kind` says whether dimensions can be taken from it ("json", "space") or not ("terms"); `uses_regex` counts
    towards the five patterns with regular expressions that a log group may have.
    """

    matches: Callable[[str], bool]

    def __init__(self, source: str) -> None:
        self.source = source
        self.kind: Kind = "terms"
        self._spaces: Spaces | None = None
        text = source.strip()
        if text.startswith("{"):
            if not text.endswith("}") or len(text) < 2:
                raise Malformed("If a filter pattern starts with '{' it must end with '}'")
            self.kind, self.matches = "json", Documents(text).matches
        elif text.startswith("["):
            if not text.endswith("]") or len(text) < 2:
                raise Malformed("If a filter pattern starts with '[' it must end with ']'")
            self.kind, self._spaces = "space", Spaces(text)
            self.matches = self._spaces.matches
        else:
            self.matches = compile_terms(text)
        if self.kind == "terms":
            self.uses_regex = any(not isinstance(term, str) for _, term in read_terms(text))
        else:
            self.uses_regex = re.search(r"=\s*%", text) is not None

    def extract(self, message: str) -> dict[str, str] | None:
        """TestMetricFilter's extractedValues of a message that matches; None of one that does not.

        Only space-delimited patterns extract: `$name`, or `$` and the position of a field without a name.
        """
        if self._spaces is not None:
            return self._spaces.extract(message)
        return {} if self.matches(message) else None

    def select(self, selector: str, message: str) -> str | None:
        """The text at a metric value's or dimension's `$.selector` or `$field` in a message that matches.

        None where it leads to nothing, or to something that is neither a text nor a number.
        """
        if self._spaces is not None:
            return (self._spaces.extract(message) or {}).get(selector)
        document = read_document(message) if self.kind == "json" else None
        if document is None or not self.accepts(selector):
            return None
        value = next(follow(document, _steps(selector)), None)
        return str(value) if isinstance(value, str) else None

    def accepts(self, selector: str) -> bool:
        """Whether a metric value or dimension of this pattern may be that selector (no wildcard in one)."""
        if self.kind == "space":
            return _FIELD.match(selector) is not None
        if self.kind == "terms" or not selector.startswith("$"):
            return False
        try:
            steps, end = read_selector(selector)
        except Malformed:
            return False
        return end == len(selector) and ANY not in steps


@lru_cache(maxsize=1024)
def _steps(selector: str) -> tuple[str | int | None, ...]:
    return read_selector(selector)[0]


def compile(pattern: str) -> Callable[[str], bool]:
    """The test of a filter pattern; the empty one matches everything. Raises Malformed."""
    return Pattern(pattern).matches


def extract(pattern: str, message: str) -> dict[str, str] | None:
    """What TestMetricFilter extracts from a message; None when it does not match. Raises Malformed."""
    return Pattern(pattern).extract(message)
