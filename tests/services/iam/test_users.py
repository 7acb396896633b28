"""Users, groups and what hangs on them."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.services.iam.people import ACCOUNT, Person, allow, keys_of, policy, refused, trust, unique

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def test_a_user_is_made_read_moved_and_deleted(iam):
    name, new = unique("u"), unique("v")
    made = iam.create_user(UserName=name, Path="/dev/", Tags=[{"Key": "team", "Value": "blue"}])["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/dev/{name}"
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
    assert iam.get_user(UserName=name)["User"]["Tags"] == [{"Key": "team", "Value": "blue"}]
    iam.update_user(UserName=name, NewUserName=new, NewPath="/ops/")
    moved = iam.get_user(UserName=new)["User"]
    assert (moved["UserId"], moved["Path"]) == (made["UserId"], "/ops/")
    assert moved["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert new in [u["UserName"] for u in iam.list_users(PathPrefix="/ops/", MaxItems=1000)["Users"]]
    assert new not in [u["UserName"] for u in iam.list_users(PathPrefix="/dev/", MaxItems=1000)["Users"]]
    iam.delete_user(UserName=new)
    assert refused(iam.get_user, UserName=new) == (
        "NoSuchEntity",
        f"The user with name {new} cannot be found.",
        404,
    )


def test_a_name_is_taken_in_any_case(iam):
    name = unique("case")
    iam.create_user(UserName=name)
    code, message, status = refused(iam.create_user, UserName=name.upper())
    assert (code, message, status) == (
        "EntityAlreadyExists",
        f"User with name {name.upper()} already exists.",
        409,
    )


@pytest.mark.parametrize(
    ("params", "member"),
    [({"UserName": "a b"}, "userName"), ({"UserName": "ok", "Path": "no-slash"}, "path")],
)
def test_names_and_paths_that_iam_does_not_take(iam, params, member):
    code, message, status = refused(iam.create_user, **params)
    assert (code, status) == ("ValidationError", 400)
    assert message.startswith(f"The specified value for {member} is invalid.")


def test_renaming_moves_keys_groups_and_password(gureum, iam):
    person, new, group = Person(gureum, policy(allow("iam:GetUser"))), unique("new"), unique("g")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=person.name)
    iam.create_login_profile(UserName=person.name, Password="Abcdef12!x")
    iam.update_user(UserName=person.name, NewUserName=new)
    assert person.client("iam").get_user()["User"]["UserName"] == new
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName=new)["Groups"]] == [group]
    assert iam.get_login_profile(UserName=new)["LoginProfile"]["UserName"] == new


def test_deleting_waits_for_all_that_hangs_on_the_user(gureum, iam):
    person, group = Person(gureum, policy(allow("s3:*"))), unique("g")
    name = person.name
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    iam.create_login_profile(UserName=name, Password="Abcdef12!x")

    def why():
        code, message, status = refused(iam.delete_user, UserName=name)
        assert (code, status) == ("DeleteConflict", 409)
        return message

    assert why() == "Cannot delete entity, must remove users from group first."
    iam.remove_user_from_group(GroupName=group, UserName=name)
    assert why() == "Cannot delete entity, must delete access keys first."
    iam.delete_access_key(UserName=name, AccessKeyId=person.keys["aws_access_key_id"])
    assert why() == "Cannot delete entity, must detach all policies first."
    iam.detach_user_policy(UserName=name, PolicyArn=READ_ONLY)
    assert why() == "Cannot delete entity, must delete policies first."
    iam.delete_user_policy(UserName=name, PolicyName="p0")
    assert why() == "Cannot delete entity, must delete login profile first."
    iam.delete_login_profile(UserName=name)
    iam.delete_user(UserName=name)
    iam.delete_group(GroupName=group)


def test_groups_list_their_members_page_by_page(iam):
    group, names = unique("g"), sorted(unique("m") for _ in range(3))
    iam.create_group(GroupName=group)
    for name in names:
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName=group, UserName=name)
    iam.add_user_to_group(GroupName=group, UserName=names[0])  # again: no fault
    first = iam.get_group(GroupName=group, MaxItems=2)
    assert first["IsTruncated"] and [u["UserName"] for u in first["Users"]] == names[:2]
    rest = iam.get_group(GroupName=group, MaxItems=2, Marker=first["Marker"])
    assert not rest["IsTruncated"] and [u["UserName"] for u in rest["Users"]] == names[2:]
    assert refused(iam.delete_group, GroupName=group)[1] == (
        "Cannot delete entity, must remove users from group first."
    )


def test_a_user_is_in_ten_groups_at_most(iam):
    name = unique("u")
    iam.create_user(UserName=name)
    for at in range(11):
        group = unique(f"g{at}")
        iam.create_group(GroupName=group)
        if at < 10:
            iam.add_user_to_group(GroupName=group, UserName=name)
    assert refused(iam.add_user_to_group, GroupName=group, UserName=name) == (
        "LimitExceeded",
        "Cannot exceed quota for GroupsPerUser: 10",
        409,
    )


def test_keys_are_two_at_most_and_die_at_once(gureum, iam):
    person = Person(gureum, policy(allow("iam:GetUser")))
    second = iam.create_access_key(UserName=person.name)
    assert refused(iam.create_access_key, UserName=person.name) == (
        "LimitExceeded",
        "Cannot exceed quota for AccessKeysPerUser: 2",
        409,
    )
    other = gureum.client("sts", **keys_of(second))
    assert other.get_caller_identity()["Arn"] == person.arn
    key = second["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName=person.name, AccessKeyId=key, Status="Inactive")
    assert refused(other.get_caller_identity) == (
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
        403,
    )
    iam.update_access_key(UserName=person.name, AccessKeyId=key, Status="Active")
    assert other.get_caller_identity()["UserId"] == person.id
    iam.delete_access_key(UserName=person.name, AccessKeyId=key)
    assert refused(other.get_caller_identity)[0] == "InvalidClientTokenId"
    assert [k["AccessKeyId"] for k in iam.list_access_keys(UserName=person.name)["AccessKeyMetadata"]] == [
        person.keys["aws_access_key_id"]
    ]


def test_a_key_of_another_user_is_not_found(gureum, iam):
    one, two = Person(gureum), Person(gureum)
    key = two.keys["aws_access_key_id"]
    assert refused(iam.delete_access_key, UserName=one.name, AccessKeyId=key) == (
        "NoSuchEntity",
        f"The Access Key with id {key} cannot be found.",
        404,
    )
    assert two.client("sts").get_caller_identity()["UserId"] == two.id


def test_root_makes_and_uses_a_key_of_its_own(gureum, iam):
    made = iam.create_access_key()
    try:
        who = gureum.client("sts", **keys_of(made)).get_caller_identity()
        assert who["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    finally:
        iam.delete_access_key(AccessKeyId=made["AccessKey"]["AccessKeyId"])


def test_the_last_use_of_a_key_comes_from_what_it_did(gureum, iam):
    person = Person(gureum)
    key = person.keys["aws_access_key_id"]
    unused = iam.get_access_key_last_used(AccessKeyId=key)
    assert unused["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    refused(person.client("sqs").create_queue, QueueName="no")
    used = iam.get_access_key_last_used(AccessKeyId=key)
    assert used["UserName"] == person.name
    assert used["AccessKeyLastUsed"]["ServiceName"] == "sqs"
    assert used["AccessKeyLastUsed"]["Region"] == "us-east-1"


def test_tags_are_kept_without_regard_to_case(iam):
    name = unique("u")
    iam.create_user(UserName=name)
    iam.tag_user(UserName=name, Tags=[{"Key": "Team", "Value": "a"}, {"Key": "x", "Value": "1"}])
    iam.tag_user(UserName=name, Tags=[{"Key": "team", "Value": "b"}])
    found = {tag["Key"]: tag["Value"] for tag in iam.list_user_tags(UserName=name)["Tags"]}
    assert found == {"team": "b", "x": "1"}
    iam.untag_user(UserName=name, TagKeys=["x"])
    assert [tag["Key"] for tag in iam.list_user_tags(UserName=name)["Tags"]] == ["team"]
    assert refused(iam.tag_user, UserName=name, Tags=[{"Key": "a", "Value": ""}, {"Key": "A", "Value": ""}])[
        :2
    ] == ("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    many = [{"Key": f"k{at}", "Value": ""} for at in range(50)]
    assert refused(iam.tag_user, UserName=name, Tags=many)[0] == "LimitExceeded"


def test_of_many_who_make_the_same_user_one_succeeds(gureum):
    name = unique("race")

    def make(_):
        try:
            return gureum.client("iam").create_user(UserName=name)["User"]["UserId"]
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(make, range(8)))
    assert sorted(answers).count("EntityAlreadyExists") == 7
    assert gureum.client("iam").get_user(UserName=name)["User"]["UserId"] in answers


def test_changes_made_at_once_are_all_kept(gureum, iam):
    role = unique("busy")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))

    def change(at):
        client = gureum.client("iam")
        document = policy(allow(f"sqs:A{at}"))
        client.put_role_policy(RoleName=role, PolicyName=f"p{at}", PolicyDocument=document)
        return client.get_role(RoleName=role)["Role"]["RoleName"]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(change, range(16))) == [role] * 16
    assert len(iam.list_role_policies(RoleName=role)["PolicyNames"]) == 16


def test_what_was_answered_survives_a_kill(gureum_cloud):
    cloud = gureum_cloud()
    iam = cloud.client("iam")
    ann = Person(cloud, policy(allow("iam:GetUser")), tags={"team": "blue"})
    iam.create_group(GroupName="g")
    iam.add_user_to_group(GroupName="g", UserName=ann.name)
    cloud.kill()
    cloud.restart()
    assert ann.client("iam").get_user()["User"]["Tags"] == [{"Key": "team", "Value": "blue"}]
    assert [g["GroupName"] for g in iam.list_groups_for_user(UserName=ann.name)["Groups"]] == ["g"]
    assert refused(ann.client("iam").list_users)[0] == "AccessDenied"
