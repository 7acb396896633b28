"""Managed and inline policies, roles, instance profiles, service-linked roles."""

import json

import pytest

from tests.services.iam.people import ACCOUNT, allow, policy, refused, trust, unique

NOBODY = trust({"Service": "ecs-tasks.amazonaws.com"})


def test_a_managed_policy_has_five_versions_at_most(iam):
    name = unique("p")
    arn = iam.create_policy(PolicyName=name, Path="/x/", PolicyDocument=policy(allow("s3:*")))["Policy"][
        "Arn"
    ]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/x/{name}"
    for at in range(4):
        made = iam.create_policy_version(
            PolicyArn=arn, PolicyDocument=policy(allow(f"sqs:A{at}")), SetAsDefault=at == 1
        )["PolicyVersion"]
        assert made["VersionId"] == f"v{at + 2}"
    code, message, status = refused(
        iam.create_policy_version, PolicyArn=arn, PolicyDocument=policy(allow("a:b"))
    )
    assert (code, status) == ("LimitExceeded", 409)
    assert message.startswith("A managed policy can have up to 5 versions.")
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [v["VersionId"] for v in versions] == ["v5", "v4", "v3", "v2", "v1"]
    assert [v["VersionId"] for v in versions if v["IsDefaultVersion"]] == ["v3"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId="v3")["PolicyVersion"]["Document"]
    assert document["Statement"][0]["Action"] == ["sqs:A1"]
    assert refused(iam.delete_policy_version, PolicyArn=arn, VersionId="v3") == (
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
        409,
    )
    assert refused(iam.delete_policy, PolicyArn=arn)[0] == "DeleteConflict"
    for version in ("v1", "v2", "v4", "v5"):
        iam.delete_policy_version(PolicyArn=arn, VersionId=version)
    iam.delete_policy(PolicyArn=arn)
    assert refused(iam.get_policy, PolicyArn=arn) == ("NoSuchEntity", f"Policy {arn} was not found.", 404)


def test_an_attached_policy_is_counted_listed_and_not_deleted(iam):
    arn = iam.create_policy(PolicyName=unique("p"), PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]
    role, user = unique("r"), unique("u")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=NOBODY)
    iam.create_user(UserName=user, PermissionsBoundary=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    assert (found["AttachmentCount"], found["PermissionsBoundaryUsageCount"]) == (1, 1)
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [r["RoleName"] for r in entities["PolicyRoles"]] == [role]
    assert [u["UserName"] for u in entities["PolicyUsers"]] == [user]
    only = iam.list_entities_for_policy(PolicyArn=arn, PolicyUsageFilter="PermissionsBoundary")
    assert not only["PolicyRoles"] and [u["UserName"] for u in only["PolicyUsers"]] == [user]
    assert refused(iam.delete_policy, PolicyArn=arn) == (
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
        409,
    )
    assert refused(iam.delete_role, RoleName=role) == (
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
        409,
    )


def test_awss_own_policies_are_there(iam):
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    found = iam.get_policy(PolicyArn=arn)["Policy"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    assert document["Document"]["Statement"] == [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS", PaginationConfig={"PageSize": 1000})
    arns = [p["Arn"] for page in pages for p in page["Policies"]]
    assert len(arns) == len(set(arns)) > 1000
    assert "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole" in arns
    assert refused(iam.create_policy_version, PolicyArn=arn, PolicyDocument=policy(allow("a:b")))[0] == (
        "AccessDenied"
    )


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "Syntax errors in policy."),
        ('{"Version":"2012-10-17"}', "Syntax errors in policy."),
        (policy({"Effect": "Allow", "Action": "*"}), "Policy statement must contain resources."),
        (policy({"Effect": "Allow", "Resource": "*"}), "Policy statement must contain actions."),
        (
            policy(allow("nocolon")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (policy(allow("s3:*", resource="x")), 'Resource x must be in ARN format or "*".'),
    ],
)
def test_documents_that_iam_refuses(iam, document, message):
    user = unique("u")
    iam.create_user(UserName=user)
    expected = ("MalformedPolicyDocument", message, 400)
    assert refused(iam.put_user_policy, UserName=user, PolicyName="p", PolicyDocument=document) == expected
    assert refused(iam.create_policy, PolicyName=unique("p"), PolicyDocument=document) == expected
    assert iam.list_user_policies(UserName=user)["PolicyNames"] == []


def test_inline_policies_have_one_size_together(iam):
    user = unique("u")
    iam.create_user(UserName=user)
    half = policy(allow(*[f"sqs:{'x' * 50}{at}" for at in range(18)]))
    iam.put_user_policy(UserName=user, PolicyName="a", PolicyDocument=half)
    assert iam.get_user_policy(UserName=user, PolicyName="a")["PolicyDocument"] == json.loads(half)
    assert refused(iam.put_user_policy, UserName=user, PolicyName="b", PolicyDocument=half) == (
        "LimitExceeded",
        f"Maximum policy size of 2048 bytes exceeded for user {user}",
        409,
    )
    spaced = json.dumps(json.loads(half), indent=8)  # white space is free
    iam.put_user_policy(UserName=user, PolicyName="a", PolicyDocument=spaced)
    iam.delete_user_policy(UserName=user, PolicyName="a")
    assert refused(iam.get_user_policy, UserName=user, PolicyName="a")[:2] == (
        "NoSuchEntity",
        "The user policy with name a cannot be found.",
    )


def test_ten_policies_can_be_attached(iam):
    group = unique("g")
    iam.create_group(GroupName=group)
    page = iam.list_policies(Scope="AWS", PathPrefix="/", MaxItems=100)["Policies"]
    arns = [p["Arn"] for p in page if p["Path"] == "/"][:11]
    for arn in arns[:10]:
        iam.attach_group_policy(GroupName=group, PolicyArn=arn)
    assert refused(iam.attach_group_policy, GroupName=group, PolicyArn=arns[10]) == (
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerGroup: 10",
        409,
    )
    gone = f"arn:aws:iam::{ACCOUNT}:policy/{unique('no')}"
    assert refused(iam.attach_group_policy, GroupName=group, PolicyArn=gone) == (
        "NoSuchEntity",
        f"Policy {gone} does not exist or is not attachable.",
        404,
    )


def test_trust_policies_are_checked(iam):
    name = unique("r")
    bad = trust({"AWS": "arn:aws:iam::123:nobody"})
    assert refused(iam.create_role, RoleName=name, AssumeRolePolicyDocument=bad)[:2] == (
        "MalformedPolicyDocument",
        'Invalid principal in policy: "AWS":"arn:aws:iam::123:nobody"',
    )
    gone = f"arn:aws:iam::{ACCOUNT}:user/{unique('gone')}"
    assert refused(iam.create_role, RoleName=name, AssumeRolePolicyDocument=trust({"AWS": gone})) == (
        "MalformedPolicyDocument",
        f'Invalid principal in policy: "AWS":"{gone}"',
        400,
    )
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=NOBODY, MaxSessionDuration=7200, Description="d")
    other = trust({"AWS": "*"})
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=other)
    found = iam.get_role(RoleName=name)["Role"]
    assert found["AssumeRolePolicyDocument"] == json.loads(other)
    assert (found["MaxSessionDuration"], found["Description"]) == (7200, "d")
    iam.update_role(RoleName=name, Description="e")
    changed = iam.get_role(RoleName=name)["Role"]
    assert (changed["MaxSessionDuration"], changed["Description"]) == (3600, "e")


def test_an_instance_profile_holds_one_role(iam):
    profile, role = unique("ip"), unique("r")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=NOBODY)
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    assert refused(iam.add_role_to_instance_profile, InstanceProfileName=profile, RoleName=role) == (
        "LimitExceeded",
        "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        409,
    )
    found = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
    assert [r["RoleName"] for r in found["Roles"]] == [role]
    listed = iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"]
    assert [p["InstanceProfileName"] for p in listed] == [profile]
    conflict = ("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.", 409)
    assert refused(iam.delete_role, RoleName=role) == conflict
    assert refused(iam.delete_instance_profile, InstanceProfileName=profile) == conflict
    iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    iam.delete_instance_profile(InstanceProfileName=profile)
    iam.delete_role(RoleName=role)


def test_a_service_linked_role_is_its_services_alone(iam):
    suffix = unique("s").replace("-", "")
    made = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix=suffix)[
        "Role"
    ]
    name = f"AWSServiceRoleForAutoScaling_{suffix}"
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/autoscaling.amazonaws.com/{name}"
    attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == ["AutoScalingServiceRolePolicy"]
    code, message, _ = refused(
        iam.put_role_policy, RoleName=name, PolicyName="x", PolicyDocument=policy(allow("a:b"))
    )
    assert code == "UnmodifiableEntity" and "only modifiable by AWS" in message
    assert refused(iam.delete_role, RoleName=name)[0] == "UnmodifiableEntity"
    assert refused(iam.create_service_linked_role, AWSServiceName="no.amazonaws.com")[0] == "InvalidInput"
    task = iam.delete_service_linked_role(RoleName=name)["DeletionTaskId"]
    assert iam.get_service_linked_role_deletion_status(DeletionTaskId=task)["Status"] == "SUCCEEDED"
    assert refused(iam.get_role, RoleName=name)[0] == "NoSuchEntity"
    assert (
        refused(iam.get_service_linked_role_deletion_status, DeletionTaskId="task/none")[0] == "NoSuchEntity"
    )


def test_service_role_policies_are_not_for_others(iam):
    role = unique("r")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=NOBODY)
    arn = "arn:aws:iam::aws:policy/aws-service-role/AutoScalingServiceRolePolicy"
    assert refused(iam.attach_role_policy, RoleName=role, PolicyArn=arn) == (
        "PolicyNotAttachable",
        "Cannot attach a Service Role Policy to a Customer Role.",
        400,
    )
