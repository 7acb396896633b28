"""KMS as data."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog, Column, Resource, Table

_NO_STORES = "Custom key stores need an HSM cluster or an external key manager; none is attached yet."

CATALOG = Catalog(
    service="kms",
    title="Key Management Service",
    group="Security, identity, and compliance",
    purpose={
        "en": "Keys made, kept and used without leaving the house.",
        "ko": "키를 만들고 보관하며, 밖으로 꺼내지 않고 사용하는 서비스입니다.",
    },
    tables=(
        Table(
            name="Key",
            title={"en": "Keys", "ko": "키"},
            list="ListKeys",
            items="Keys",
            id="KeyId",
            describe="DescribeKey",
            create="CreateKey",
            delete="ScheduleKeyDeletion",
            arn_from="KeyArn",
            columns=(
                Column(member="KeyMetadata.Description", title={"en": "Description", "ko": "설명"}),
                Column(member="KeyMetadata.KeyState", title={"en": "Status", "ko": "상태"}, kind="status"),
                Column(member="KeyMetadata.KeySpec", title={"en": "Key spec", "ko": "키 사양"}),
                Column(member="KeyMetadata.KeyUsage", title={"en": "Key usage", "ko": "키 용도"}),
                Column(
                    member="KeyMetadata.CreationDate",
                    title={"en": "Created", "ko": "생성 시각"},
                    kind="time",
                ),
            ),
        ),
        Table(
            name="Alias",
            title={"en": "Aliases", "ko": "별칭"},
            list="ListAliases",
            items="Aliases",
            id="AliasName",
            create="CreateAlias",
            update="UpdateAlias",
            delete="DeleteAlias",
            arn_from="AliasArn",
            columns=(
                Column(member="TargetKeyId", title={"en": "Key", "ko": "키"}),
                Column(
                    member="LastUpdatedDate", title={"en": "Last changed", "ko": "마지막 변경"}, kind="time"
                ),
            ),
        ),
        Table(
            name="Grant",
            title={"en": "Grants", "ko": "권한 부여"},
            list="ListGrants",
            items="Grants",
            id="GrantId",
            create="CreateGrant",
            delete="RevokeGrant",
            parent="Key",
            parent_id="KeyId",
            columns=(
                Column(member="GranteePrincipal", title={"en": "Grantee", "ko": "피부여자"}),
                Column(member="Operations", title={"en": "Operations", "ko": "작업"}),
                Column(member="CreationDate", title={"en": "Created", "ko": "생성 시각"}, kind="time"),
            ),
        ),
    ),
    cloudformation=(
        Resource(
            type="AWS::KMS::Key",
            create="CreateKey",
            read="DescribeKey",
            delete="ScheduleKeyDeletion",
            id="KeyId",
            renames={"KeyPolicy": "Policy"},
            ref="KeyMetadata.KeyId",
            attributes={"Arn": "KeyMetadata.Arn", "KeyId": "KeyMetadata.KeyId"},
        ),
        Resource(
            type="AWS::KMS::ReplicaKey",
            create="ReplicateKey",
            read="DescribeKey",
            delete="ScheduleKeyDeletion",
            id="KeyId",
            renames={"KeyPolicy": "Policy", "PrimaryKeyArn": "KeyId"},
            ref="ReplicaKeyMetadata.KeyId",
            attributes={"Arn": "ReplicaKeyMetadata.Arn", "KeyId": "ReplicaKeyMetadata.KeyId"},
        ),
        Resource(
            type="AWS::KMS::Alias",
            create="CreateAlias",
            update="UpdateAlias",
            delete="DeleteAlias",
            id="AliasName",
            ref="AliasName",
        ),
    ),
    detail_types=(
        "KMS CMK Rotation",
        "KMS Imported Key Material Expiration",
        "KMS CMK Deletion",
    ),
    absent={
        name: _NO_STORES
        for name in (
            "ConnectCustomKeyStore",
            "CreateCustomKeyStore",
            "DeleteCustomKeyStore",
            "DescribeCustomKeyStores",
            "DisconnectCustomKeyStore",
            "UpdateCustomKeyStore",
        )
    },
)
