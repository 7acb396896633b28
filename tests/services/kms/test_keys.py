"""Keys: made, described, listed, switched, scheduled for deletion."""

import pytest

GONE = "00000000-0000-4000-8000-000000000000"


def new(kms, **params):
    return kms.create_key(**params)["KeyMetadata"]


def test_a_key_is_described_as_aws_does(kms):
    key = new(kms, Description="d", Tags=[{"TagKey": "a", "TagValue": "b"}])
    assert key["Arn"].endswith(f":key/{key['KeyId']}")
    assert key["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert (key["KeyState"], key["Enabled"], key["KeyManager"], key["MultiRegion"]) == (
        "Enabled",
        True,
        "CUSTOMER",
        False,
    )
    assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"] == key
    assert kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
    listed = [k for page in kms.get_paginator("list_keys").paginate(Limit=1) for k in page["Keys"]]
    assert {"KeyId": key["KeyId"], "KeyArn": key["Arn"]} in listed


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        (
            {"KeySpec": "HMAC_256"},
            "ValidationException",
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        ),
        (
            {"KeySpec": "RSA_2048", "KeyUsage": "GENERATE_VERIFY_MAC"},
            "ValidationException",
            "KeyUsage GENERATE_VERIFY_MAC is not compatible with KeySpec RSA_2048",
        ),
        ({"Origin": "AWS_CLOUDHSM"}, "UnsupportedOperationException", "Custom key stores are not supported."),
        (
            {"Tags": [{"TagKey": "aws:x", "TagValue": ""}]},
            "TagException",
            "Tag keys starting with 'aws:' are reserved for system use",
        ),
    ],
)
def test_keys_that_cannot_be(kms, refused, params, code, text):
    assert refused(kms.create_key, **params) == (code, text, 400)


def test_key_identifiers_that_name_nothing(kms, refused):
    arn = new(kms)["Arn"]
    there, _ = arn.rsplit("/", 1)
    assert refused(kms.describe_key, KeyId="key_id") == ("NotFoundException", "Invalid keyId 'key_id'", 400)
    assert refused(kms.encrypt, KeyId=GONE, Plaintext=b"x") == (
        "NotFoundException",
        f"Key '{there}/{GONE}' does not exist",
        400,
    )
    alias = arn.rsplit(":", 1)[0] + ":alias/none"
    assert refused(kms.encrypt, KeyId="alias/none", Plaintext=b"x") == (
        "NotFoundException",
        f"Alias {alias} is not found.",
        400,
    )
    west = arn.replace("us-east-1", "us-west-2")
    assert refused(kms.describe_key, KeyId=west) == ("NotFoundException", "Invalid arn us-west-2", 400)
    assert refused(kms.enable_key, KeyId="alias/none")[0] == "NotFoundException"


def test_foreign_names_are_closed_whether_they_are_there_or_not(kms, refused):
    foreign = new(kms)["Arn"].replace(":000000000000:", ":111122223333:")
    for name in (foreign, foreign.rsplit(":", 1)[0] + ":alias/none"):
        code, text, _ = refused(kms.describe_key, KeyId=name)
        assert code == "AccessDeniedException"
        assert name in text


def test_a_disabled_key_does_nothing_until_enabled(kms, refused):
    key = new(kms)
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    kms.disable_key(KeyId=key["KeyId"])
    said = ("DisabledException", f"{key['Arn']} is disabled.", 400)
    assert refused(kms.encrypt, KeyId=key["KeyId"], Plaintext=b"x") == said
    assert refused(kms.decrypt, CiphertextBlob=blob) == said
    assert refused(kms.enable_key_rotation, KeyId=key["KeyId"]) == said
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_deletion_waits_and_can_be_cancelled(kms, refused):
    key = new(kms)
    key_id, arn = key["KeyId"], key["Arn"]
    assert refused(kms.cancel_key_deletion, KeyId=key_id) == (
        "KMSInvalidStateException",
        f"{arn} is not pending deletion.",
        400,
    )
    assert refused(kms.schedule_key_deletion, KeyId=key_id, PendingWindowInDays=6)[0] == "ValidationException"
    answer = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert (answer["KeyState"], answer["PendingWindowInDays"]) == ("PendingDeletion", 7)
    shown = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert shown["DeletionDate"] == answer["DeletionDate"]
    said = ("KMSInvalidStateException", f"{arn} is pending deletion.", 400)
    for call, params in (
        (kms.encrypt, {"Plaintext": b"x"}),
        (kms.enable_key, {}),
        (kms.update_key_description, {"Description": "x"}),
        (kms.schedule_key_deletion, {}),
        (kms.tag_resource, {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
    ):
        assert refused(call, KeyId=key_id, **params) == said
    assert kms.cancel_key_deletion(KeyId=key_id)["KeyId"] == arn
    assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Disabled"


def test_last_usage_is_the_last_success(kms, refused):
    key_id = new(kms)["KeyId"]
    assert kms.get_key_last_usage(KeyId=key_id)["KeyLastUsage"] == {}
    request = kms.encrypt(KeyId=key_id, Plaintext=b"x")["ResponseMetadata"]["RequestId"]
    refused(kms.sign, KeyId=key_id, Message=b"x", SigningAlgorithm="ECDSA_SHA_256")
    last = kms.get_key_last_usage(KeyId=key_id)["KeyLastUsage"]
    assert (last["Operation"], last["KmsRequestId"]) == ("Encrypt", request)


def test_custom_key_stores_are_honestly_absent(kms, refused):
    assert refused(kms.describe_custom_key_stores)[2] == 501


def test_keys_survive_a_killed_process(gureum_cloud):
    cloud = gureum_cloud()
    kms = cloud.client("kms")
    pair = new(kms, KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyId"]
    key = new(kms)["KeyId"]
    kms.create_alias(AliasName="alias/kept", TargetKeyId=key)
    blob = kms.encrypt(KeyId="alias/kept", Plaintext=b"kept")["CiphertextBlob"]
    managed = kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]["KeyId"]
    wanted = {"KeyId": pair, "Message": b"m", "SigningAlgorithm": "ECDSA_SHA_256"}
    signature = kms.sign(**wanted)["Signature"]
    plain = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"]
    cloud.kill()
    for file in cloud.data.rglob("*"):
        assert not file.is_file() or plain not in file.read_bytes()
    cloud.restart()
    kms = cloud.client("kms")
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"kept"
    assert kms.verify(**wanted, Signature=signature)["SignatureValid"]
    assert kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]["KeyId"] == managed
