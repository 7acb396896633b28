"""What every cryptographic operation checks before it touches a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.kms import states
from gureum.services.kms.crypto.errors import CryptoError, InvalidKeyUsage
from gureum.services.kms.keyring import refusal
from gureum.services.kms.records import Key

P = ParamSpec("P")
T = TypeVar("T")


def begin(ctx: Context, req: Mapping[str, Any], usage: str, at: int = 0) -> tuple[Key, str]:
    """The request's key and its ARN, enabled and meant for `usage`. The faults of `states`."""
    if req.get("Recipient") is not None:
        raise Fault("ValidationException", "Recipient is not supported: no enclave runs here.")
    target = ctx.targets[at]
    key = ctx.need(Key, at)
    if key.state != "Enabled":
        states.usable(key, target.arn)
    if key.usage != usage:
        states.usage(key, target.arn, usage, ctx.operation)
    return key, target.arn


def symmetric(ctx: Context, req: Mapping[str, Any]) -> tuple[Key, str]:
    """As `begin`, for operations that take symmetric encryption keys alone."""
    key, arn = begin(ctx, req, "ENCRYPT_DECRYPT")
    if key.spec != "SYMMETRIC_DEFAULT":
        raise Fault(
            "InvalidKeyUsageException",
            f"{arn} key spec is {key.spec} which is not valid for {ctx.operation}.",
        )
    return key, arn


def dry(req: Mapping[str, Any]) -> None:
    """DryRunOperationException where the request only asks whether it would succeed."""
    if req.get("DryRun"):
        raise Fault(
            "DryRunOperationException", "The request would have succeeded, but the DryRun option is set."
        )


def attempt(act: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
    """What `act` gives, its refusal put in KMS's words."""
    try:
        return act(*args, **named)
    except CryptoError as error:
        raise refusal(error) from None


def algorithm_of(key: Key, algorithm: str) -> None:
    """InvalidKeyUsageException unless a symmetric key is asked for its one algorithm, an asymmetric for others."""
    if (key.spec == "SYMMETRIC_DEFAULT") != (algorithm == "SYMMETRIC_DEFAULT"):
        raise refusal(InvalidKeyUsage(f"Algorithm {algorithm} is incompatible with key spec {key.spec}."))
