"""Paging by the service model's own paginators: token in, token out, at most so many."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from gureum.kernel.faults import Fault
from gureum.kernel.models import load
from gureum.kernel.records import R
from gureum.kernel.store import Table

T = TypeVar("T")


class Paginator(NamedTuple):
    """The member names by which an operation pages."""

    token_in: str
    token_out: str
    limit: str
    result: str
    more: str  # "" where the operation has no such flag


def paginator(service: str, operation: str) -> Paginator:
    """The paginator that botocore knows for an operation. KeyError where it knows none."""
    found = load(service).paginators[operation]
    return Paginator(
        _one(found["input_token"]),
        _one(found["output_token"]),
        found.get("limit_key", ""),
        _one(found["result_key"]),
        found.get("more_results", ""),
    )


def _one(value: str | Sequence[str]) -> str:
    return value if isinstance(value, str) else value[0]


def token(key: str) -> str:
    """An opaque token for a key."""
    return base64.urlsafe_b64encode(b"1" + key.encode()).decode()


def read_token(value: str | None, code: str) -> str:
    """The key in a token. Raises the fault `code` for one that is not ours."""
    if not value:
        return ""
    try:
        raw = base64.urlsafe_b64decode(value.encode())
        if raw[:1] == b"1":
            return raw[1:].decode()
    except (binascii.Error, ValueError):
        pass
    raise Fault(code, "The specified token is not valid.")


class Pager:
    """Pages one operation's answer (see `Context.page`)."""

    __slots__ = ("_bad_token", "_names", "_req", "_size")

    def __init__(self, names: Paginator, req: Mapping[str, Any], size: int, bad_token: str) -> None:
        self._names, self._req, self._size, self._bad_token = names, req, size, bad_token

    @property
    def limit(self) -> int:
        asked = self._req.get(self._names.limit) if self._names.limit else None
        return min(asked, self._size) if asked else self._size

    @property
    def after(self) -> str:
        return read_token(self._req.get(self._names.token_in), self._bad_token)

    def table(
        self,
        table: Table[R],
        show: Callable[[R], Any],
        *,
        prefix: str = "",
        index: tuple[str, str] | None = None,
        where: Callable[[R], bool] | None = None,
    ) -> dict[str, Any]:
        """A page of a table's records, shown."""
        records, last = table.page(self.limit, self.after, prefix=prefix, index=index, where=where)
        return self._answer([show(record) for record in records], last)

    def items(self, items: Iterable[T], key: Callable[[T], str], show: Callable[[T], Any]) -> dict[str, Any]:
        """A page of things at hand, in the order of their keys (distinct)."""
        after, limit = self.after, self.limit
        rest = [item for item in sorted(items, key=key) if key(item) > after]
        last = key(rest[limit - 1]) if len(rest) > limit else ""
        return self._answer([show(item) for item in rest[:limit]], last)

    def _answer(self, shown: list[Any], last: str) -> dict[str, Any]:
        names = self._names
        answer: dict[str, Any] = {}
        _set(answer, names.result, shown)
        if names.more:
            _set(answer, names.more, bool(last))
        if last:
            _set(answer, names.token_out, token(last))
        return answer


def _set(answer: dict[str, Any], path: str, value: Any) -> None:
    # Some answers keep the list one level down (CloudFront's `DistributionList.Items`).
    *outer, name = path.split(".")
    for part in outer:
        answer = answer.setdefault(part, {})
    answer[name] = value
