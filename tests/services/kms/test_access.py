"""Who may use a key: key policies, the account's IAM policies, grants, condition keys."""

import json

import pytest

IAM_ON_KEYS = {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]["Arn"]


def policy(account_arn, *statements):
    own = {"Effect": "Allow", "Principal": {"AWS": account_arn}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [own, *statements]})


def root_arn(key):
    return f"arn:aws:iam::{key.split(':')[4]}:root"


def denied(arn, action, key):
    return (
        "AccessDeniedException",
        f"User: {arn} is not authorized to perform: kms:{action} on resource: {key} because no "
        f"identity-based policy allows the kms:{action} action",
    )


def test_the_default_policy_leaves_it_to_iam(kms, refused, user, key):
    _, allowed = user(IAM_ON_KEYS)
    arn, stranger = user()
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Id"] == "key-default-1"
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    assert allowed.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
    assert refused(stranger.encrypt, KeyId=key, Plaintext=b"x")[:2] == denied(arn, "Encrypt", key)


def test_without_the_account_in_the_key_policy_iam_says_nothing(kms, refused, user, key):
    arn, chosen = user()
    _, other = user(IAM_ON_KEYS)
    only = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [only]})
    kms.put_key_policy(KeyId=key, Policy=text, BypassPolicyLockoutSafetyCheck=True)
    assert chosen.get_key_policy(KeyId=key)["Policy"] == text
    assert refused(other.encrypt, KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"  # root too


def test_nobody_locks_himself_out_by_mistake(kms, refused, user, key):
    arn, _ = user()
    only = {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "kms:*", "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [only]})
    said = (
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
        400,
    )
    assert refused(kms.put_key_policy, KeyId=key, Policy=text) == said
    assert refused(kms.create_key, Policy=text) == said
    assert refused(kms.put_key_policy, KeyId=key, Policy="{")[0] == "MalformedPolicyDocumentException"
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"])["Id"] == "key-default-1"


@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        (
            {"StringEquals": {"kms:EncryptionContext:Team": "a"}},
            {"EncryptionContext": {"Team": "a"}},
            {"EncryptionContext": {"Team": "b"}},
        ),
        (
            {"ForAllValues:StringEquals": {"kms:EncryptionContextKeys": ["Team"]}},
            {"EncryptionContext": {"Team": "a"}},
            {"EncryptionContext": {"Team": "a", "More": "b"}},
        ),
        ({"StringEquals": {"kms:RequestAlias": "alias/ACCESS"}}, {"KeyId": "alias/ACCESS"}, {}),
        ({"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/ACCESS"}}, {}, None),
        ({"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT", "kms:KeyUsage": "ENCRYPT_DECRYPT"}}, {}, None),
        ({"StringEquals": {"kms:CallerAccount": "000000000000"}}, {}, None),
        ({"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}, None, {}),
    ],
)
def test_condition_keys(kms, refused, user, key, condition, good, bad):
    alias = f"alias/{key[-12:]}"
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    condition = json.loads(json.dumps(condition).replace("alias/ACCESS", alias))
    _, caller = user({"Effect": "Allow", "Action": "kms:Encrypt", "Resource": key, "Condition": condition})
    for params, allowed in ((good, True), (bad, False)):
        if params is None:
            continue
        wanted = {"KeyId": key, "Plaintext": b"x"} | params
        if wanted["KeyId"] == "alias/ACCESS":
            wanted["KeyId"] = alias
        if allowed:
            assert caller.encrypt(**wanted)["KeyId"] == key
        else:
            assert refused(caller.encrypt, **wanted)[0] == "AccessDeniedException"


def test_re_encrypt_asks_for_both_keys_each_with_its_context(kms, refused, user):
    source, to = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    _, caller = user(
        {
            "Effect": "Allow",
            "Action": "kms:ReEncryptFrom",
            "Resource": source,
            "Condition": {"StringEquals": {"kms:EncryptionContext:a": "1"}},
        },
        {
            "Effect": "Allow",
            "Action": "kms:ReEncryptTo",
            "Resource": to,
            "Condition": {"StringEquals": {"kms:EncryptionContext:a": "2"}},
        },
    )
    blob = kms.encrypt(KeyId=source, Plaintext=b"x", EncryptionContext={"a": "1"})["CiphertextBlob"]
    wanted = {"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "1"}, "DestinationKeyId": to}
    assert caller.re_encrypt(**wanted, DestinationEncryptionContext={"a": "2"})["KeyId"] == to
    assert refused(caller.re_encrypt, **wanted)[0] == "AccessDeniedException"
    back = wanted | {"DestinationKeyId": source}
    assert refused(caller.re_encrypt, **back)[0] == "AccessDeniedException"


def test_a_grant_lets_its_grantee_in_and_no_further(kms, refused, user, key):
    arn, grantee = user()
    _, stranger = user()
    assert refused(grantee.encrypt, KeyId=key, Plaintext=b"x")[:2] == denied(arn, "Encrypt", key)
    made = kms.create_grant(KeyId=key, GranteePrincipal=arn, Operations=["Encrypt", "DescribeKey"])
    blob = grantee.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[made["GrantToken"]])["CiphertextBlob"]
    assert grantee.describe_key(KeyId=key)["KeyMetadata"]["Arn"] == key
    assert refused(grantee.decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"
    assert refused(stranger.encrypt, KeyId=key, Plaintext=b"x")[0] == "AccessDeniedException"
    assert "kms:Encrypt" not in kms.get_key_policy(KeyId=key)["Policy"]
    assert refused(kms.encrypt, KeyId=key, Plaintext=b"x", GrantTokens=["bm8="])[0] == (
        "InvalidGrantTokenException"
    )
    assert refused(kms.revoke_grant, KeyId=key, GrantId="0" * 64) == (
        "NotFoundException",
        f"Grant ID {'0' * 64} not found",
        400,
    )
    kms.revoke_grant(KeyId=key, GrantId=made["GrantId"])
    assert refused(grantee.encrypt, KeyId=key, Plaintext=b"x")[:2] == denied(arn, "Encrypt", key)
    assert kms.list_grants(KeyId=key)["Grants"] == []


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (
            "EncryptionContextEquals",
            [{}, {"a": "1"}, {"a": "1", "b": "${x}", "c": "3"}, {"A": "1", "b": "${x}"}],
        ),
        ("EncryptionContextSubset", [{}, {"a": "1"}, {"a": "1", "b": "x"}, {"A": "1", "b": "${x}"}]),
    ],
)
def test_grant_constraints(kms, refused, user, key, kind, wrong):
    arn, grantee = user()
    pairs = {"a": "1", "b": "${x}"}
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=arn,
        Operations=["GenerateDataKey", "DescribeKey"],
        Constraints={kind: pairs},
    )
    wanted = {"KeyId": key, "KeySpec": "AES_256"}
    assert grantee.generate_data_key(**wanted, EncryptionContext=pairs)["KeyId"] == key
    assert grantee.describe_key(KeyId=key)  # the constraint is about contexts only
    for context in wrong:
        assert refused(grantee.generate_data_key, **wanted, EncryptionContext=context)[0] == (
            "AccessDeniedException"
        )
    if kind == "EncryptionContextSubset":
        assert grantee.generate_data_key(**wanted, EncryptionContext=pairs | {"c": "3"})["KeyId"] == key


def test_a_grantee_passes_on_no_more_than_it_has(kms, refused, user, key):
    arn, grantee = user()
    other, friend = user()
    kms.create_grant(
        KeyId=key,
        GranteePrincipal=arn,
        Operations=["Encrypt", "CreateGrant"],
        Constraints={"EncryptionContextSubset": {"a": "1"}},
    )
    child = {"KeyId": key, "GranteePrincipal": other, "Constraints": {"EncryptionContextSubset": {"a": "1"}}}
    assert refused(grantee.create_grant, **child, Operations=["Decrypt"])[0] == "AccessDeniedException"
    loose = child | {"Constraints": {"EncryptionContextSubset": {"b": "1"}}}
    assert refused(grantee.create_grant, **loose, Operations=["Encrypt"])[0] == "AccessDeniedException"
    grantee.create_grant(**child, Operations=["Encrypt"])
    assert friend.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"a": "1"})["KeyId"] == key


def test_grants_are_retired_by_whom_they_name(kms, refused, user, key):
    arn, retiring = user()
    grantee, _ = user()
    wanted = {"KeyId": key, "GranteePrincipal": grantee, "Operations": ["Encrypt"]}
    mine = kms.create_grant(**wanted, RetiringPrincipal=arn, Name="mine")
    again = kms.create_grant(**wanted, RetiringPrincipal=arn, Name="mine")
    assert again["GrantId"] == mine["GrantId"]
    other = kms.create_grant(**wanted)
    listed = kms.list_retirable_grants(RetiringPrincipal=arn)["Grants"]
    assert [g["GrantId"] for g in listed] == [mine["GrantId"]]
    assert listed[0]["KeyId"] == key
    pages = kms.get_paginator("list_grants").paginate(KeyId=key, Limit=1)
    assert {g["GrantId"] for p in pages for g in p["Grants"]} == {mine["GrantId"], other["GrantId"]}
    refusal = refused(retiring.retire_grant, KeyId=key, GrantId=other["GrantId"])
    assert refusal[0] == "AccessDeniedException"
    retiring.retire_grant(GrantToken=mine["GrantToken"])
    assert kms.list_retirable_grants(RetiringPrincipal=arn)["Grants"] == []


def test_grants_that_cannot_be(kms, refused, user, key):
    arn, _ = user()
    wanted = {"KeyId": key, "GranteePrincipal": arn, "Operations": ["Encrypt"]}
    assert refused(kms.create_grant, **(wanted | {"Operations": ["Sign"]}))[0] == "ValidationException"
    assert refused(kms.create_grant, **(wanted | {"GranteePrincipal": "nobody"}))[0] == "InvalidArnException"
    assert refused(kms.create_grant, **wanted, DryRun=True)[0] == "DryRunOperationException"
    kms.disable_key(KeyId=key)
    assert refused(kms.create_grant, **wanted)[0] == "DisabledException"
    kms.enable_key(KeyId=key)
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_an_aws_managed_key_is_for_its_service(gureum, kms, refused, user):
    _, caller = user(IAM_ON_KEYS)
    shown = kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    assert (shown["KeyManager"], shown["KeyState"]) == ("AWS", "Enabled")
    assert kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]["KeyId"] == shown["KeyId"]
    assert refused(caller.encrypt, KeyId="alias/aws/sqs", Plaintext=b"x")[0] == "AccessDeniedException"
    assert refused(kms.disable_key, KeyId=shown["KeyId"])[0] == "AccessDeniedException"
    sqs = gureum.client("sqs")
    url = sqs.create_queue(QueueName=f"kms-{shown['KeyId']}", Attributes={"KmsMasterKeyId": "alias/aws/sqs"})
    sqs.send_message(QueueUrl=url["QueueUrl"], MessageBody="sealed by kms")
    got = sqs.receive_message(QueueUrl=url["QueueUrl"])["Messages"][0]["Body"]
    assert got == "sealed by kms"
    used = kms.get_key_last_usage(KeyId=shown["KeyId"])["KeyLastUsage"]
    assert used["Operation"] in {"GenerateDataKey", "Decrypt"}
