"""The Resource Groups Tagging API at the front door."""

from __future__ import annotations

from gureum.kernel.operations import Operations

ops = Operations(
    "resourcegroupstaggingapi",
    iam="tag",
    invalid="InvalidParameterException",
    principal="tagpolicies.tag.amazonaws.com",
)
