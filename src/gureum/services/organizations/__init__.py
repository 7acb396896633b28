"""AWS Organizations: accounts in a tree, and the policies that limit what they may do."""

from gureum.services.organizations import (
    accounts,
    attachments,
    delegation,
    effective,
    feature_sets,
    handshakes,
    joining,
    organizations,
    policies,
    resource_policy,
    roots,
    tagging,
    units,
)

__all__ = [
    "accounts",
    "attachments",
    "delegation",
    "effective",
    "feature_sets",
    "handshakes",
    "joining",
    "organizations",
    "policies",
    "resource_policy",
    "roots",
    "tagging",
    "units",
]
