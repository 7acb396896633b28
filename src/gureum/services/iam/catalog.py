"""IAM as data."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog, Column, Resource, Table, Words

_CREATED = Column(member="CreateDate", title={"en": "Created", "ko": "생성 시각"}, kind="time")
_PATH = Column(member="Path", title={"en": "Path", "ko": "경로"})


def _table(
    name: str,
    title: Words,
    items: str,
    *,
    member: str = "",
    list_: str = "",
    create: str = "",
    update: str = "",
    describe: str = "",
    delete: str = "",
    columns: tuple[Column, ...] = (_PATH, _CREATED),
) -> Table:
    return Table(
        name=name,
        title=title,
        list=list_ or f"List{items}",
        items=items,
        id=member or f"{name}Name",
        describe=describe or f"Get{name}",
        create=create or f"Create{name}",
        update=update,
        delete=delete or f"Delete{name}",
        arn_from="Arn",
        columns=columns,
    )


UNREAD = {
    "SimulateCustomPolicy.ResourceHandlingOption": "EC2's scenarios only say which ARNs a caller must list",
    "SimulatePrincipalPolicy.ResourceHandlingOption": "EC2's scenarios only say which ARNs a caller must list",
}

CATALOG = Catalog(
    service="iam",
    title="IAM",
    group="Security, identity, and compliance",
    purpose={
        "en": "Who may do what: users, groups, roles, and the policies that every call is checked against.",
        "ko": "누가 무엇을 할 수 있는지 정합니다. 모든 호출이 사용자, 그룹, 역할의 정책으로 검사됩니다.",
    },
    tables=(
        _table("User", {"en": "Users", "ko": "사용자"}, "Users", update="UpdateUser"),
        _table("Group", {"en": "User groups", "ko": "사용자 그룹"}, "Groups", update="UpdateGroup"),
        _table("Role", {"en": "Roles", "ko": "역할"}, "Roles", update="UpdateRole"),
        _table(
            "Policy",
            {"en": "Policies", "ko": "정책"},
            "Policies",
            member="PolicyArn",
            columns=(
                Column(
                    member="AttachmentCount", title={"en": "Attached to", "ko": "연결된 개체"}, kind="number"
                ),
                Column(member="UpdateDate", title={"en": "Changed", "ko": "변경 시각"}, kind="time"),
            ),
        ),
        _table("InstanceProfile", {"en": "Instance profiles", "ko": "인스턴스 프로파일"}, "InstanceProfiles"),
        _table(
            "ServerCertificate",
            {"en": "Server certificates", "ko": "서버 인증서"},
            "ServerCertificateMetadataList",
            list_="ListServerCertificates",
            create="UploadServerCertificate",
            update="UpdateServerCertificate",
            columns=(Column(member="Expiration", title={"en": "Expires", "ko": "만료"}, kind="time"),),
        ),
        _table(
            "OpenIDConnectProvider",
            {"en": "OpenID Connect providers", "ko": "OpenID Connect 공급자"},
            "OpenIDConnectProviderList",
            list_="ListOpenIDConnectProviders",
            member="OpenIDConnectProviderArn",
            columns=(),
        ),
    ),
    cloudformation=(
        Resource(
            type="AWS::IAM::User",
            create="CreateUser",
            read="GetUser",
            update="UpdateUser",
            delete="DeleteUser",
            id="UserName",
            ref="UserName",
            attributes={"Arn": "User.Arn"},
        ),
        Resource(
            type="AWS::IAM::Group",
            create="CreateGroup",
            read="GetGroup",
            update="UpdateGroup",
            delete="DeleteGroup",
            id="GroupName",
            ref="GroupName",
            attributes={"Arn": "Group.Arn"},
        ),
        Resource(
            type="AWS::IAM::Role",
            create="CreateRole",
            read="GetRole",
            update="UpdateRole",
            delete="DeleteRole",
            id="RoleName",
            ref="RoleName",
            attributes={"Arn": "Role.Arn", "RoleId": "Role.RoleId"},
        ),
        Resource(
            type="AWS::IAM::InstanceProfile",
            create="CreateInstanceProfile",
            read="GetInstanceProfile",
            delete="DeleteInstanceProfile",
            id="InstanceProfileName",
            ref="InstanceProfileName",
            attributes={"Arn": "InstanceProfile.Arn"},
        ),
        Resource(
            type="AWS::IAM::ManagedPolicy",
            create="CreatePolicy",
            read="GetPolicy",
            update="CreatePolicyVersion",
            delete="DeletePolicy",
            id="PolicyArn",
            renames={"ManagedPolicyName": "PolicyName"},
            ref="Policy.Arn",
            attributes={"PolicyArn": "Policy.Arn", "PolicyId": "Policy.PolicyId"},
        ),
        Resource(
            type="AWS::IAM::AccessKey",
            create="CreateAccessKey",
            update="UpdateAccessKey",
            delete="DeleteAccessKey",
            id="AccessKeyId",
            ref="AccessKey.AccessKeyId",
            attributes={"SecretAccessKey": "AccessKey.SecretAccessKey"},
        ),
        Resource(
            type="AWS::IAM::OIDCProvider",
            create="CreateOpenIDConnectProvider",
            read="GetOpenIDConnectProvider",
            delete="DeleteOpenIDConnectProvider",
            id="OpenIDConnectProviderArn",
            renames={"ClientIdList": "ClientIDList"},
            ref="OpenIDConnectProviderArn",
            attributes={"Arn": "OpenIDConnectProviderArn"},
        ),
        Resource(
            type="AWS::IAM::ServiceLinkedRole",
            create="CreateServiceLinkedRole",
            delete="DeleteServiceLinkedRole",
            id="RoleName",
            ref="Role.RoleName",
            attributes={"RoleName": "Role.RoleName"},
        ),
    ),
    unread=UNREAD,
    absent={
        **dict.fromkeys(
            (
                "AcceptDelegationRequest",
                "AssociateDelegationRequest",
                "CreateDelegationRequest",
                "GetDelegationRequest",
                "ListDelegationRequests",
                "RejectDelegationRequest",
                "SendDelegationToken",
                "UpdateDelegationRequest",
                "GetHumanReadableSummary",
            ),
            "delegation is AWS's way of letting its product partners ask for permissions",
        ),
        **dict.fromkeys(
            (
                "EnableOrganizationsRootCredentialsManagement",
                "EnableOrganizationsRootSessions",
                "DisableOrganizationsRootCredentialsManagement",
                "DisableOrganizationsRootSessions",
                "ListOrganizationsFeatures",
                "GenerateOrganizationsAccessReport",
                "GetOrganizationsAccessReport",
            ),
            "the organization's view of its accounts' identities is not built",
        ),
        "SetSecurityTokenServicePreferences": "there is one kind of session token here",
    },
)
