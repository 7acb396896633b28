"""Console passwords, and the account's rules for them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_passwords_account-policy.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import checking, hashing, rules
from gureum.services.iam.operations import ops
from gureum.services.iam.records import LoginProfile, PasswordPolicy, User

if TYPE_CHECKING:
    from gureum.api import iam as api

_DAY = 86_400
_DEFAULT = PasswordPolicy(minimum=8)
"""What holds where the account has no policy of its own."""
_MOST_FORMER = 24


def check(ctx: Context, password: str, user: str, former: tuple[bytes, ...] = ()) -> None:
    """Fault: PasswordPolicyViolation with what is wrong."""
    policy = ctx.table(PasswordPolicy).get("account")
    found = _broken(policy or _DEFAULT, password, user, is_default=policy is None)
    again = former[: policy.reuse] if policy is not None else ()
    if not found and any(hashing.is_of(kept, password) for kept in again):
        found = "Password cannot be reused"
    if found:
        raise Fault("PasswordPolicyViolation", found)


def _broken(policy: PasswordPolicy, password: str, user: str, *, is_default: bool) -> str:
    if len(password) < policy.minimum:
        return f"Password should have a minimum length of {policy.minimum}"
    if is_default:
        # Three of four kinds of character, and not the name itself.
        kinds = ("Symbols", "Numbers", "Uppercase", "Lowercase")
        if sum(not rules.missing_from(password, frozenset({kind})) for kind in kinds) < 3:
            return "Password must contain at least 3 of the following: uppercase, lowercase, numbers, symbols"
        return "Password must not be identical to your AWS account name" if password == user else ""
    wanted = {
        "Symbols": policy.symbols,
        "Numbers": policy.numbers,
        "Uppercase": policy.uppercase,
        "Lowercase": policy.lowercase,
    }
    return rules.missing_from(password, frozenset(kind for kind, is_wanted in wanted.items() if is_wanted))


def _show(profile: LoginProfile) -> dict[str, Any]:
    return {
        "UserName": profile.user,
        "CreateDate": profile.created,
        "PasswordResetRequired": profile.reset_required,
    }


def _user(ctx: Context, req: Any) -> User:
    if "UserName" not in req:
        raise checking.whose()
    return ctx.table(User).need(req["UserName"])


@ops.on(User, "UserName")
def create_login_profile(ctx: Context, req: api.CreateLoginProfileRequest) -> api.CreateLoginProfileResponse:
    user = _user(ctx, req)
    if "Password" not in req:
        raise Fault("ValidationError", "Password is required.")
    table = ctx.table(LoginProfile)
    if table.get(user.name) is None:
        check(ctx, req["Password"], user.name)
    profile = LoginProfile(
        user=user.name,
        created=ctx.now,
        changed=ctx.now,
        hash=hashing.make(req["Password"]),
        reset_required=req.get("PasswordResetRequired", False),
    )
    table.add(profile)
    return {"LoginProfile": _show(profile)}  # type: ignore[typeddict-item]


@ops.on(User, "UserName")
def get_login_profile(ctx: Context, req: api.GetLoginProfileRequest) -> api.GetLoginProfileResponse:
    profile = ctx.table(LoginProfile).need(_user(ctx, req).name)
    return {"LoginProfile": _show(profile)}  # type: ignore[typeddict-item]


@ops.on(User, "UserName")
def update_login_profile(ctx: Context, req: api.UpdateLoginProfileRequest) -> None:
    profile = ctx.table(LoginProfile).need(ctx.need(User).name)
    if "Password" in req:
        check(ctx, req["Password"], profile.user)
        profile = _changed(ctx, profile, req["Password"])
    reset = req.get("PasswordResetRequired", profile.reset_required)
    ctx.table(LoginProfile).put(replace(profile, reset_required=reset))


def _changed(ctx: Context, profile: LoginProfile, password: str) -> LoginProfile:
    former = (profile.hash, *profile.former)[:_MOST_FORMER]
    return replace(profile, hash=hashing.make(password), changed=ctx.now, former=former)


@ops.on(User, "UserName")
def delete_login_profile(ctx: Context, req: api.DeleteLoginProfileRequest) -> None:
    table = ctx.table(LoginProfile)
    table.drop(table.need(_user(ctx, req).name))


@ops.on(User, "UserName")
def change_password(ctx: Context, req: api.ChangePasswordRequest) -> None:
    """A user's own. Faults: NoSuchEntity, AccessDenied for a wrong old one, PasswordPolicyViolation."""
    if ctx.principal.kind != "user":
        raise Fault("InvalidUserType", "Only an IAM User can change their own password.")
    profile = ctx.table(LoginProfile).need(ctx.principal.name)
    if not hashing.is_of(profile.hash, req["OldPassword"]):
        raise Fault("AccessDenied", "The old password was incorrect.", status=403)
    check(ctx, req["NewPassword"], profile.user, (profile.hash, *profile.former))
    ctx.table(LoginProfile).put(replace(_changed(ctx, profile, req["NewPassword"]), reset_required=False))


def expires(policy: PasswordPolicy | None, profile: LoginProfile) -> float:
    """When a password is older than the account lets one be, 0 for never."""
    return profile.changed + policy.max_age * _DAY if policy is not None and policy.max_age else 0.0


@ops.on()
def update_account_password_policy(ctx: Context, req: api.UpdateAccountPasswordPolicyRequest) -> None:
    """What is left out goes back to its default."""
    policy = PasswordPolicy(
        minimum=req.get("MinimumPasswordLength", 6),
        symbols=req.get("RequireSymbols", False),
        numbers=req.get("RequireNumbers", False),
        uppercase=req.get("RequireUppercaseCharacters", False),
        lowercase=req.get("RequireLowercaseCharacters", False),
        users_may_change=req.get("AllowUsersToChangePassword", False),
        max_age=req.get("MaxPasswordAge", 0),
        reuse=req.get("PasswordReusePrevention", 0),
        hard_expiry=req.get("HardExpiry"),
    )
    ctx.table(PasswordPolicy).put(policy)


def _no_policy(ctx: Context) -> Fault:
    return Fault("NoSuchEntity", f"The Password Policy with domain name {ctx.account} cannot be found.")


@ops.on()
def get_account_password_policy(ctx: Context, req: dict[str, Any]) -> api.GetAccountPasswordPolicyResponse:
    policy = ctx.table(PasswordPolicy).get("account")
    if policy is None:
        raise _no_policy(ctx)
    shown: dict[str, Any] = {
        "MinimumPasswordLength": policy.minimum,
        "RequireSymbols": policy.symbols,
        "RequireNumbers": policy.numbers,
        "RequireUppercaseCharacters": policy.uppercase,
        "RequireLowercaseCharacters": policy.lowercase,
        "AllowUsersToChangePassword": policy.users_may_change,
        "ExpirePasswords": policy.max_age > 0,
    }
    if policy.max_age:
        shown["MaxPasswordAge"] = policy.max_age
    if policy.reuse:
        shown["PasswordReusePrevention"] = policy.reuse
    if policy.hard_expiry is not None:
        shown["HardExpiry"] = policy.hard_expiry
    return {"PasswordPolicy": shown}  # type: ignore[typeddict-item]


@ops.on()
def delete_account_password_policy(ctx: Context, req: dict[str, Any]) -> None:
    policy = ctx.table(PasswordPolicy).get("account")
    if policy is None:
        raise _no_policy(ctx)
    ctx.table(PasswordPolicy).drop(policy)
