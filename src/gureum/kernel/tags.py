"""Tags of any resource, kept under its ARN: one place for every service, the tagging API and tag conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gureum.kernel.faults import Fault
from gureum.kernel.records import Record, kind_of, resource
from gureum.kernel.store import Store, Table, Work

MOST_TAGS = 50
_KEYS = ("Key", "key", "TagKey")
_VALUES = ("Value", "value", "TagValue")


@resource("tags", arn="{arn}", missing="ResourceNotFoundException", tagged=False)
class Tagged(Record):
    """The tags of one resource. It outlives its last tag: the tagging API lists what has ever been tagged."""

    arn: str
    tags: dict[str, str]


TAGGED = kind_of(Tagged)


class Tags:
    """The tags of resources in one account and region, within a unit of work."""

    __slots__ = ("_account", "_region", "_store", "_work")

    def __init__(self, store: Store, work: Work, account: str, region: str) -> None:
        self._store, self._work, self._account, self._region = store, work, account, region

    def of(self, arn: str) -> dict[str, str]:
        """A resource's tags; empty where it has none."""
        found = self._table(arn).get(arn)
        return dict(found.tags) if found else {}

    def put(self, arn: str, tags: Mapping[str, str], *, too_many: str = "TooManyTagsException") -> None:
        """Add or replace tags. Faults: `too_many` above 50, and what `check` raises."""
        if not tags:
            return
        check(tags)
        merged = {**self.of(arn), **tags}
        if len([k for k in merged if not k.startswith("aws:")]) > MOST_TAGS:
            raise Fault(too_many, f"Tag limit of {MOST_TAGS} exceeded.")
        self._table(arn).put(Tagged(arn=arn, tags=merged))

    def remove(self, arn: str, keys: Sequence[str]) -> None:
        """Remove tags by key; keys that are not there are no fault."""
        have = self.of(arn)
        kept = {k: v for k, v in have.items() if k not in keys}
        if kept != have:
            self._table(arn).put(Tagged(arn=arn, tags=kept))

    def replace(self, arn: str, tags: Mapping[str, str], *, too_many: str = "TooManyTagsException") -> None:
        """Let these be all the tags of a resource."""
        self.forget(arn)
        self.put(arn, tags, too_many=too_many)

    def forget(self, arn: str) -> None:
        """The resource is gone, and its tags with it."""
        table = self._table(arn)
        if (found := table.get(arn)) is not None:
            table.drop(found)

    def _table(self, arn: str) -> Table[Tagged]:
        region = arn.split(":", 4)[3]  # global resources' tags lie in no region
        return Table(self._store, self._work, TAGGED, self._account, region)


def check(tags: Mapping[str, str], code: str = "ValidationException") -> None:
    """Refuse tags that AWS refuses: reserved prefix, empty or over-long keys, over-long values."""
    for key, value in tags.items():
        if key.lower().startswith("aws:"):
            raise Fault(code, "Tag keys starting with 'aws:' are reserved for system use")
        if not 1 <= len(key) <= 128:
            raise Fault(code, "Tag key must have length between 1 and 128")
        if len(value) > 256:
            raise Fault(code, f"The value of tag {key} exceeds the maximum length of 256")


def read(value: Any) -> dict[str, str]:
    """Tags as a dict, from a map or from a list of key and value under any of AWS's spellings."""
    if not value:
        return {}
    if isinstance(value, Mapping):
        return dict(value)
    return {_first(item, _KEYS): _first(item, _VALUES) for item in value}


def show(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as a list of structures with these member names."""
    return [{key: k, value: v} for k, v in tags.items()]


def _first(item: Mapping[str, Any], names: Sequence[str]) -> str:
    for name in names:
        if name in item:
            return str(item[name])
    return ""


Shower = Callable[[Mapping[str, str]], Any]
