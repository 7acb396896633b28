"""CloudTrail at the front door."""

from __future__ import annotations

from gureum.kernel.operations import Operations

# The service words most of its refusals itself; the model's constraints stand for the rest.
ops = Operations("cloudtrail", invalid="InvalidParameterException", checks=frozenset({"required", "enum"}))
