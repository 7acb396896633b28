"""Rotation, imported material and multi-Region keys through a real client."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP


def wrapped(kms, key, material):
    given = kms.get_parameters_for_import(
        KeyId=key, WrappingAlgorithm="RSAES_OAEP_SHA_256", WrappingKeySpec="RSA_2048"
    )
    public = serialization.load_der_public_key(given["PublicKey"])
    secret = public.encrypt(material, OAEP(MGF1(hashes.SHA256()), hashes.SHA256(), None))
    return {"KeyId": key, "ImportToken": given["ImportToken"], "EncryptedKeyMaterial": secret}


FOREVER = {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}


def test_rotation_on_demand_leaves_old_ciphertext_readable(kms, refused):
    key = kms.create_key()["KeyMetadata"]
    key_id, first = key["KeyId"], key["CurrentKeyMaterialId"]
    old = kms.encrypt(KeyId=key_id, Plaintext=b"old")["CiphertextBlob"]
    kms.rotate_key_on_demand(KeyId=key_id)
    new = kms.encrypt(KeyId=key_id, Plaintext=b"new")["CiphertextBlob"]
    opened = [kms.decrypt(CiphertextBlob=blob) for blob in (old, new)]
    assert [one["Plaintext"] for one in opened] == [b"old", b"new"]
    assert opened[0]["KeyMaterialId"] == first != opened[1]["KeyMaterialId"]
    (done,) = kms.list_key_rotations(KeyId=key_id)["Rotations"]
    assert (done["RotationType"], done["KeyMaterialId"]) == ("ON_DEMAND", opened[1]["KeyMaterialId"])
    pages = kms.get_paginator("list_key_rotations").paginate(
        KeyId=key_id, IncludeKeyMaterial="ALL_KEY_MATERIAL", Limit=1
    )
    states = [r["KeyMaterialState"] for p in pages for r in p["Rotations"]]
    assert states == ["NON_CURRENT", "CURRENT"]
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    assert refused(kms.rotate_key_on_demand, KeyId=mac)[0] == "UnsupportedOperationException"


def test_nothing_is_lost_while_a_key_is_rotated_and_changed(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]

    def use(number):
        if number % 10 == 0:
            kms.rotate_key_on_demand(KeyId=key)
        if number % 5 == 0:
            kms.update_key_description(KeyId=key, Description=str(number))
        return kms.encrypt(KeyId=key, Plaintext=b"%d" % number)["CiphertextBlob"]

    with ThreadPoolExecutor(8) as pool:
        blobs = list(pool.map(use, range(100)))
    opened = [kms.decrypt(CiphertextBlob=blob)["Plaintext"] for blob in blobs]
    assert opened == [b"%d" % number for number in range(100)]
    assert len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 10


def test_automatic_rotation_is_switched_on_and_off(kms):
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(KeyId=key)
    assert (status["KeyRotationEnabled"], status["RotationPeriodInDays"]) == (True, 90)
    assert abs(status["NextRotationDate"].timestamp() - time.time() - 90 * 86400) < 60
    kms.disable_key_rotation(KeyId=key)
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is False


def test_imported_material_comes_goes_and_comes_back(kms, refused):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]
    key_id, arn = key["KeyId"], key["Arn"]
    assert (key["KeyState"], key["Enabled"]) == ("PendingImport", False)
    pending = ("KMSInvalidStateException", f"{arn} is pending import.", 400)
    assert refused(kms.encrypt, KeyId=key_id, Plaintext=b"x") == pending
    material = os.urandom(32)
    offer = wrapped(kms, key_id, material)
    assert refused(kms.import_key_material, **offer) == (
        "ValidationException",
        "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES",
        400,
    )
    kms.import_key_material(**offer, **FOREVER)
    shown = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    assert (shown["KeyState"], shown["ExpirationModel"]) == ("Enabled", "KEY_MATERIAL_DOES_NOT_EXPIRE")
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    kms.delete_imported_key_material(KeyId=key_id)
    assert refused(kms.decrypt, CiphertextBlob=blob) == pending
    other = wrapped(kms, key_id, os.urandom(32))
    assert refused(kms.import_key_material, **other, **FOREVER)[0] == "IncorrectKeyMaterialException"
    kms.import_key_material(**wrapped(kms, key_id, material), **FOREVER)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_new_imported_material_waits_for_its_rotation(kms, refused):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    first = kms.import_key_material(**wrapped(kms, key, os.urandom(32)), **FOREVER)["KeyMaterialId"]
    assert refused(kms.rotate_key_on_demand, KeyId=key)[0] == "KMSInvalidStateException"
    offer = wrapped(kms, key, os.urandom(32)) | {"ImportType": "NEW_KEY_MATERIAL"}
    second = kms.import_key_material(**offer, **FOREVER)["KeyMaterialId"]
    old = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=old)["KeyMaterialId"] == first
    kms.rotate_key_on_demand(KeyId=key)
    new = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=new)["KeyMaterialId"] == second
    assert kms.decrypt(CiphertextBlob=old)["KeyMaterialId"] == first


def test_imported_material_expires(kms, refused):
    key = kms.create_key(Origin="EXTERNAL")["KeyMetadata"]["KeyId"]
    offer = wrapped(kms, key, os.urandom(32))
    assert refused(kms.import_key_material, **offer, ValidTo=time.time() - 5)[0] == "ValidationException"
    kms.import_key_material(**offer, ValidTo=time.time() + 1.5)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Enabled"
    until = time.time() + 15
    while kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] != "PendingImport":
        assert time.time() < until, "the material did not expire"
        time.sleep(0.1)


def test_import_is_for_keys_made_for_it(kms, refused):
    key = kms.create_key()["KeyMetadata"]
    wanted = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    assert refused(kms.get_parameters_for_import, KeyId=key["KeyId"], **wanted) == (
        "UnsupportedOperationException",
        f"{key['Arn']} origin is AWS_KMS which is not valid for this operation.",
        400,
    )


@pytest.fixture
def west(gureum):
    return gureum.client("kms", region_name="us-west-2")


def test_a_replica_opens_what_its_primary_sealed(kms, west, refused):
    key = kms.create_key(MultiRegion=True)["KeyMetadata"]
    key_id, arn = key["KeyId"], key["Arn"]
    assert key_id.startswith("mrk-")
    assert key["MultiRegionConfiguration"]["MultiRegionKeyType"] == "PRIMARY"
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    assert refused(west.decrypt, CiphertextBlob=blob)[0] == "AccessDeniedException"
    made = kms.replicate_key(KeyId=key_id, ReplicaRegion="us-west-2", Tags=[{"TagKey": "a", "TagValue": "b"}])
    replica = made["ReplicaKeyMetadata"]["Arn"]
    assert replica == arn.replace("us-east-1", "us-west-2")
    opened = west.decrypt(CiphertextBlob=blob, KeyId=replica)
    assert (opened["Plaintext"], opened["KeyId"]) == (b"x", replica)
    assert west.list_resource_tags(KeyId=key_id)["Tags"] == [{"TagKey": "a", "TagValue": "b"}]
    kms.rotate_key_on_demand(KeyId=key_id)
    back = west.encrypt(KeyId=key_id, Plaintext=b"y")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=back)["Plaintext"] == b"y"
    assert refused(west.rotate_key_on_demand, KeyId=key_id)[0] == "UnsupportedOperationException"
    again = refused(kms.replicate_key, KeyId=key_id, ReplicaRegion="us-west-2")
    assert again[0] == "AlreadyExistsException"

    kms.update_primary_region(KeyId=key_id, PrimaryRegion="us-west-2")
    for client in (kms, west):
        shown = client.describe_key(KeyId=key_id)["KeyMetadata"]["MultiRegionConfiguration"]
        assert shown["PrimaryKey"] == {"Arn": replica, "Region": "us-west-2"}
        assert shown["ReplicaKeys"] == [{"Arn": arn, "Region": "us-east-1"}]
    answer = west.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)
    assert answer["KeyState"] == "PendingReplicaDeletion"
    assert kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=7)["KeyState"] == "PendingDeletion"


def test_keys_of_one_region_are_not_replicated(kms, refused):
    key = kms.create_key()["KeyMetadata"]
    refusal = refused(kms.replicate_key, KeyId=key["KeyId"], ReplicaRegion="us-west-2")
    assert refusal[0] == "UnsupportedOperationException"
