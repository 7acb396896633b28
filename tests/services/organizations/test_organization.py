"""The organization, its tree and its accounts."""

import json
import re

import pytest

from tests.services.organizations.conftest import Tree, refused

NOT_IN_USE = (
    "AWSOrganizationsNotInUseException",
    "Your account is not a member of an organization.",
    400,
)
DENIED = ("AccessDeniedException", "You don't have permissions to access this resource.", 400)


def test_founding(tree):
    shown = tree.organization
    assert re.fullmatch(r"o-[a-z0-9]{10}", shown["Id"])
    assert shown["Arn"] == f"arn:aws:organizations::{tree.management}:organization/{shown['Id']}"
    assert shown["MasterAccountId"] == tree.management
    assert shown["MasterAccountArn"] == (
        f"arn:aws:organizations::{tree.management}:account/{shown['Id']}/{tree.management}"
    )
    assert shown["FeatureSet"] == "ALL"
    assert tree.client.describe_organization()["Organization"] == shown
    assert refused(tree.client.create_organization) == (
        "AlreadyInOrganizationException",
        "The provided account is already a member of an organization.",
        400,
    )
    (root,) = tree.client.list_roots()["Roots"]
    assert re.fullmatch(r"r-[a-z0-9]{4}", root["Id"])
    assert (root["Name"], root["PolicyTypes"]) == ("Root", [])


def test_an_account_without_an_organization(open_cloud):
    keys = {"aws_access_key_id": "300000000001", "aws_secret_access_key": "any"}
    client = open_cloud.client("organizations", **keys)
    for call in (client.describe_organization, client.list_accounts, client.leave_organization):
        assert refused(call) == NOT_IN_USE


def test_a_member_may_look_at_little(tree):
    account = tree.account()
    member = tree.root("organizations", account)
    assert member.describe_organization()["Organization"]["Id"] == tree.organization["Id"]
    assert refused(member.list_accounts) == DENIED
    assert refused(member.create_organizational_unit, ParentId=tree.root_id, Name="x") == DENIED
    assert refused(member.close_account, AccountId=account) == DENIED
    assert refused(member.delete_organization) == DENIED


def test_a_strangers_entities_do_not_exist(tree, open_cloud):
    other = Tree(open_cloud)
    unit, account = other.unit("theirs"), other.account("theirs")
    assert refused(tree.client.describe_organizational_unit, OrganizationalUnitId=unit)[0] == (
        "OrganizationalUnitNotFoundException"
    )
    assert refused(tree.client.describe_account, AccountId=account)[0] == "AccountNotFoundException"
    assert refused(tree.client.list_children, ParentId=other.root_id, ChildType="ACCOUNT")[0] == (
        "ParentNotFoundException"
    )


def test_an_account_is_made(tree):
    asked = tree.client.create_account(
        AccountName="workload",
        Email=f"w{tree.management}@example.com",
        RoleName="Inside",
        Tags=[{"Key": "stage", "Value": "dev"}],
    )["CreateAccountStatus"]
    assert re.fullmatch(r"car-[0-9a-f]{32}", asked["Id"])
    assert (asked["State"], "AccountId" in asked) == ("IN_PROGRESS", False)
    done = tree.wait(asked["Id"])
    assert done["State"] == "SUCCEEDED"
    account = tree.client.describe_account(AccountId=done["AccountId"])["Account"]
    organization = tree.organization["Id"]
    assert account | {"JoinedTimestamp": 0} == {
        "Id": done["AccountId"],
        "Arn": f"arn:aws:organizations::{tree.management}:account/{organization}/{done['AccountId']}",
        "Email": f"w{tree.management}@example.com",
        "Name": "workload",
        "Status": "ACTIVE",
        "State": "ACTIVE",
        "Paths": [f"{organization}/{tree.root_id}/{done['AccountId']}/"],
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": 0,
    }
    iam = tree.root("iam", done["AccountId"])
    trust = iam.get_role(RoleName="Inside")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{tree.management}:root"}
    attached = iam.list_attached_role_policies(RoleName="Inside")["AttachedPolicies"]
    assert [one["PolicyName"] for one in attached] == ["AdministratorAccess"]
    tags = tree.client.list_tags_for_resource(ResourceId=done["AccountId"])["Tags"]
    assert tags == [{"Key": "stage", "Value": "dev"}]
    listed = tree.client.list_create_account_status(States=["SUCCEEDED"])["CreateAccountStatuses"]
    assert [one["AccountId"] for one in listed] == [done["AccountId"]]


def test_an_address_serves_one_account(tree):
    tree.account("twice")
    again = tree.client.create_account(AccountName="b", Email=f"TWICE.{tree.management}@example.com")
    done = tree.wait(again["CreateAccountStatus"]["Id"])
    assert (done["State"], done["FailureReason"]) == ("FAILED", "EMAIL_ALREADY_EXISTS")
    assert len(tree.client.list_accounts()["Accounts"]) == 2


@pytest.mark.parametrize(
    ("call", "params"),
    [
        ("describe_account", {"AccountId": "12345"}),
        ("describe_policy", {"PolicyId": "nope"}),
        ("list_children", {"ParentId": "ou-", "ChildType": "ACCOUNT"}),
        ("describe_organizational_unit", {"OrganizationalUnitId": "r-abcd"}),
        ("create_account", {"AccountName": "a", "Email": "not an address"}),
    ],
)
def test_ids_of_the_wrong_form_are_refused(tree, call, params):
    assert refused(getattr(tree.client, call), **params) == (
        "InvalidInputException",
        "You provided a value that does not match the required pattern.",
        400,
        "INVALID_PATTERN",
    )


def test_units(tree):
    unit = tree.unit("workloads")
    assert re.fullmatch(rf"ou-{tree.root_id[2:]}-[a-z0-9]{{8}}", unit)
    below = tree.unit("production", unit)
    shown = tree.client.describe_organizational_unit(OrganizationalUnitId=below)["OrganizationalUnit"]
    assert shown["Path"] == f"{tree.organization['Id']}/{tree.root_id}/{unit}/{below}/"
    assert tree.client.list_parents(ChildId=below)["Parents"] == [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]
    assert tree.client.list_parents(ChildId=unit)["Parents"] == [{"Id": tree.root_id, "Type": "ROOT"}]
    children = tree.client.list_children(ParentId=tree.root_id, ChildType="ORGANIZATIONAL_UNIT")["Children"]
    assert children == [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]
    assert refused(tree.client.create_organizational_unit, ParentId=tree.root_id, Name="workloads") == (
        "DuplicateOrganizationalUnitException",
        "An OU with the same name already exists.",
        400,
    )
    tree.client.update_organizational_unit(OrganizationalUnitId=below, Name="live")
    (listed,) = tree.client.list_organizational_units_for_parent(ParentId=unit)["OrganizationalUnits"]
    assert listed["Name"] == "live"
    assert refused(tree.client.delete_organizational_unit, OrganizationalUnitId=unit)[0] == (
        "OrganizationalUnitNotEmptyException"
    )
    tree.client.delete_organizational_unit(OrganizationalUnitId=below)
    tree.client.delete_organizational_unit(OrganizationalUnitId=unit)
    assert refused(tree.client.describe_organizational_unit, OrganizationalUnitId=unit) == (
        "OrganizationalUnitNotFoundException",
        "You specified an organizational unit that doesn't exist.",
        400,
    )


def test_units_nest_five_deep(tree):
    parent = tree.root_id
    for depth in range(5):
        parent = tree.unit(f"level{depth}", parent)
    code, _, status, reason = refused(tree.client.create_organizational_unit, ParentId=parent, Name="deeper")
    assert (code, status, reason) == ("ConstraintViolationException", 400, "OU_DEPTH_LIMIT_EXCEEDED")


def test_moving(tree):
    account, unit = tree.account(), tree.unit("there")
    move = tree.client.move_account
    move(AccountId=account, SourceParentId=tree.root_id, DestinationParentId=unit)
    (listed,) = tree.client.list_accounts_for_parent(ParentId=unit)["Accounts"]
    assert listed["Id"] == account
    again = {"AccountId": account, "SourceParentId": tree.root_id, "DestinationParentId": unit}
    assert refused(move, **again)[0] == "DuplicateAccountException"
    again["DestinationParentId"] = f"ou-{tree.root_id[2:]}-00000000"
    assert refused(move, **again)[0] == "DestinationParentNotFoundException"
    again = {"AccountId": account, "SourceParentId": tree.root_id, "DestinationParentId": tree.root_id}
    move(AccountId=account, SourceParentId=unit, DestinationParentId=tree.root_id)
    assert refused(move, **again)[0] == "DuplicateAccountException"


def test_removing_leaving_and_dissolving(tree):
    first, second = tree.account("a"), tree.account("b")
    assert refused(tree.client.delete_organization)[0] == "OrganizationNotEmptyException"
    tree.client.remove_account_from_organization(AccountId=first)
    tree.root("organizations", second).leave_organization()
    assert refused(tree.root("organizations", first).describe_organization) == NOT_IN_USE
    code, _, status = refused(tree.client.remove_account_from_organization, AccountId=tree.management)
    assert (code, status) == ("MasterCannotLeaveOrganizationException", 400)
    assert refused(tree.client.leave_organization)[0] == "MasterCannotLeaveOrganizationException"
    tree.unit("left-over")
    tree.client.delete_organization()
    assert refused(tree.client.describe_organization) == NOT_IN_USE
    assert tree.client.create_organization()["Organization"]["Id"] != tree.organization["Id"]


def test_lists_give_each_once(tree):
    made = {tree.account(f"n{number}") for number in range(4)} | {tree.management}
    for size in (1, 2, 20):
        pages = tree.client.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": size})
        listed = [one["Id"] for page in pages for one in page["Accounts"]]
        assert sorted(listed) == sorted(made)
    units = {tree.unit(f"u{number}") for number in range(3)}
    pages = tree.client.get_paginator("list_children").paginate(
        ParentId=tree.root_id, ChildType="ORGANIZATIONAL_UNIT", PaginationConfig={"PageSize": 2}
    )
    assert {one["Id"] for page in pages for one in page["Children"]} == units


def test_tags(tree):
    unit = tree.unit("tagged")
    tree.client.tag_resource(ResourceId=unit, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    tree.client.untag_resource(ResourceId=unit, TagKeys=["a"])
    assert tree.client.list_tags_for_resource(ResourceId=unit)["Tags"] == [{"Key": "b", "Value": "2"}]
    reserved = [{"Key": "aws:x", "Value": "1"}]
    assert (
        refused(tree.client.tag_resource, ResourceId=unit, Tags=reserved)[3]
        == "INVALID_SYSTEM_TAGS_PARAMETER"
    )
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refused(tree.client.tag_resource, ResourceId=unit, Tags=many)[3] == "MAX_TAG_LIMIT_EXCEEDED"
    assert (
        refused(tree.client.tag_resource, ResourceId="999999999999", Tags=many)[0]
        == "TargetNotFoundException"
    )


def test_identity_policies_see_the_entitys_arn(gureum_cloud):
    cloud = gureum_cloud()
    iam, organizations = cloud.client("iam"), cloud.client("organizations")
    organization = organizations.create_organization()["Organization"]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    units = [
        organizations.create_organizational_unit(ParentId=root, Name=name)["OrganizationalUnit"]
        for name in ("mine", "other")
    ]
    iam.create_user(UserName="keeper")
    may = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "organizations:*", "Resource": units[0]["Arn"]}],
    }
    iam.put_user_policy(UserName="keeper", PolicyName="p", PolicyDocument=json.dumps(may))
    key = iam.create_access_key(UserName="keeper")["AccessKey"]
    keeper = cloud.client(
        "organizations",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    keeper.describe_organizational_unit(OrganizationalUnitId=units[0]["Id"])
    assert refused(keeper.describe_organizational_unit, OrganizationalUnitId=units[1]["Id"]) == (
        "AccessDeniedException",
        "User: arn:aws:iam::000000000000:user/keeper is not authorized to perform: "
        "organizations:DescribeOrganizationalUnit on resource: arn:aws:organizations::000000000000:ou/"
        f"{organization}/{units[1]['Id']} because no identity-based policy allows the "
        "organizations:DescribeOrganizationalUnit action",
        403,
    )


def test_all_of_it_survives_a_kill(gureum_cloud):
    cloud = gureum_cloud(auth="open")
    tree = Tree(cloud)
    account, unit = tree.account(), tree.unit("strict")
    tree.enable()
    tree.client.move_account(AccountId=account, SourceParentId=tree.root_id, DestinationParentId=unit)
    deny = [{"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}]
    policy = tree.policy("no-queues", deny, target=unit)
    asked = tree.client.create_account(AccountName="late", Email="late@example.com")["CreateAccountStatus"]
    cloud.kill()
    cloud.restart()
    assert tree.wait(asked["Id"])["State"] == "SUCCEEDED"
    message = refused(tree.root("sqs", account).create_queue, QueueName="q")[1]
    assert message.endswith("with an explicit deny in a service control policy")
    tree.client.detach_policy(PolicyId=policy, TargetId=unit)
    tree.root("sqs", account).create_queue(QueueName="q")
    assert len(tree.client.list_accounts()["Accounts"]) == 3
