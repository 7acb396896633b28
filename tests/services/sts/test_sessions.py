"""Sessions of users: GetSessionToken with and without MFA, GetFederationToken."""

import base64
import hashlib
import hmac
import struct
import time

import pytest

from tests.services.iam.people import ACCOUNT, Person, allow, policy, refused, session, trust, unique


@pytest.fixture
def iam(gureum):
    return gureum.client("iam")


def code(seed, ahead=0):
    """RFC 6238, written out again so that the server's own is checked against something."""
    digest = hmac.new(
        base64.b32decode(seed), struct.pack(">Q", int(time.time()) // 30 + ahead), hashlib.sha1
    ).digest()
    at = digest[-1] & 0xF
    return str((struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF) % 10**6).zfill(6)


def with_device(iam, person):
    """A virtual device, enabled for a user: its serial number and seed."""
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=unique("d"))["VirtualMFADevice"]
    seed, serial = made["Base32StringSeed"], made["SerialNumber"]
    iam.enable_mfa_device(
        UserName=person.name,
        SerialNumber=serial,
        AuthenticationCode1=code(seed, -2),
        AuthenticationCode2=code(seed, -1),
    )
    return serial, seed


def test_a_users_session_is_the_user(gureum):
    ann = Person(gureum, policy(allow("sqs:ListQueues", "iam:GetUser")))
    answer = ann.client("sts").get_session_token(DurationSeconds=900)
    left = answer["Credentials"]["Expiration"].timestamp() - time.time()
    assert 890 < left <= 900
    client = session(gureum, answer)
    assert client("sts").get_caller_identity()["Arn"] == ann.arn
    client("sqs").list_queues()
    assert refused(client("iam").get_user)[0] == "InvalidClientTokenId"  # not without MFA
    assert refused(client("sts").get_session_token) == (
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
        403,
    )


def test_a_session_ends_with_the_key_that_asked_for_it(gureum, iam):
    ann = Person(gureum)
    client = session(gureum, ann.client("sts").get_session_token())
    assert client("sts").get_caller_identity()["Arn"] == ann.arn
    iam.delete_access_key(UserName=ann.name, AccessKeyId=ann.keys["aws_access_key_id"])
    assert refused(client("sts").get_caller_identity)[0] == "InvalidClientTokenId"


def test_mfa_is_really_checked_and_each_code_good_once(gureum, iam):
    ann, bob = Person(gureum, policy(allow("iam:GetUser"))), Person(gureum)
    serial, seed = with_device(iam, ann)
    sts = ann.client("sts")
    wrong = str((int(code(seed)) + 1) % 10**6).zfill(6)
    while wrong in {code(seed, at) for at in (-1, 0, 1)}:
        wrong = str((int(wrong) + 1) % 10**6).zfill(6)
    assert refused(sts.get_session_token, SerialNumber=serial, TokenCode=wrong) == (
        "AccessDenied",
        "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
        403,
    )
    assert refused(bob.client("sts").get_session_token, SerialNumber=serial, TokenCode=code(seed))[
        1
    ].startswith("MultiFactorAuthentication failed, unable to validate MFA code.")
    shown = code(seed)
    answer = sts.get_session_token(SerialNumber=serial, TokenCode=shown)
    assert session(gureum, answer)("iam").get_user()["User"]["UserName"] == ann.name
    assert refused(sts.get_session_token, SerialNumber=serial, TokenCode=shown)[0] == "AccessDenied"


def test_a_policy_can_demand_mfa(gureum, iam):
    with_mfa = {"Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}
    ann = Person(gureum, policy(allow("sqs:ListQueues", **with_mfa), allow("sts:AssumeRole")))
    serial, seed = with_device(iam, ann)
    role = unique("r")
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"AWS": ACCOUNT}, **with_mfa))[
        "Role"
    ]["Arn"]
    assert refused(ann.client("sqs").list_queues)[0] == "AccessDeniedException"
    assert refused(ann.client("sts").assume_role, RoleArn=arn, RoleSessionName="ab")[0] == "AccessDenied"
    plain = session(gureum, ann.client("sts").get_session_token())
    assert refused(plain("sqs").list_queues)[0] == "AccessDeniedException"
    proven = session(gureum, ann.client("sts").get_session_token(SerialNumber=serial, TokenCode=code(seed)))
    proven("sqs").list_queues()
    proven("sts").assume_role(RoleArn=arn, RoleSessionName="ab")
    ann.client("sts").assume_role(
        RoleArn=arn, RoleSessionName="ab", SerialNumber=serial, TokenCode=code(seed, 1)
    )


def test_devices_are_enabled_by_two_codes_in_a_row(gureum, iam):
    ann = Person(gureum)
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=unique("d"), Path="/x/")["VirtualMFADevice"]
    serial, seed = made["SerialNumber"], made["Base32StringSeed"]
    assert made["QRCodePNG"].startswith(b"\x89PNG")
    assert refused(
        iam.enable_mfa_device,
        UserName=ann.name,
        SerialNumber=serial,
        AuthenticationCode1=code(seed),
        AuthenticationCode2=code(seed),
    ) == ("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403)
    assert iam.list_mfa_devices(UserName=ann.name)["MFADevices"] == []
    iam.enable_mfa_device(
        UserName=ann.name,
        SerialNumber=serial,
        AuthenticationCode1=code(seed, -1),
        AuthenticationCode2=code(seed),
    )
    assert [d["SerialNumber"] for d in iam.list_mfa_devices(UserName=ann.name)["MFADevices"]] == [serial]
    assigned = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert ann.name in [d["User"]["UserName"] for d in assigned if "User" in d]
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "DeleteConflict"
    iam.deactivate_mfa_device(UserName=ann.name, SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    assert refused(iam.delete_virtual_mfa_device, SerialNumber=serial)[0] == "NoSuchEntity"


def test_a_federated_user_has_what_both_policies_allow(gureum):
    ann = Person(gureum, policy(allow("sqs:*", "sts:GetFederationToken", "iam:*")))
    sts, name = ann.client("sts"), unique("f")
    none = session(gureum, sts.get_federation_token(Name=name))
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/{name}"
    assert none("sts").get_caller_identity() | {"ResponseMetadata": 0} == {
        "UserId": f"{ACCOUNT}:{name}",
        "Account": ACCOUNT,
        "Arn": arn,
        "ResponseMetadata": 0,
    }
    assert refused(none("sqs").list_queues)[1].endswith(
        "because no session policy allows the sqs:ListQueues action"
    )
    some = sts.get_federation_token(Name=name, Policy=policy(allow("sqs:ListQueues", "kms:*")))
    assert some["FederatedUser"] == {"FederatedUserId": f"{ACCOUNT}:{name}", "Arn": arn}
    client = session(gureum, some)
    client("sqs").list_queues()
    assert refused(client("sqs").create_queue, QueueName="x3")[0] == "AccessDeniedException"
    assert refused(client("iam").list_users)[0] == "InvalidClientTokenId"
    assert refused(client("sts").assume_role, RoleArn=f"arn:aws:iam::{ACCOUNT}:role/x", RoleSessionName="ab")[
        0
    ] == ("AccessDenied")
    poor = Person(gureum)
    assert refused(poor.client("sts").get_federation_token, Name=name)[1] == (
        f"User: {poor.arn} is not authorized to perform: sts:GetFederationToken on resource: {arn} "
        "because no identity-based policy allows the sts:GetFederationToken action"
    )


def test_a_key_tells_its_account(gureum):
    ann = Person(gureum)
    sts = gureum.client("sts")
    made = ann.client("sts").get_session_token()["Credentials"]["AccessKeyId"]
    for key in (ann.keys["aws_access_key_id"], made):
        assert sts.get_access_key_info(AccessKeyId=key)["Account"] == ACCOUNT
    assert refused(sts.get_access_key_info, AccessKeyId="AKIA" + "1" * 16)[0] == "ValidationError"


def test_nobody_is_nobody(gureum):
    from botocore import UNSIGNED
    from botocore.config import Config

    sts = gureum.client("sts", config=Config(signature_version=UNSIGNED))
    for call in (sts.get_caller_identity, sts.get_session_token):
        assert refused(call)[::2] == ("MissingAuthenticationToken", 403)
