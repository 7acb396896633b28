"""Which key states an operation takes, and what KMS says of the others.

Source: KMS Developer Guide, "Key states of AWS KMS keys", the key state table and its footnotes.
"""

from __future__ import annotations

from gureum.kernel.faults import Fault
from gureum.services.kms.records import Key

_DELETING = {
    "PendingDeletion": "is pending deletion.",
    "PendingReplicaDeletion": "is pending replica deletion.",
}


def usable(key: Key, arn: str) -> None:
    """For cryptographic operations and grants: Enabled only. DisabledException, KMSInvalidStateException."""
    if key.state == "Enabled":
        return
    if key.state == "Disabled":
        raise Fault("DisabledException", f"{arn} is disabled.")
    manageable(key, arn)
    raise Fault(
        "KMSInvalidStateException",
        f"{arn} is pending import." if key.state == "PendingImport" else f"{arn} is unavailable.",
    )


def manageable(key: Key, arn: str) -> None:
    """For what changes a key that is to stay: any state but the pending deletions."""
    if key.state in _DELETING:
        raise Fault("KMSInvalidStateException", f"{arn} {_DELETING[key.state]}")


def switchable(key: Key, arn: str) -> None:
    """For EnableKey and DisableKey: neither pending deletion nor pending import."""
    manageable(key, arn)
    if key.state == "PendingImport":
        raise Fault("KMSInvalidStateException", f"{arn} is pending import.")


def usage(key: Key, arn: str, wanted: str, operation: str) -> None:
    """InvalidKeyUsageException unless the key is for what the operation does."""
    if key.usage != wanted:
        raise Fault(
            "InvalidKeyUsageException",
            f"{arn} key usage is {key.usage} which is not valid for {operation}.",
        )


def customer_managed(key: Key, arn: str) -> None:
    """AWS managed keys are changed by AWS alone (as AccessDenied tells callers of PutKeyPolicy and others)."""
    if key.manager == "AWS":
        raise Fault(
            "AccessDeniedException",
            f"The operation is not allowed on the AWS managed key {arn}.",
            status=400,
        )


def origin(key: Key, arn: str, wanted: str) -> None:
    """UnsupportedOperationException where the key's material comes from elsewhere."""
    if key.origin != wanted:
        raise Fault(
            "UnsupportedOperationException",
            f"{arn} origin is {key.origin} which is not valid for this operation.",
        )
