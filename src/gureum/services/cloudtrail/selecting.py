"""Which events a trail records: its event selectors, compiled to one function.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_EventSelector.html
https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_AdvancedFieldSelector.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gureum.kernel.events import Called
from gureum.services.cloudtrail.event import source_of
from gureum.services.cloudtrail.rules import resource_type

Select = Callable[[Called], bool]
Values = Callable[[Called], Sequence[str]]


def compiled(basic: Sequence[Mapping[str, Any]], advanced: Sequence[Mapping[str, Any]]) -> Select:
    """An event is recorded where any selector wants it."""
    selects = [_advanced(each) for each in advanced] or [_basic(each) for each in basic]
    if not selects:
        return lambda called: called.management
    return lambda called: any(select(called) for select in selects)


def pairs(called: Called) -> list[tuple[str, str]]:
    """The (type, ARN) of an event's resources. S3 counts listing a bucket as an event of its objects."""
    found = [(resource_type(arn), arn) for arn in called.resources]
    if called.management:
        return found
    return [
        ("AWS::S3::Object", f"{arn}/") if kind == "AWS::S3::Bucket" else (kind, arn) for kind, arn in found
    ]


def _basic(selector: Mapping[str, Any]) -> Select:
    kind = selector.get("ReadWriteType") or "All"
    management = selector.get("IncludeManagementEvents", True)
    excluded = frozenset(selector.get("ExcludeManagementEventSources") or ())
    wanted = [
        (resource["Type"], tuple(resource.get("Values") or ()))
        for resource in selector.get("DataResources") or ()
    ]

    def select(called: Called) -> bool:
        if kind != "All" and called.read_only != (kind == "ReadOnly"):
            return False
        if called.management:
            return management and source_of(called.service) not in excluded
        return any(
            found == of and arn.startswith(starts) for of, starts in wanted for found, arn in pairs(called)
        )

    return select


FIELDS: dict[str, Values] = {
    "eventCategory": lambda c: ("Management" if c.management else "Data",),
    "eventName": lambda c: (c.operation,),
    "eventSource": lambda c: (source_of(c.service),),
    "eventType": lambda _: ("AwsApiCall",),
    "readOnly": lambda c: ("true" if c.read_only else "false",),
    "resources.type": lambda c: [kind for kind, _ in pairs(c)],
    "resources.ARN": lambda c: [arn for _, arn in pairs(c)],
    "userIdentity.arn": lambda c: (str(c.identity.get("arn", "")),),
}

_OPERATORS: dict[str, Callable[[str, tuple[str, ...]], bool]] = {
    "Equals": lambda value, given: value in given,
    "StartsWith": str.startswith,
    "EndsWith": str.endswith,
}
OPERATORS = (*_OPERATORS, *(f"Not{name}" for name in _OPERATORS))


def _advanced(selector: Mapping[str, Any]) -> Select:
    tests = [_field(each) for each in selector["FieldSelectors"]]
    return lambda called: all(test(called) for test in tests)


def _field(selector: Mapping[str, Any]) -> Select:
    """Positive operators want one of the values to fit, negative ones none."""
    values = FIELDS[selector["Field"]]
    wants: list[Select] = []
    for name, fits in _OPERATORS.items():
        if given := tuple(selector.get(name) or ()):
            wants.append(_some(values, fits, given))
        if given := tuple(selector.get(f"Not{name}") or ()):
            wants.append(_none(values, fits, given))
    return lambda called: all(want(called) for want in wants)


def _some(values: Values, fits: Callable[[str, tuple[str, ...]], bool], given: tuple[str, ...]) -> Select:
    return lambda called: any(fits(value, given) for value in values(called))


def _none(values: Values, fits: Callable[[str, tuple[str, ...]], bool], given: tuple[str, ...]) -> Select:
    return lambda called: not any(fits(value, given) for value in values(called))
