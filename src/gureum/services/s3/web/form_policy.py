"""The policy of a form: what its fields may say. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from gureum.kernel import documents
from gureum.kernel.faults import Fault

_FREE = frozenset({"x-amz-signature", "file", "policy", "signature", "awsaccesskeyid", "submit"})


def check_policy(document: bytes, fields: Mapping[str, str], size: int, now: float) -> None:
    """Hold a form, its bucket among the fields, and its file's size in bytes against the policy.

    Faults: InvalidPolicyDocument, AccessDenied, EntityTooSmall, EntityTooLarge.
    """
    try:
        policy = documents.read(document)
        expires = datetime.fromisoformat(policy["expiration"].replace("Z", "+00:00")).timestamp()
        conditions = policy["conditions"]
        if not isinstance(conditions, list):
            raise TypeError
    except (documents.BadDocument, KeyError, TypeError, ValueError, AttributeError):
        raise Fault("InvalidPolicyDocument", "Invalid Policy: Invalid JSON.", status=400) from None
    if now >= expires:
        raise _against("Policy expired.")
    covered: set[str] = set()
    for condition in conditions:
        covered |= _hold(condition, fields, size)
    extra = [name for name in fields if name not in covered and not _is_free(name)]
    if extra:
        raise _against(f"Extra input fields: {', '.join(extra)}")


def _is_free(name: str) -> bool:
    return name in _FREE or name.startswith("x-ignore-") or name == "bucket"


def _hold(condition: Any, fields: Mapping[str, str], size: int) -> set[str]:
    """Check one condition; the fields that it speaks of."""
    if isinstance(condition, dict):
        for name, value in condition.items():
            if fields.get(name.lower()) != str(value):
                raise _failed(["eq", f"${name}", value])
        return {name.lower() for name in condition}
    if not isinstance(condition, list) or len(condition) != 3:
        raise Fault("InvalidPolicyDocument", "Invalid Policy: Invalid Simple-Condition.", status=400)
    operator, name, value = condition
    if str(operator).lower() == "content-length-range":
        _hold_size(int(name), int(value), size)
        return set()
    field = str(name).removeprefix("$").lower()
    there = fields.get(field, "")
    if operator == "eq" and there != value:
        raise _failed(condition)
    if operator == "starts-with":
        # A list of content types is held against the prefix one by one.
        parts = [part.strip() for part in there.split(",")] if field == "content-type" else [there]
        if not all(part.startswith(value) for part in parts):
            raise _failed(condition)
    elif operator != "eq":
        raise Fault("InvalidPolicyDocument", f"Invalid Policy: Unexpected operator {operator}.", status=400)
    return {field}


def _hold_size(least: int, most: int, size: int) -> None:
    if size < least:
        raise Fault(
            "EntityTooSmall",
            "Your proposed upload is smaller than the minimum allowed size",
            status=400,
            MinSizeAllowed=least,
            ProposedSize=size,
        )
    if size > most:
        raise Fault(
            "EntityTooLarge",
            "Your proposed upload exceeds the maximum allowed size",
            status=400,
            MaxSizeAllowed=most,
            ProposedSize=size,
        )


def _failed(condition: list[Any]) -> Fault:
    return _against(f"Policy Condition failed: {documents.write(condition)}")


def _against(text: str) -> Fault:
    return Fault("AccessDenied", f"Invalid according to Policy: {text}", status=403)
