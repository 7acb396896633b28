"""MFA in requests for sessions: a serial number and a code.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_configure-api-require.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import mfa
from gureum.services.iam.records import VirtualDevice


def check(ctx: Context, req: Mapping[str, Any]) -> tuple[VirtualDevice, int] | None:
    """The device and step that a request's code proves, None where it has no code. Fault: AccessDenied."""
    serial, code = req.get("SerialNumber"), req.get("TokenCode")
    if serial is None and code is None:
        return None
    found = mfa.find_code(ctx, ctx.principal, serial, code) if serial and code else None
    if found is None:
        raise Fault(
            "AccessDenied",
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number "
            "is valid and associated with this user.",
            status=403,
        )
    if not found[1]:
        raise Fault(
            "AccessDenied",
            "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
            status=403,
        )
    return found


def spend(ctx: Context, req: Mapping[str, Any]) -> bool:
    """Use up a request's code. Whether there was one. Fault: as `check`."""
    found = check(ctx, req)
    if found is None:
        return False
    mfa.spend(ctx, ctx.principal, *found)
    return True
