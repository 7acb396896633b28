"""Account settings. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-account-settings.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.principal import root_of
from gureum.services.ecs.operations import ops
from gureum.services.ecs.records import AccountSetting

if TYPE_CHECKING:
    from gureum.api import ecs as api

_ON_OFF = frozenset({"on", "off", "enabled", "disabled"})
_DEFAULTS: Mapping[str, str] = {
    "serviceLongArnFormat": "enabled",
    "taskLongArnFormat": "enabled",
    "containerInstanceLongArnFormat": "enabled",
    "awsvpcTrunking": "disabled",
    "containerInsights": "disabled",
    "fargateFIPSMode": "disabled",
    "tagResourceAuthorization": "on",
    "fargateTaskRetirementWaitPeriod": "7",
    "guardDutyActivate": "off",
    "defaultLogDriverMode": "non-blocking",
    "fargateEventWindows": "disabled",
}
_VALUES: Mapping[str, frozenset[str]] = {
    # Only the long ARNs exist, and what would need hardware or a service that is not there cannot be turned on.
    "serviceLongArnFormat": frozenset({"enabled"}),
    "taskLongArnFormat": frozenset({"enabled"}),
    "containerInstanceLongArnFormat": frozenset({"enabled"}),
    "awsvpcTrunking": frozenset({"disabled"}),
    "containerInsights": frozenset({"enabled", "disabled", "enhanced"}),
    "fargateFIPSMode": frozenset({"disabled", "off"}),
    "tagResourceAuthorization": frozenset({"on", "off"}),
    "fargateTaskRetirementWaitPeriod": frozenset({"0", "7", "14"}),
    "guardDutyActivate": frozenset({"off"}),
    "defaultLogDriverMode": frozenset({"blocking", "non-blocking"}),
    "fargateEventWindows": frozenset({"disabled"}),
}


@ops.on()
def put_account_setting(ctx: Context, req: api.PutAccountSettingRequest) -> api.PutAccountSettingResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSetting.html"""
    principal = _principal(ctx, req)
    # What root sets for itself is the account's default, for all who have set nothing of their own.
    return {"setting": _put(ctx, "" if principal == root_of(ctx.account).arn else principal, req)}


@ops.on()
def put_account_setting_default(
    ctx: Context, req: api.PutAccountSettingDefaultRequest
) -> api.PutAccountSettingDefaultResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PutAccountSettingDefault.html"""
    return {"setting": _put(ctx, "", req)}


@ops.on()
def delete_account_setting(
    ctx: Context, req: api.DeleteAccountSettingRequest
) -> api.DeleteAccountSettingResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteAccountSetting.html"""
    principal = _principal(ctx, req)
    table = ctx.table(AccountSetting)
    key = "" if principal == root_of(ctx.account).arn else principal
    if (found := table.get(key, req["name"])) is not None:
        table.drop(found)
    return {"setting": {"name": req["name"], "value": "", "principalArn": principal}}


@ops.on()
def list_account_settings(
    ctx: Context, req: api.ListAccountSettingsRequest
) -> api.ListAccountSettingsResponse:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListAccountSettings.html"""
    principal = _principal(ctx, req)
    if req.get("value") and not req.get("name"):
        raise Fault("InvalidParameterException", "The value filter needs a name.")
    effective = bool(req.get("effectiveSettings"))
    table, found = ctx.table(AccountSetting), []
    for name, default in _DEFAULTS.items():
        own = table.get(principal, name)
        account = table.get("", name)
        if own is None and principal == root_of(ctx.account).arn:
            own = account
        if own is not None:
            found.append(_show(name, own.value, principal))
        elif effective:
            shown = root_of(ctx.account).arn if account is not None else principal
            found.append(_show(name, account.value if account is not None else default, shown))
    wanted = [
        one
        for one in found
        if req.get("name") in {None, one["name"]} and req.get("value") in {None, one["value"]}
    ]
    return ctx.page(req, 10).items(wanted, lambda one: str(one["name"]), lambda one: one)  # type: ignore[return-value]


def _put(ctx: Context, principal: str, req: Mapping[str, Any]) -> Any:
    name, value = req["name"], req["value"]
    if name not in _VALUES:
        raise Fault("InvalidParameterException", f"Invalid setting name: {name}")
    if value not in _VALUES[name]:
        raise Fault("InvalidParameterException", f"Invalid value for setting {name}: {value}")
    ctx.table(AccountSetting).put(AccountSetting(principal=principal, name=name, value=value))
    return _show(name, value, principal or root_of(ctx.account).arn)


def _show(name: str, value: str, principal: str) -> dict[str, str]:
    return {"name": name, "value": value, "principalArn": principal, "type": "user"}


def _principal(ctx: Context, req: Mapping[str, Any]) -> str:
    asked = req.get("principalArn")
    own = ctx.principal.role_arn or ctx.principal.arn
    if asked and asked != own and ctx.principal.kind != "root":
        raise Fault("InvalidParameterException", "Only root may ask for another principal's settings.")
    return asked or own
