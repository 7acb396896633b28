"""KMS: keys made, kept and used without leaving the house."""

from gureum.services.kms import (
    agreement,
    aliases,
    data_keys,
    encrypt,
    grants,
    importing,
    keys,
    policies,
    replicas,
    rotation,
    signing,
    tagging,
    tend,
    usage,
)
from gureum.services.kms.operations import ops

__all__ = [
    "agreement",
    "aliases",
    "data_keys",
    "encrypt",
    "grants",
    "importing",
    "keys",
    "ops",
    "policies",
    "replicas",
    "rotation",
    "signing",
    "tagging",
    "tend",
    "usage",
]
