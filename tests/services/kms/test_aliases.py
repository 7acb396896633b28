"""Aliases: names that may be moved from key to key."""


def test_an_alias_stands_for_its_key_until_it_is_moved(kms, refused):
    one, two = (kms.create_key()["KeyMetadata"] for _ in range(2))
    name = f"alias/team/{one['KeyId']}"
    kms.create_alias(AliasName=name, TargetKeyId=one["Arn"])
    arn = one["Arn"].rsplit(":", 1)[0] + ":" + name
    assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == one["Arn"]
    assert kms.describe_key(KeyId=arn)["KeyMetadata"]["Arn"] == one["Arn"]
    assert refused(kms.create_alias, AliasName=name, TargetKeyId=two["KeyId"]) == (
        "AlreadyExistsException",
        f"An alias with the name {arn} already exists",
        400,
    )
    kms.update_alias(AliasName=name, TargetKeyId=two["KeyId"])
    assert kms.encrypt(KeyId=name, Plaintext=b"x")["KeyId"] == two["Arn"]
    assert kms.list_aliases(KeyId=one["KeyId"])["Aliases"] == []
    (shown,) = kms.list_aliases(KeyId=two["KeyId"])["Aliases"]
    assert (shown["AliasName"], shown["AliasArn"], shown["TargetKeyId"]) == (name, arn, two["KeyId"])
    kms.delete_alias(AliasName=name)
    assert refused(kms.delete_alias, AliasName=name) == (
        "NotFoundException",
        f"Alias {arn} is not found.",
        400,
    )


def test_names_and_keys_that_aliases_cannot_have(kms, refused):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert refused(kms.create_alias, AliasName="x", TargetKeyId=key) == (
        "ValidationException",
        'Alias must start with the prefix "alias/". Please see '
        "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        400,
    )
    assert (
        refused(kms.create_alias, AliasName="alias/aws/mine", TargetKeyId=key)[0] == "NotAuthorizedException"
    )
    name = f"alias/{key}"
    kms.create_alias(AliasName=name, TargetKeyId=key)
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    assert refused(kms.update_alias, AliasName=name, TargetKeyId=mac)[0] == "ValidationException"


def test_moving_an_alias_needs_both_keys_and_the_alias(kms, refused, user):
    one, two = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    name = f"alias/{one[-36:]}"
    alias = one.rsplit(":", 1)[0] + ":" + name
    kms.create_alias(AliasName=name, TargetKeyId=one)
    allow = {"Effect": "Allow", "Action": "kms:UpdateAlias"}
    _, partly = user(allow | {"Resource": [two, alias]})
    _, wholly = user(allow | {"Resource": [one, two, alias]})
    assert refused(partly.update_alias, AliasName=name, TargetKeyId=two)[0] == "AccessDeniedException"
    wholly.update_alias(AliasName=name, TargetKeyId=two)
    assert kms.describe_key(KeyId=name)["KeyMetadata"]["Arn"] == two
