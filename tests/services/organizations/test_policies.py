"""Policies and their attachments, and what tag policies come to."""

import json

import pytest

from tests.services.organizations.conftest import EVERYTHING, Tree, refused

SCP, RCP, TAG = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY", "TAG_POLICY"


def test_full_access_is_on_everything_while_enabled(tree):
    account, unit = tree.account(), tree.unit("before")
    listing = tree.client.list_policies_for_target
    assert listing(TargetId=account, Filter=SCP)["Policies"] == []
    root = tree.client.enable_policy_type(RootId=tree.root_id, PolicyType=SCP)["Root"]
    assert root["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    later = tree.unit("after")
    for target in (tree.root_id, account, unit, later, tree.management, tree.account("after")):
        (policy,) = listing(TargetId=target, Filter=SCP)["Policies"]
        assert policy == {
            "Id": "p-FullAWSAccess",
            "Arn": "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess",
            "Name": "FullAWSAccess",
            "Description": "Allows access to every operation",
            "Type": SCP,
            "AwsManaged": True,
        }
    targets = tree.client.list_targets_for_policy(PolicyId="p-FullAWSAccess")["Targets"]
    assert {one["Type"] for one in targets} == {"ROOT", "ORGANIZATIONAL_UNIT", "ACCOUNT"}
    assert len(targets) == 6
    assert refused(tree.client.enable_policy_type, RootId=tree.root_id, PolicyType=SCP) == (
        "PolicyTypeAlreadyEnabledException",
        "The specified policy type is already enabled.",
        400,
    )


def test_a_policy_is_written_changed_and_deleted(tree):
    tree.enable()
    policy = tree.policy("one", [EVERYTHING])
    shown = tree.client.describe_policy(PolicyId=policy)["Policy"]
    assert shown["PolicySummary"]["Arn"] == (
        f"arn:aws:organizations::{tree.management}:policy/{tree.organization['Id']}/"
        f"service_control_policy/{policy}"
    )
    assert json.loads(shown["Content"])["Statement"] == [EVERYTHING]
    tree.client.update_policy(PolicyId=policy, Name="renamed", Description="said")
    names = {one["Name"] for one in tree.client.list_policies(Filter=SCP)["Policies"]}
    assert names == {"renamed", "FullAWSAccess"}
    tree.client.attach_policy(PolicyId=policy, TargetId=tree.root_id)
    attach = {"PolicyId": policy, "TargetId": tree.root_id}
    assert refused(tree.client.attach_policy, **attach)[0] == "DuplicatePolicyAttachmentException"
    assert refused(tree.client.delete_policy, PolicyId=policy)[0] == "PolicyInUseException"
    tree.client.detach_policy(**attach)
    assert refused(tree.client.detach_policy, **attach)[0] == "PolicyNotAttachedException"
    tree.client.delete_policy(PolicyId=policy)
    assert refused(tree.client.describe_policy, PolicyId=policy) == (
        "PolicyNotFoundException",
        "You specified a policy that doesn't exist.",
        400,
    )


def test_limits_of_attachment(tree):
    tree.enable()
    assert refused(tree.client.detach_policy, PolicyId="p-FullAWSAccess", TargetId=tree.root_id) == (
        "ConstraintViolationException",
        "You cannot remove the last policy attached to the specified target. You must have at least one attached "
        "at all times.",
        400,
        "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
    )
    for number in range(4):
        tree.policy(f"p{number}", [EVERYTHING], target=tree.root_id)
    fifth = tree.policy("p5", [EVERYTHING])
    assert refused(tree.client.attach_policy, PolicyId=fifth, TargetId=tree.root_id)[3] == (
        "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
    )
    tree.enable(RCP)
    assert refused(tree.client.detach_policy, PolicyId="p-RCPFullAWSAccess", TargetId=tree.root_id)[3] == (
        "NON_DETACHABLE_POLICY"
    )
    assert refused(tree.client.update_policy, PolicyId="p-FullAWSAccess", Name="x")[3] == "IMMUTABLE_POLICY"


def test_attaching_needs_the_type_in_force(tree):
    policy = tree.policy("early", [EVERYTHING])
    assert refused(tree.client.attach_policy, PolicyId=policy, TargetId=tree.root_id) == (
        "PolicyTypeNotEnabledException",
        "This operation can be performed only for enabled policy types.",
        400,
    )
    disable = tree.client.disable_policy_type
    assert refused(disable, RootId=tree.root_id, PolicyType=SCP)[0] == "PolicyTypeNotEnabledException"


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (SCP, "{"),
        (SCP, '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*"}]}'),
        (
            SCP,
            '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}',
        ),
        (
            RCP,
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
        ),
        (RCP, '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"s3:*","Resource":"*"}]}'),
        (TAG, '{"Version":"2012-10-17","Statement":[]}'),
        (TAG, '{"tags":{"a":{"tag_key":{"@@assign":"b"}}}}'),
        (TAG, '{"tags":{"a":{"tag_key":{"@@append":["a"]}}}}'),
        (TAG, '{"tags":{"a":{"tag_value":{"@@assign":["x"],"more":{}}}}}'),
        (TAG, '{"tags":{"a":{"unknown":{"@@assign":"x"}}}}'),
        (TAG, '{"tags":{"a":"plain"}}'),
        ("BACKUP_POLICY", '{"tags":{}}'),
        ("AISERVICES_OPT_OUT_POLICY", '{"services":{"default":{"opt_out_policy":{"@@nonsense":"optOut"}}}}'),
    ],
)
def test_malformed_documents_are_refused(tree, kind, content):
    made = {"Name": "bad", "Description": "", "Type": kind, "Content": content}
    assert refused(tree.client.create_policy, **made) == (
        "MalformedPolicyDocumentException",
        "The provided policy document does not meet the requirements of the specified policy type.",
        400,
    )
    assert [
        one["Name"] for one in tree.client.list_policies(Filter=kind)["Policies"] if not one["AwsManaged"]
    ] == []


def test_too_long_or_of_one_name(tree):
    tree.policy("same", [EVERYTHING])
    content = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
    made = {"Description": "", "Type": SCP, "Content": content}
    assert refused(tree.client.create_policy, Name="same", **made)[0] == "DuplicatePolicyException"
    made["Content"] = content + " " * 5120
    assert refused(tree.client.create_policy, Name="long", **made)[3] == "POLICY_CONTENT_LIMIT_EXCEEDED"


def test_billing_organizations_have_no_policies(open_cloud):
    tree = Tree(open_cloud, FeatureSet="CONSOLIDATED_BILLING")
    enable = tree.client.enable_policy_type
    assert refused(enable, RootId=tree.root_id, PolicyType=SCP)[0] == (
        "PolicyTypeNotAvailableForOrganizationException"
    )


def effective(client, **target):
    found = client.describe_effective_policy(PolicyType=TAG, **target)["EffectivePolicy"]
    return json.loads(found["PolicyContent"])


def test_the_effective_tag_policy(tree):
    account, unit = tree.account(), tree.unit("unit")
    tree.client.move_account(AccountId=account, SourceParentId=tree.root_id, DestinationParentId=unit)
    member = tree.root("organizations", account)
    missing = refused(member.describe_effective_policy, PolicyType=TAG)
    assert missing[0] == "EffectivePolicyNotFoundException"
    tree.enable(TAG)
    top = {
        "tags": {
            "costcenter": {
                "tag_key": {"@@assign": "CostCenter", "@@operators_allowed_for_child_policies": ["@@none"]},
                "tag_value": {"@@assign": ["1", "2"]},
            }
        }
    }
    tree.policy("top", top, TAG, target=tree.root_id)
    below = {
        "tags": {
            "CostCenter": {
                "tag_key": {"@@assign": "COSTCENTER"},
                "tag_value": {"@@append": ["3"], "@@remove": ["1"]},
            },
            "team": {"tag_key": {"@@assign": "Team"}},
        }
    }
    policy = tree.policy("below", below, TAG, target=unit)
    expected = {
        "tags": {
            "costcenter": {"tag_key": "CostCenter", "tag_value": ["2", "3"]},
            "team": {"tag_key": "Team"},
        }
    }
    assert effective(member) == expected
    assert effective(tree.client, TargetId=account) == expected
    assert effective(tree.client) == {
        "tags": {"costcenter": {"tag_key": "CostCenter", "tag_value": ["1", "2"]}}
    }
    tree.client.detach_policy(PolicyId=policy, TargetId=unit)
    assert effective(member) == effective(tree.client)
    assert refused(member.describe_effective_policy, PolicyType=TAG, TargetId=tree.management)[0] == (
        "AccessDeniedException"
    )
