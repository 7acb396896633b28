"""The account as a whole: its alias, its numbers, everybody and everything in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import (
    aws_policies,
    checking,
    groups,
    mfa,
    policies,
    profiles,
    roles,
    rules,
    usage,
    users,
)
from gureum.services.iam.attachments import show as show_attached
from gureum.services.iam.aws_policies import AwsPolicy
from gureum.services.iam.operations import ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import (
    AccessKey,
    AccountAlias,
    Group,
    InstanceProfile,
    Member,
    OidcProvider,
    Policy,
    Role,
    SamlProvider,
    ServerCertificate,
    SigningCertificate,
    TakenAlias,
    User,
    VirtualDevice,
)

if TYPE_CHECKING:
    from gureum.api import iam as api


@ops.on()
def create_account_alias(ctx: Context, req: api.CreateAccountAliasRequest) -> None:
    """An account has one; a new one takes the place of the old."""
    alias = req["AccountAlias"]
    if not rules.is_alias(alias):
        raise Fault(
            "ValidationError",
            f"1 validation error detected: Value '{alias}' at 'accountAlias' failed to satisfy constraint: Member "
            "must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
        )
    table = ctx.table(AccountAlias)
    before = table.get("account")
    if before is not None and before.alias == alias:
        return
    ctx.table(TakenAlias).add(TakenAlias(alias=alias, owner_account=ctx.account))
    if before is not None:
        ctx.table(TakenAlias).drop(ctx.table(TakenAlias).need(before.alias))
    table.put(AccountAlias(alias=alias))


@ops.on()
def list_account_aliases(ctx: Context, req: api.ListAccountAliasesRequest) -> api.ListAccountAliasesResponse:
    return page(ctx, req, "AccountAliases").table(ctx.table(AccountAlias), lambda one: one.alias)  # type: ignore[return-value]


@ops.on()
def delete_account_alias(ctx: Context, req: api.DeleteAccountAliasRequest) -> None:
    there = ctx.table(AccountAlias).get("account")
    if there is None or there.alias != req["AccountAlias"]:
        raise Fault("NoSuchEntity", f"The Account Alias {req['AccountAlias']} cannot be found.")
    ctx.table(AccountAlias).drop(there)
    ctx.table(TakenAlias).drop(ctx.table(TakenAlias).need(there.alias))


@ops.on()
def get_account_summary(ctx: Context, req: dict[str, Any]) -> api.GetAccountSummaryResponse:
    """https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountSummary.html"""

    def count(kind: type[Any]) -> int:
        return sum(1 for _ in ctx.table(kind).scan())

    devices = list(ctx.table(VirtualDevice).scan())
    root_keys = list(ctx.table(AccessKey).find("owner", f"{ctx.account}/"))
    root_certificates = list(ctx.table(SigningCertificate).find("user", ""))
    quotas = rules.ACCOUNT_QUOTAS
    return {
        "SummaryMap": {
            "Users": count(User),
            "UsersQuota": quotas["Users"],
            "Groups": count(Group),
            "GroupsQuota": quotas["Groups"],
            "Roles": count(Role),
            "RolesQuota": quotas["Roles"],
            "Policies": count(Policy),
            "PoliciesQuota": quotas["Policies"],
            "InstanceProfiles": count(InstanceProfile),
            "InstanceProfilesQuota": quotas["InstanceProfiles"],
            "ServerCertificates": count(ServerCertificate),
            "ServerCertificatesQuota": quotas["ServerCertificates"],
            "Providers": count(OidcProvider) + count(SamlProvider),
            "MFADevices": len(devices),
            "MFADevicesInUse": sum(1 for device in devices if device.user),
            "AccountMFAEnabled": int(any(device.user == mfa.ROOT for device in devices)),
            "AccountAccessKeysPresent": int(bool(root_keys)),
            "AccountSigningCertificatesPresent": int(bool(root_certificates)),
            "AccountPasswordPresent": 0,
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in ctx.table(Policy).scan()),
            "PolicyVersionsInUseQuota": 10_000,
            "VersionsPerPolicyQuota": rules.POLICY_VERSIONS,
            "PolicySizeQuota": rules.POLICY_SIZE,
            "UserPolicySizeQuota": rules.INLINE_SIZES["user"],
            "GroupPolicySizeQuota": rules.INLINE_SIZES["group"],
            "RolePolicySizeQuota": rules.INLINE_SIZES["role"],
            "AssumeRolePolicySizeQuota": rules.TRUST_SIZE,
            "AttachedPoliciesPerUserQuota": rules.ATTACHED_POLICIES,
            "AttachedPoliciesPerGroupQuota": rules.ATTACHED_POLICIES,
            "AttachedPoliciesPerRoleQuota": rules.ATTACHED_POLICIES,
            "GroupsPerUserQuota": rules.GROUPS_PER_USER,
            "AccessKeysPerUserQuota": rules.ACCESS_KEYS_PER_USER,
            "SigningCertificatesPerUserQuota": rules.SIGNING_CERTIFICATES_PER_USER,
            "GlobalEndpointTokenVersion": 2,
        }
    }


def _inline(entity: User | Group | Role) -> list[dict[str, str]]:
    return [
        {"PolicyName": name, "PolicyDocument": checking.shown_document(text)}
        for name, text in sorted(entity.inline.items())
    ]


def _attached(entity: User | Group | Role) -> list[dict[str, str]]:
    return [show_attached(arn) for arn in sorted(entity.attached)]


def _user(ctx: Context, user: User) -> dict[str, Any]:
    return {
        **users.show(ctx, user, whole=True),
        "UserPolicyList": _inline(user),
        "GroupList": [member.group for member in ctx.table(Member).find("user", user.name)],
        "AttachedManagedPolicies": _attached(user),
    }


def _group(ctx: Context, group: Group) -> dict[str, Any]:
    return {
        **groups.show(ctx, group),
        "GroupPolicyList": _inline(group),
        "AttachedManagedPolicies": _attached(group),
    }


def _role(ctx: Context, role: Role) -> dict[str, Any]:
    held = ctx.table(InstanceProfile).find("role", role.name)
    shown = roles.show(ctx, role, whole=True)
    shown.pop("MaxSessionDuration")  # a RoleDetail has no room for these
    shown.pop("Description", None)
    return {
        **shown,
        "InstanceProfileList": [profiles.show(ctx, profile) for profile in held],
        "RolePolicyList": _inline(role),
        "AttachedManagedPolicies": _attached(role),
    }


def _policy(ctx: Context, policy: Policy | AwsPolicy, used: policies.Uses) -> dict[str, Any]:
    is_aws = isinstance(policy, AwsPolicy)
    numbers = [policy.version] if isinstance(policy, AwsPolicy) else [v.number for v in policy.versions]
    shown = policies.show(ctx, policy, used, whole=not is_aws)
    shown.pop("Tags", None)
    return {**shown, "PolicyVersionList": [policies.show_version(policy, n, whole=True) for n in numbers]}


@ops.on()
def get_account_authorization_details(
    ctx: Context, req: api.GetAccountAuthorizationDetailsRequest
) -> api.GetAccountAuthorizationDetailsResponse:
    """Everybody with all their policies; of AWS's policies those that are in use."""
    wanted = set(req.get("Filter") or ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"))
    usage.catch_up(ctx, usage.GLANCE_SECONDS)
    used = policies.uses(ctx)
    found: list[tuple[str, str, Callable[[], dict[str, Any]]]] = []
    for entity in policies.entities(ctx):
        kind = type(entity).__name__
        if kind in wanted:
            found.append((f"{kind}DetailList", entity.name, _detail(ctx, entity)))
    if "LocalManagedPolicy" in wanted:
        for policy in ctx.table(Policy).scan():
            found.append(("Policies", ctx.arn(policy), lambda policy=policy: _policy(ctx, policy, used)))  # type: ignore[misc]
    if "AWSManagedPolicy" in wanted:
        for arn in {*used.attached, *used.boundary}:
            if (aws := aws_policies.find(arn)) is not None:
                found.append(("Policies", arn, lambda aws=aws: _policy(ctx, aws, used)))  # type: ignore[misc]
    answer = page(ctx, req, "Found").items(found, lambda one: f"{one[0]}/{one[1]}", lambda one: one)
    lists = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    shown: dict[str, list[Any]] = {name: [] for name in lists}
    for name, _, make in answer.pop("Found"):
        shown[name].append(make())
    return {**shown, **answer}  # type: ignore[typeddict-item]


def _detail(ctx: Context, entity: User | Group | Role) -> Callable[[], dict[str, Any]]:
    if isinstance(entity, User):
        return lambda: _user(ctx, entity)
    return lambda: _group(ctx, entity) if isinstance(entity, Group) else _role(ctx, entity)
