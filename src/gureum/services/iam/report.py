"""The credential report: every user's credentials, their age and their last use, as CSV.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import root_of
from gureum.services.iam import mfa, passwords, usage
from gureum.services.iam.operations import ops
from gureum.services.iam.records import (
    AccessKey,
    CredentialReport,
    LoginProfile,
    PasswordPolicy,
    SigningCertificate,
    User,
    VirtualDevice,
)

if TYPE_CHECKING:
    from gureum.api import iam as api

_GOOD_FOR_SECONDS = 4 * 3600
_NONE = "N/A"
_COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    "access_key_1_active",
    "access_key_1_last_rotated",
    "access_key_1_last_used_date",
    "access_key_1_last_used_region",
    "access_key_1_last_used_service",
    "access_key_2_active",
    "access_key_2_last_rotated",
    "access_key_2_last_used_date",
    "access_key_2_last_used_region",
    "access_key_2_last_used_service",
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
)


@ops.on()
def generate_credential_report(ctx: Context, req: dict[str, Any]) -> api.GenerateCredentialReportResponse:
    """Write it now: the report is complete with the answer, and as new as it."""
    usage.catch_up(ctx)
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(_COLUMNS)
    lines.writerow(_root(ctx))
    for user in ctx.table(User).scan():
        lines.writerow(_user(ctx, user))
    ctx.table(CredentialReport).put(CredentialReport(content=out.getvalue(), made=ctx.now))
    return {"State": "COMPLETE"}


@ops.on()
def get_credential_report(ctx: Context, req: dict[str, Any]) -> api.GetCredentialReportResponse:
    """Faults: ReportNotPresent, ReportExpired after four hours."""
    report = ctx.table(CredentialReport).get("account")
    if report is None:
        raise Fault(
            "ReportNotPresent", "No report exists. Please call GenerateCredentialReport to generate one."
        )
    if ctx.now - report.made > _GOOD_FOR_SECONDS:
        raise Fault(
            "ReportExpired", "The report has expired. Please call GenerateCredentialReport to generate one."
        )
    return {
        "Content": report.content.encode(),
        "ReportFormat": "text/csv",
        "GeneratedTime": report.made,
    }


def _root(ctx: Context) -> list[str]:
    keys = list(ctx.table(AccessKey).find("owner", f"{ctx.account}/"))
    created = min((key.created for key in keys), default=0.0)
    password = ["not_supported", _NONE, "not_supported", "not_supported"]
    return [
        mfa.ROOT,
        root_of(ctx.account).arn,
        _time(created),
        *password,
        *_rest(ctx, mfa.ROOT, keys, ""),
    ]


def _user(ctx: Context, user: User) -> list[str]:
    profile = ctx.table(LoginProfile).get(user.name)
    policy = ctx.table(PasswordPolicy).get("account")
    password = ["false", _NONE, _NONE, _NONE]
    if profile is not None:
        used = usage.password_used(ctx, user.name)
        rotation = passwords.expires(policy, profile)
        password = [
            "true",
            _time(used) if used is not None else "no_information",
            _time(profile.changed),
            _time(rotation) if rotation else _NONE,
        ]
    keys = list(ctx.table(AccessKey).find("owner", f"{ctx.account}/{user.name}"))
    return [user.name, ctx.arn(user), _time(user.created), *password, *_rest(ctx, user.name, keys, user.name)]


def _rest(ctx: Context, device_of: str, keys: list[AccessKey], certificates_of: str) -> list[str]:
    has_mfa = any(True for _ in ctx.table(VirtualDevice).find("user", device_of))
    row = [_bool(has_mfa)]
    ordered = sorted(keys, key=lambda key: key.created)
    for at in range(2):
        row += _key(ctx, ordered[at]) if at < len(ordered) else ["false", _NONE, _NONE, _NONE, _NONE]
    found = sorted(ctx.table(SigningCertificate).find("user", certificates_of), key=lambda one: one.uploaded)
    for at in range(2):
        row += (
            [_bool(found[at].status == "Active"), _time(found[at].uploaded)]
            if at < len(found)
            else ["false", _NONE]
        )
    return row


def _key(ctx: Context, key: AccessKey) -> list[str]:
    used = usage.of(ctx, key.id)
    last = [_time(used.at), used.region, used.service] if used is not None else [_NONE, _NONE, _NONE]
    return [_bool(key.active), _time(key.created), *last]


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _time(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(at))
