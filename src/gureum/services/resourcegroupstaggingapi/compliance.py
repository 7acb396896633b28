"""Whether a resource's tags are as the tag policy in effect for its account wants them.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_tag-policies.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import Principal
from gureum.kernel.tags import Tagged
from gureum.services.resourcegroupstaggingapi import arns

if TYPE_CHECKING:
    from gureum.api import resourcegroupstaggingapi as api

_NONE = frozenset({"EffectivePolicyNotFoundException", "AWSOrganizationsNotInUseException", "NotImplemented"})
"""What Organizations answers where no tag policy is in effect, or where it is not offered."""


class Rule(NamedTuple):
    """What a policy says of one key: how it is written, which values it may have, on what it must be."""

    key: str
    values: tuple[re.Pattern[str], ...] | None
    required_for: tuple[str, ...]


Rules = Mapping[str, Rule]
"""By key in lower case."""


class Verdict(NamedTuple):
    """Keys written otherwise than the policy has them, keys with values that it does not list, keys that lack."""

    miswritten: list[str]
    bad_values: list[str]
    missing: list[str]

    @property
    def compliant(self) -> bool:
        return not (self.miswritten or self.bad_values or self.missing)

    def show(self) -> api.ComplianceDetails:
        return {
            "NoncompliantKeys": self.miswritten,
            "KeysWithNoncompliantValues": self.bad_values,
            "MissingTagKeys": self.missing,
            "ComplianceStatus": self.compliant,
        }


def rules_of(ctx: Context, caller: Principal, account: str = "") -> Rules:
    """The rules in effect for the caller's account, or for another of its organization.

    Raises what Organizations refuses with, but for the faults that say that there is no policy.
    """
    asked: dict[str, Any] = {"PolicyType": "TAG_POLICY"}
    if account:
        asked["TargetId"] = account
    try:
        answer = ctx.aws.as_(caller).organizations.describe_effective_policy(**asked)
    except Fault as fault:
        if fault.code in _NONE:
            return {}
        raise
    return read(msgspec.json.decode(answer["EffectivePolicy"]["PolicyContent"]))


def read(policy: Mapping[str, Any]) -> Rules:
    """The rules of an effective tag policy."""
    found: dict[str, Rule] = {}
    for name, tag in (policy.get("tags") or {}).items():
        values = tag.get("tag_value")
        found[name.lower()] = Rule(
            key=tag.get("tag_key", name),
            values=None if values is None else tuple(_pattern(value) for value in values),
            required_for=tuple(tag.get("report_required_tag_for") or ()),
        )
    return found


def _pattern(value: str) -> re.Pattern[str]:
    """A value in which `*` stands for anything."""
    return re.compile(".*".join(re.escape(part) for part in value.split("*")), re.DOTALL)


def judge(rules: Rules, one: Tagged) -> Verdict:
    """A resource's tags against the rules."""
    miswritten, bad_values = [], []
    for key, value in one.tags.items():
        rule = rules.get(key.lower())
        if rule is None:
            continue
        if key != rule.key:
            miswritten.append(key)
        if rule.values is not None and not any(pattern.fullmatch(value) for pattern in rule.values):
            bad_values.append(key)
    return Verdict(miswritten, bad_values, _missing(rules, one))


def _missing(rules: Rules, one: Tagged) -> list[str]:
    arn = arns.read(one.arn)
    held = {key.lower() for key in one.tags}
    return [
        rule.key
        for name, rule in rules.items()
        if name not in held and arn is not None and any(arns.is_of(arn, kind) for kind in rule.required_for)
    ]
