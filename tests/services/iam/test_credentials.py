"""Passwords, certificates, SSH keys, credentials for one service, and the report on all of them."""

import csv
import datetime
import io

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.x509.oid import NameOID

from tests.services.iam.people import ACCOUNT, Person, allow, policy, refused, unique

GOOD = "Abcdef12!x"


def pem(key):
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return key.private_bytes(*form).decode()


def certificate(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    start = datetime.datetime(2026, 1, 1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(start)
    made = made.not_valid_after(datetime.datetime(2040, 1, 1)).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def ann(gureum):
    return Person(gureum, policy(allow("iam:ChangePassword")))


def test_a_password_is_changed_by_who_knows_it(iam, ann):
    iam.create_login_profile(UserName=ann.name, Password=GOOD, PasswordResetRequired=True)
    assert refused(iam.create_login_profile, UserName=ann.name, Password=GOOD) == (
        "EntityAlreadyExists",
        f"Login Profile for user {ann.name} already exists.",
        409,
    )
    change = ann.client("iam").change_password
    assert refused(change, OldPassword="wrong", NewPassword="Other12!x")[0] == "AccessDenied"
    assert refused(change, OldPassword=GOOD, NewPassword="weak")[::2] == ("PasswordPolicyViolation", 400)
    assert iam.get_login_profile(UserName=ann.name)["LoginProfile"]["PasswordResetRequired"] is True
    change(OldPassword=GOOD, NewPassword="Other12!x")
    assert iam.get_login_profile(UserName=ann.name)["LoginProfile"]["PasswordResetRequired"] is False
    assert refused(change, OldPassword=GOOD, NewPassword="Third12!x")[0] == "AccessDenied"
    iam.delete_login_profile(UserName=ann.name)
    assert refused(iam.get_login_profile, UserName=ann.name) == (
        "NoSuchEntity",
        f"Login Profile for User {ann.name} cannot be found.",
        404,
    )


def test_the_accounts_rules_for_passwords(gureum_cloud):
    cloud = gureum_cloud()
    iam = cloud.client("iam")
    assert refused(iam.get_account_password_policy) == (
        "NoSuchEntity",
        f"The Password Policy with domain name {ACCOUNT} cannot be found.",
        404,
    )
    iam.update_account_password_policy(
        MinimumPasswordLength=12,
        RequireSymbols=True,
        RequireNumbers=True,
        PasswordReusePrevention=1,
        MaxPasswordAge=90,
    )
    found = iam.get_account_password_policy()["PasswordPolicy"]
    assert (found["MinimumPasswordLength"], found["ExpirePasswords"], found["MaxPasswordAge"]) == (
        12,
        True,
        90,
    )
    bob = Person(cloud, policy(allow("iam:ChangePassword")))
    for password, why in (
        ("Short1!", "Password should have a minimum length of 12"),
        ("abcdefghijkl1", "Password should have at least one symbol"),
        ("abcdefghijkl!", "Password should have at least one number"),
    ):
        assert refused(iam.create_login_profile, UserName=bob.name, Password=password)[:2] == (
            "PasswordPolicyViolation",
            why,
        )
    iam.create_login_profile(UserName=bob.name, Password="abcdefghijkl1!")
    change = bob.client("iam").change_password
    assert (
        refused(change, OldPassword="abcdefghijkl1!", NewPassword="abcdefghijkl1!")[1]
        == "Password cannot be reused"
    )
    change(OldPassword="abcdefghijkl1!", NewPassword="abcdefghijkl2!")
    eve = Person(cloud)
    iam.create_login_profile(UserName=eve.name, Password="abcdefghijkl1!")
    own, words = (
        eve.client("iam").change_password,
        {"OldPassword": "abcdefghijkl1!", "NewPassword": "abcdefghijkl3!"},
    )
    assert refused(own, **words)[1].startswith(
        f"User: {eve.arn} is not authorized to perform: iam:ChangePassword"
    )
    iam.update_account_password_policy(AllowUsersToChangePassword=True)
    own(**words)
    iam.delete_account_password_policy()
    assert refused(iam.get_account_password_policy)[0] == "NoSuchEntity"


def test_a_server_certificate_must_match_its_key(iam, key):
    name, new = unique("c"), unique("d")
    body = certificate(key)
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    upload = iam.upload_server_certificate
    assert refused(upload, ServerCertificateName=name, CertificateBody=body, PrivateKey=pem(other))[0] == (
        "KeyPairMismatch"
    )
    assert refused(upload, ServerCertificateName=name, CertificateBody="junk", PrivateKey=pem(key))[0] == (
        "MalformedCertificate"
    )
    made = upload(ServerCertificateName=name, CertificateBody=body, PrivateKey=pem(key), Path="/web/")
    metadata = made["ServerCertificateMetadata"]
    assert metadata["ServerCertificateId"].startswith("ASCA")
    assert metadata["Expiration"].year == 2040
    iam.update_server_certificate(ServerCertificateName=name, NewServerCertificateName=new)
    found = iam.get_server_certificate(ServerCertificateName=new)["ServerCertificate"]
    assert found["CertificateBody"] == body.strip()
    names = [
        c["ServerCertificateName"] for c in iam.list_server_certificates()["ServerCertificateMetadataList"]
    ]
    assert new in names and name not in names
    iam.delete_server_certificate(ServerCertificateName=new)
    assert refused(iam.get_server_certificate, ServerCertificateName=new)[0] == "NoSuchEntity"


def test_signing_certificates(iam, ann, key):
    body = certificate(key)
    made = iam.upload_signing_certificate(UserName=ann.name, CertificateBody=body)["Certificate"]
    assert refused(iam.upload_signing_certificate, UserName=ann.name, CertificateBody=body)[::2] == (
        "DuplicateCertificate",
        409,
    )
    iam.upload_signing_certificate(UserName=ann.name, CertificateBody=certificate(key))
    assert refused(iam.upload_signing_certificate, UserName=ann.name, CertificateBody=certificate(key))[
        0
    ] == ("LimitExceeded")
    iam.update_signing_certificate(UserName=ann.name, CertificateId=made["CertificateId"], Status="Inactive")
    found = {
        c["CertificateId"]: c["Status"]
        for c in iam.list_signing_certificates(UserName=ann.name)["Certificates"]
    }
    assert sorted(found.values()) == ["Active", "Inactive"] and found[made["CertificateId"]] == "Inactive"
    iam.delete_signing_certificate(UserName=ann.name, CertificateId=made["CertificateId"])
    assert len(iam.list_signing_certificates(UserName=ann.name)["Certificates"]) == 1


def test_ssh_keys_come_back_in_both_forms(iam, ann, key):
    form = (serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    body = key.public_key().public_bytes(*form).decode()
    made = iam.upload_ssh_public_key(UserName=ann.name, SSHPublicKeyBody=body + " me@here")["SSHPublicKey"]
    assert made["SSHPublicKeyId"].startswith("APKA") and len(made["Fingerprint"]) == 47
    ask = {"UserName": ann.name, "SSHPublicKeyId": made["SSHPublicKeyId"]}
    assert iam.get_ssh_public_key(**ask, Encoding="SSH")["SSHPublicKey"]["SSHPublicKeyBody"] == body
    text = iam.get_ssh_public_key(**ask, Encoding="PEM")["SSHPublicKey"]["SSHPublicKeyBody"]
    same = serialization.load_pem_public_key(text.encode())
    assert same.public_numbers() == key.public_key().public_numbers()
    assert (
        refused(iam.upload_ssh_public_key, UserName=ann.name, SSHPublicKeyBody=body)[0]
        == "DuplicateSSHPublicKey"
    )
    small = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes(*form).decode()
    assert (
        refused(iam.upload_ssh_public_key, UserName=ann.name, SSHPublicKeyBody=small)[0] == "InvalidPublicKey"
    )
    iam.update_ssh_public_key(**ask, Status="Inactive")
    assert [k["Status"] for k in iam.list_ssh_public_keys(UserName=ann.name)["SSHPublicKeys"]] == ["Inactive"]
    iam.delete_ssh_public_key(**ask)
    assert refused(iam.get_ssh_public_key, **ask, Encoding="SSH")[0] == "NoSuchEntity"


def test_credentials_for_one_service(iam, ann):
    git = "codecommit.amazonaws.com"
    made = iam.create_service_specific_credential(UserName=ann.name, ServiceName=git)[
        "ServiceSpecificCredential"
    ]
    assert made["ServiceUserName"] == f"{ann.name}-at-{ACCOUNT}" and len(made["ServicePassword"]) > 30
    ask = {"UserName": ann.name, "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    again = iam.reset_service_specific_credential(**ask)["ServiceSpecificCredential"]
    assert again["ServicePassword"] != made["ServicePassword"]
    iam.update_service_specific_credential(**ask, Status="Inactive")
    listed = iam.list_service_specific_credentials(UserName=ann.name)["ServiceSpecificCredentials"]
    assert [c["Status"] for c in listed] == ["Inactive"] and "ServicePassword" not in listed[0]
    key = iam.create_service_specific_credential(
        UserName=ann.name, ServiceName="bedrock.amazonaws.com", CredentialAgeDays=7
    )["ServiceSpecificCredential"]
    assert (key["ExpirationDate"] - key["CreateDate"]).days == 7 and key["ServiceCredentialSecret"]
    assert refused(iam.create_service_specific_credential, UserName=ann.name, ServiceName="no.amazonaws.com")[
        ::2
    ] == (
        "NotSupportedService",
        404,
    )
    iam.create_service_specific_credential(UserName=ann.name, ServiceName=git)
    assert (
        refused(iam.create_service_specific_credential, UserName=ann.name, ServiceName=git)[0]
        == "LimitExceeded"
    )
    iam.delete_service_specific_credential(**ask)
    assert refused(iam.reset_service_specific_credential, **ask)[0] == "NoSuchEntity"


def test_the_credential_report_tells_what_there_is(gureum_cloud):
    cloud = gureum_cloud()
    iam = cloud.client("iam")
    assert refused(iam.get_credential_report)[::2] == ("ReportNotPresent", 410)
    bob, eve = Person(cloud), Person(cloud)
    iam.create_login_profile(UserName=bob.name, Password=GOOD)
    bob.client("sts").get_caller_identity()
    iam.update_access_key(UserName=eve.name, AccessKeyId=eve.keys["aws_access_key_id"], Status="Inactive")
    assert iam.generate_credential_report()["State"] == "COMPLETE"
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    rows = {row["user"]: row for row in csv.DictReader(io.StringIO(report["Content"].decode()))}
    assert next(iter(rows)) == "<root_account>" and rows["<root_account>"]["access_key_1_active"] == "true"
    one, two = rows[bob.name], rows[eve.name]
    assert (one["arn"], one["password_enabled"], one["mfa_active"]) == (bob.arn, "true", "false")
    assert (one["access_key_1_active"], one["access_key_1_last_used_service"]) == ("true", "sts")
    assert (two["access_key_1_active"], two["access_key_1_last_used_date"]) == ("false", "N/A")
    assert two["password_enabled"] == "false"


def test_secrets_are_sealed_at_rest(gureum_cloud):
    cloud = gureum_cloud()
    iam = cloud.client("iam")
    bob = Person(cloud)
    iam.create_login_profile(UserName=bob.name, Password=GOOD)
    git = iam.create_service_specific_credential(UserName=bob.name, ServiceName="codecommit.amazonaws.com")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="d")["VirtualMFADevice"]
    secrets = [
        GOOD,
        bob.keys["aws_secret_access_key"],
        git["ServiceSpecificCredential"]["ServicePassword"],
        device["Base32StringSeed"].decode(),
    ]
    cloud.stop()
    kept = b"".join(path.read_bytes() for path in cloud.data.rglob("*") if path.is_file())
    for secret in secrets:
        assert secret.encode() not in kept
