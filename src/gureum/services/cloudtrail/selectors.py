"""A trail's event selectors, as they are set and shown.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_PutEventSelectors.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.cloudtrail.finding import need
from gureum.services.cloudtrail.operations import ops
from gureum.services.cloudtrail.records import Trail
from gureum.services.cloudtrail.rules import DEFAULT_SELECTORS
from gureum.services.cloudtrail.selecting import FIELDS, OPERATORS

if TYPE_CHECKING:
    from gureum.api import cloudtrail as api

_MOST_BASIC = 5
_MOST_RESOURCES = 250
_MOST_CONDITIONS = 500
_BASIC_TYPES = frozenset({"AWS::S3::Object", "AWS::Lambda::Function", "AWS::DynamoDB::Table"})
_EXCLUDABLE = frozenset({"kms.amazonaws.com", "rdsdata.amazonaws.com"})
_OF_MANAGEMENT = frozenset({"eventCategory", "eventSource", "readOnly"})


@ops.on(Trail, "TrailName")
def put_event_selectors(ctx: Context, req: api.PutEventSelectorsRequest) -> api.PutEventSelectorsResponse:
    """Selectors of one sort replace what there was. Faults: InvalidEventSelectorsException."""
    table, trail = need(ctx, req["TrailName"])
    basic: Sequence[Any] = req.get("EventSelectors") or ()
    advanced: Sequence[Any] = req.get("AdvancedEventSelectors") or ()
    if bool(basic) == bool(advanced):
        raise _refused("Specify either event selectors or advanced event selectors, and not both.")
    if len(basic) > _MOST_BASIC:
        raise _refused(f"A trail can have up to {_MOST_BASIC} event selectors.")
    for each in basic:
        _check_basic(each)
    if sum(len(r.get("Values") or ()) for s in basic for r in s.get("DataResources") or ()) > _MOST_RESOURCES:
        raise _refused(f"A trail can have up to {_MOST_RESOURCES} data resources.")
    conditions = sum([_check_advanced(each) for each in advanced])
    if conditions > _MOST_CONDITIONS:
        raise _refused(f"A trail can have up to {_MOST_CONDITIONS} values in its advanced event selectors.")
    after = replace(
        trail, selectors=tuple(DEFAULT_SELECTORS[0] | each for each in basic), advanced=tuple(advanced)
    )
    table.put(after)
    return _show(table.arn(trail), after)  # type: ignore[return-value]


@ops.on(Trail, "TrailName")
def get_event_selectors(ctx: Context, req: api.GetEventSelectorsRequest) -> api.GetEventSelectorsResponse:
    """https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetEventSelectors.html"""
    table, trail = need(ctx, req["TrailName"])
    return _show(table.arn(trail), trail)  # type: ignore[return-value]


def _show(arn: str, trail: Trail) -> dict[str, Any]:
    if trail.advanced:
        return {"TrailARN": arn, "AdvancedEventSelectors": list(trail.advanced)}
    return {"TrailARN": arn, "EventSelectors": list(trail.selectors or DEFAULT_SELECTORS)}


def _refused(text: str) -> Fault:
    return Fault("InvalidEventSelectorsException", text)


def _check_basic(selector: Mapping[str, Any]) -> None:
    management = selector.get("IncludeManagementEvents", True)
    resources = selector.get("DataResources") or ()
    if not management and not resources:
        raise _refused("An event selector must include management events or data resources.")
    excluded = selector.get("ExcludeManagementEventSources") or ()
    if set(excluded) - _EXCLUDABLE or (excluded and not management):
        raise _refused(f"Only {' and '.join(sorted(_EXCLUDABLE))} can be excluded from management events.")
    for resource in resources:
        if resource.get("Type") not in _BASIC_TYPES:
            raise _refused(f"Value {resource.get('Type')} for DataResources.Type is invalid.")
        for value in resource.get("Values") or ():
            if not value.startswith("arn:"):
                raise _refused(f"Value {value} for DataResources.Values is invalid.")


def _check_advanced(selector: Mapping[str, Any]) -> int:
    """How many values it has. Faults: InvalidEventSelectorsException."""
    by_field = {each["Field"]: each for each in selector["FieldSelectors"]}
    if len(by_field) < len(selector["FieldSelectors"]):
        raise _refused("A field can be named only once in an advanced event selector.")
    category = _only_equals(by_field, "eventCategory")
    if category not in {"Management", "Data"}:
        raise _refused("eventCategory must be set to Equals Management or Data.")
    if category == "Data":
        _only_equals(by_field, "resources.type")
    count = 0
    for field, each in by_field.items():
        if field not in FIELDS or (category == "Management" and field not in _OF_MANAGEMENT):
            raise _refused(f"Field {field} is not supported for {category} events.")
        values = [value for name in OPERATORS for value in each.get(name) or ()]
        if not values:
            raise _refused(f"Field {field} has no operator with a value.")
        if field == "readOnly" and (list(each) != ["Field", "Equals"] or set(values) - {"true", "false"}):
            raise _refused("readOnly must be set to Equals true or false.")
        count += len(values)
    return count


def _only_equals(by_field: Mapping[str, Mapping[str, Any]], field: str) -> str:
    given = by_field.get(field, {})
    values = list(given.get("Equals") or ())
    if len(values) != 1 or set(given) != {"Field", "Equals"}:
        raise _refused(f"{field} is required, with Equals and one value.")
    return str(values[0])
