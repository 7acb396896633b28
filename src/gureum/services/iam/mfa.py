"""Virtual MFA devices: time-based one-time passwords (RFC 6238), really checked, each good once.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from msgspec.structs import replace

from gureum.kernel import tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.operations import Target, spell
from gureum.kernel.principal import Principal
from gureum.kernel.records import kind_of
from gureum.services.iam import checking, rules, users
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import User, VirtualDevice

if TYPE_CHECKING:
    from gureum.api import iam as api

spell(
    "CreateVirtualMFADevice",
    "DeactivateMFADevice",
    "DeleteVirtualMFADevice",
    "EnableMFADevice",
    "GetMFADevice",
    "ListMFADevices",
    "ListVirtualMFADevices",
    "ResyncMFADevice",
)

ROOT = "<root_account>"  # no user can be called so
_KIND = kind_of(VirtualDevice)
_SEED_BYTES = 40
_A_DAY = 24 * 60 * 2  # in steps: how far a drifting device may be


def _created(account: str, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    name = str(req["VirtualMFADeviceName"])
    arn = _KIND.arn(account, "", {"path": req.get("Path") or "/", "name": name})
    return (Target("iam:CreateVirtualMFADevice", arn, account, "", _KIND, name),)


@ops.on(VirtualDevice, targets=_created)
def create_virtual_mfa_device(
    ctx: Context, req: api.CreateVirtualMFADeviceRequest
) -> api.CreateVirtualMFADeviceResponse:
    """The seed is told here and never again: as base 32, and as the picture that apps scan."""
    seed = os.urandom(_SEED_BYTES)
    name = checking.name(req["VirtualMFADeviceName"], "virtualMFADeviceName")
    device = VirtualDevice(
        name=name,
        path=checking.path(req.get("Path")),
        seed=ctx.home.seal.seal(seed, "iam mfa", ctx.account, name),
    )
    ctx.table(VirtualDevice).add(device)
    arn = ctx.arn(device)
    checking.put_tags(ctx, arn, req.get("Tags"))
    text = base64.b32encode(seed).decode()
    uri = f"otpauth://totp/Gureum:{quote(name)}@{ctx.account}?secret={text}&issuer=Gureum"
    shown: dict[str, Any] = {
        "SerialNumber": arn,
        "Base32StringSeed": text.encode(),
        "QRCodePNG": _picture(uri),
        "Tags": tags.show(ctx.tags.of(arn)),
    }
    return {"VirtualMFADevice": shown}  # type: ignore[typeddict-item]


def _picture(text: str) -> bytes:
    import segno  # a start need not pay for it

    out = io.BytesIO()
    segno.make(text, error="m").save(out, kind="png", scale=5)
    return out.getvalue()


def _device(ctx: Context, serial: str) -> VirtualDevice:
    place = _KIND.parse(serial)
    found = (
        ctx.table(VirtualDevice).get(place.key)
        if place is not None and place.account == ctx.account
        else None
    )
    if found is None or ctx.arn(found) != serial:
        raise Fault("NoSuchEntity", f"VirtualMFADevice with serial number {serial} doesn't exist.")
    return found


def _owner(ctx: Context, req: Mapping[str, Any]) -> str:
    """The user that a request names; root where root calls and names its account or nobody."""
    name = req.get("UserName")
    if ctx.principal.kind == "root" and name in {None, "root", ctx.account, ROOT}:
        return ROOT
    if name is None:
        raise checking.whose()
    return ctx.table(User).need(name).name


def _of(ctx: Context, req: Mapping[str, Any]) -> VirtualDevice:
    """The device that a request names, enabled for the user that it names. Fault: NoSuchEntity."""
    owner, device = _owner(ctx, req), _device(ctx, req["SerialNumber"])
    if device.user != owner:
        raise Fault("NoSuchEntity", f"MFA Device with serial number {req['SerialNumber']} does not exist.")
    return device


def _two_codes(ctx: Context, device: VirtualDevice, req: Mapping[str, Any], reach: int) -> int:
    """The step of the second of two codes that follow one another. Fault: InvalidAuthenticationCode."""
    seed = _seed(ctx, device)
    current = int(ctx.now) // rules.STEP_SECONDS
    first, second = req["AuthenticationCode1"], req["AuthenticationCode2"]
    steps = sorted(range(max(current - reach, 0), current + reach), key=lambda step: abs(step - current))
    for step in steps:
        if rules.one_time_password(seed, step) == first and rules.one_time_password(seed, step + 1) == second:
            return step + 1
    raise Fault("InvalidAuthenticationCode", "Authentication code for device is not valid.")


def _seed(ctx: Context, device: VirtualDevice) -> bytes:
    return ctx.home.seal.open(device.seed, "iam mfa", ctx.account, device.name)


@ops.on(User, "UserName")
def enable_mfa_device(ctx: Context, req: api.EnableMFADeviceRequest) -> None:
    owner, device = _owner(ctx, req), _device(ctx, req["SerialNumber"])
    if device.user:
        raise Fault("EntityAlreadyExists", "MFA Device is already in use.")
    if len(list(ctx.table(VirtualDevice).find("user", owner))) >= rules.MFA_DEVICES_PER_USER:
        raise checking.exceeded("MFADevicesPerUser", rules.MFA_DEVICES_PER_USER)
    step = _two_codes(ctx, device, req, reach=3)
    ctx.table(VirtualDevice).put(replace(device, user=owner, enabled=ctx.now, step=step))


@ops.on(User, "UserName")
def resync_mfa_device(ctx: Context, req: api.ResyncMFADeviceRequest) -> None:
    """Two codes in a row, from up to a day apart, show that the device is the one."""
    device = _of(ctx, req)
    step = _two_codes(ctx, device, req, reach=_A_DAY)
    drift = step - int(ctx.now) // rules.STEP_SECONDS
    ctx.table(VirtualDevice).put(replace(device, step=step, drift=drift))


@ops.on(User, "UserName")
def deactivate_mfa_device(ctx: Context, req: api.DeactivateMFADeviceRequest) -> None:
    device = _device(ctx, req["SerialNumber"]) if "UserName" not in req else _of(ctx, req)
    if not device.user:
        raise Fault("NoSuchEntity", f"MFA Device with serial number {req['SerialNumber']} does not exist.")
    ctx.table(VirtualDevice).put(replace(device, user="", enabled=0.0))


@ops.on(VirtualDevice, "SerialNumber")
def delete_virtual_mfa_device(ctx: Context, req: api.DeleteVirtualMFADeviceRequest) -> None:
    device = _device(ctx, req["SerialNumber"])
    if device.user:
        raise Fault("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
    ctx.table(VirtualDevice).drop(device)
    ctx.tags.forget(ctx.arn(device))


@ops.on(User, "UserName")
def get_mfa_device(ctx: Context, req: api.GetMFADeviceRequest) -> api.GetMFADeviceResponse:
    device = _of(ctx, req) if "UserName" in req else _device(ctx, req["SerialNumber"])
    answer: dict[str, Any] = {"SerialNumber": ctx.arn(device)}
    if device.user:
        answer |= {"UserName": device.user, "EnableDate": device.enabled}
    return answer  # type: ignore[return-value]


@ops.on(User, "UserName")
def list_mfa_devices(ctx: Context, req: api.ListMFADevicesRequest) -> api.ListMFADevicesResponse:
    owner = _owner(ctx, req)

    def show(device: VirtualDevice) -> dict[str, Any]:
        return {"UserName": owner, "SerialNumber": ctx.arn(device), "EnableDate": device.enabled}

    return page(ctx, req, "MFADevices").table(  # type: ignore[return-value]
        ctx.table(VirtualDevice), show, index=("user", owner)
    )


@ops.on()
def list_virtual_mfa_devices(
    ctx: Context, req: api.ListVirtualMFADevicesRequest
) -> api.ListVirtualMFADevicesResponse:
    status = req.get("AssignmentStatus", "Any")

    def show(device: VirtualDevice) -> dict[str, Any]:
        shown: dict[str, Any] = {"SerialNumber": ctx.arn(device)}
        if device.user:
            shown["EnableDate"] = device.enabled
        if device.user and (user := ctx.table(User).get(device.user)) is not None:
            shown["User"] = users.show(ctx, user)
        return shown

    return page(ctx, req, "VirtualMFADevices").table(  # type: ignore[return-value]
        ctx.table(VirtualDevice),
        show,
        where=lambda device: status == "Any" or (status == "Assigned") == bool(device.user),
    )


def find_code(ctx: Context, caller: Principal, serial: str, code: str) -> tuple[VirtualDevice, int] | None:
    """The caller's device of this serial number and the step that a code of it stands for; step 0 for a wrong code.

    None where the caller has no such device.
    """
    place = _KIND.parse(serial)
    if place is None or place.account != caller.account:
        return None
    device = ctx.table(VirtualDevice, account=caller.account).get(place.key)
    owner = ROOT if caller.kind == "root" else caller.name
    if device is None or not device.user or device.user != owner:
        return None
    seed = ctx.home.seal.open(device.seed, "iam mfa", caller.account, device.name)
    shown_at = ctx.now + device.drift * rules.STEP_SECONDS
    return device, rules.find_step(seed, code, shown_at, device.step)


def spend(ctx: Context, caller: Principal, device: VirtualDevice, step: int) -> None:
    """A code is good once."""
    ctx.table(VirtualDevice, account=caller.account).put(replace(device, step=step))
