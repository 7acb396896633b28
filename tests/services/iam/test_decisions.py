"""Whole stories of who may do what, with AWS's words for each refusal."""

import pytest

from tests.services.iam.people import ACCOUNT, Person, allow, deny, policy, refused, trust, unique

QUEUES = f"arn:aws:sqs:us-east-1:{ACCOUNT}:"


def text(who, action, resource, why):
    return f"User: {who} is not authorized to perform: {action} on resource: {resource} {why}"


def no_policy(action, layer="identity-based policy"):
    return f"because no {layer} allows the {action} action"


def test_a_user_without_policies_may_do_nothing_but_ask_who_it_is(gureum):
    ann = Person(gureum)
    assert ann.client("sts").get_caller_identity()["Arn"] == ann.arn
    code, message, status = refused(ann.client("sqs").create_queue, QueueName="q1")
    assert (code, status) == ("AccessDeniedException", 403)
    assert message == text(ann.arn, "sqs:CreateQueue", f"{QUEUES}q1", no_policy("sqs:CreateQueue"))
    assert refused(ann.client("iam").get_user) == (
        "AccessDenied",
        text(ann.arn, "iam:GetUser", ann.arn, no_policy("iam:GetUser")),
        403,
    )


def test_a_narrow_policy_is_narrow(gureum):
    mine, other = unique("mine"), unique("other")
    ann = Person(gureum, policy(allow("sqs:CreateQueue", "sqs:GetQueueUrl", resource=f"{QUEUES}mine-*")))
    sqs = ann.client("sqs")
    url = sqs.create_queue(QueueName=mine)["QueueUrl"]
    assert sqs.get_queue_url(QueueName=mine)["QueueUrl"] == url
    assert refused(sqs.create_queue, QueueName=other)[1] == text(
        ann.arn, "sqs:CreateQueue", f"{QUEUES}{other}", no_policy("sqs:CreateQueue")
    )
    assert refused(sqs.delete_queue, QueueUrl=url)[1] == text(
        ann.arn, "sqs:DeleteQueue", f"{QUEUES}{mine}", no_policy("sqs:DeleteQueue")
    )


def test_a_groups_policy_counts_while_the_user_is_in_it(gureum, iam):
    ann, group, name = Person(gureum), unique("g"), unique("q")
    iam.create_group(GroupName=group)
    iam.put_group_policy(GroupName=group, PolicyName="p", PolicyDocument=policy(allow("sqs:CreateQueue")))
    sqs = ann.client("sqs")
    assert refused(sqs.create_queue, QueueName=name)[0] == "AccessDeniedException"
    iam.add_user_to_group(GroupName=group, UserName=ann.name)
    sqs.create_queue(QueueName=name)
    iam.remove_user_from_group(GroupName=group, UserName=ann.name)
    assert refused(sqs.create_queue, QueueName=name)[0] == "AccessDeniedException"


def test_an_explicit_deny_wins(gureum, iam):
    ann = Person(gureum, policy(allow("*")), policy(deny("sqs:DeleteQueue")))
    sqs, name = ann.client("sqs"), unique("q")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    why = "with an explicit deny in an identity-based policy"
    assert refused(sqs.delete_queue, QueueUrl=url)[1] == text(
        ann.arn, "sqs:DeleteQueue", f"{QUEUES}{name}", why
    )
    iam.delete_user_policy(UserName=ann.name, PolicyName="p1")
    sqs.delete_queue(QueueUrl=url)


def test_not_action_allows_all_but(gureum):
    ann = Person(gureum, policy({"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}))
    ann.client("sqs").list_queues()
    assert refused(ann.client("iam").list_users)[1] == text(
        ann.arn, "iam:ListUsers", f"arn:aws:iam::{ACCOUNT}:user/", no_policy("iam:ListUsers")
    )


def test_a_boundary_holds_an_administrator_back(gureum, iam):
    boundary = iam.create_policy(PolicyName=unique("b"), PolicyDocument=policy(allow("sqs:*")))["Policy"][
        "Arn"
    ]
    ann = Person(gureum, policy(allow("*")), boundary=boundary)
    ann.client("sqs").list_queues()
    assert refused(ann.client("iam").get_user)[1] == text(
        ann.arn, "iam:GetUser", ann.arn, no_policy("iam:GetUser", "permissions boundary")
    )
    iam.delete_user_permissions_boundary(UserName=ann.name)
    assert ann.client("iam").get_user()["User"]["UserName"] == ann.name


def test_a_boundary_can_be_demanded_of_new_users(gureum, iam):
    boundary = iam.create_policy(PolicyName=unique("b"), PolicyDocument=policy(allow("sqs:*")))["Policy"][
        "Arn"
    ]
    condition = {"Condition": {"StringEquals": {"iam:PermissionsBoundary": boundary}}}
    ann = Person(gureum, policy(allow("iam:CreateUser", **condition)))
    assert refused(ann.client("iam").create_user, UserName=unique("n"))[0] == "AccessDenied"
    ann.client("iam").create_user(UserName=unique("n"), PermissionsBoundary=boundary)


def test_attaching_can_be_tied_to_one_policy(gureum, iam):
    only = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"
    condition = {"Condition": {"ArnEquals": {"iam:PolicyARN": only}}}
    ann, bob = Person(gureum, policy(allow("iam:AttachUserPolicy", **condition))), Person(gureum)
    mine = ann.client("iam")
    mine.attach_user_policy(UserName=bob.name, PolicyArn=only)
    admin = "arn:aws:iam::aws:policy/AdministratorAccess"
    assert refused(mine.attach_user_policy, UserName=bob.name, PolicyArn=admin)[0] == "AccessDenied"
    bob.client("sqs").list_queues()
    assert refused(bob.client("sqs").create_queue, QueueName=unique("q"))[0] == "AccessDeniedException"


def test_tags_of_caller_request_and_resource_decide(gureum, iam):
    match = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    asked = {"StringEquals": {"aws:RequestTag/team": "${aws:PrincipalTag/team}"}}
    ann = Person(
        gureum,
        policy(
            allow("iam:GetUser", Condition=match), allow("iam:CreateUser", "iam:TagUser", Condition=asked)
        ),
        tags={"team": "blue"},
    )
    mine, blue = ann.client("iam"), unique("blue")
    mine.create_user(UserName=blue, Tags=[{"Key": "team", "Value": "blue"}])
    assert mine.get_user(UserName=blue)["User"]["UserName"] == blue
    assert refused(mine.create_user, UserName=unique("red"), Tags=[{"Key": "team", "Value": "red"}])[0] == (
        "AccessDenied"
    )
    assert refused(mine.create_user, UserName=unique("none"))[0] == "AccessDenied"
    iam.tag_user(UserName=blue, Tags=[{"Key": "team", "Value": "red"}])
    assert refused(mine.get_user, UserName=blue)[0] == "AccessDenied"
    iam.tag_user(UserName=ann.name, Tags=[{"Key": "team", "Value": "red"}])
    assert mine.get_user(UserName=blue)["User"]["UserName"] == blue


def test_a_variable_gives_everyone_a_place_of_their_own(gureum):
    own = f"arn:aws:iam::{ACCOUNT}:user/people/${{aws:username}}"
    document = policy(allow("iam:GetUser", "iam:CreateAccessKey", resource=own))
    ann, bob = Person(gureum, document, path="/people/"), Person(gureum, document, path="/people/")
    assert ann.client("iam").get_user()["User"]["Arn"] == ann.arn
    assert refused(ann.client("iam").get_user, UserName=bob.name)[1] == text(
        ann.arn, "iam:GetUser", bob.arn, no_policy("iam:GetUser")
    )
    ann.client("iam").create_access_key()


def test_a_policys_path_counts(gureum, iam):
    ann = Person(gureum, policy(allow("iam:GetUser", resource=f"arn:aws:iam::{ACCOUNT}:user/ops/*")))
    ops, dev = Person(gureum, path="/ops/"), Person(gureum, path="/dev/")
    assert ann.client("iam").get_user(UserName=ops.name)["User"]["Path"] == "/ops/"
    assert refused(ann.client("iam").get_user, UserName=dev.name)[0] == "AccessDenied"


def test_a_new_version_takes_effect_at_once(gureum, iam):
    arn = iam.create_policy(PolicyName=unique("p"), PolicyDocument=policy(allow("sqs:*")))["Policy"]["Arn"]
    ann = Person(gureum)
    iam.attach_user_policy(UserName=ann.name, PolicyArn=arn)
    ann.client("sqs").list_queues()
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("iam:*")), SetAsDefault=True)
    assert refused(ann.client("sqs").list_queues)[0] == "AccessDeniedException"
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    ann.client("sqs").list_queues()


@pytest.mark.parametrize("name", ["AdministratorAccess", "AmazonBedrockFullAccess", "ReadOnlyAccess"])
def test_awss_policies_are_evaluated(gureum, iam, name):
    ann = Person(gureum)
    iam.attach_user_policy(UserName=ann.name, PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    if name == "AmazonBedrockFullAccess":
        assert refused(ann.client("sqs").list_queues)[0] == "AccessDeniedException"
    else:
        ann.client("sqs").list_queues()
    if name == "AdministratorAccess":
        ann.client("iam").get_user()


def test_passing_a_role_needs_its_own_permission(gureum, iam):
    role, profile = unique("r"), unique("ip")
    arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust({"Service": "ec2.amazonaws.com"}))[
        "Role"
    ]["Arn"]
    iam.create_instance_profile(InstanceProfileName=profile)
    ann = Person(gureum, policy(allow("iam:AddRoleToInstanceProfile")))
    call = ann.client("iam").add_role_to_instance_profile
    assert refused(call, InstanceProfileName=profile, RoleName=role) == (
        "AccessDenied",
        text(ann.arn, "iam:PassRole", arn, no_policy("iam:PassRole")),
        403,
    )
    assert iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"] == []
    to_ec2 = {"Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}}
    iam.put_user_policy(
        UserName=ann.name,
        PolicyName="pass",
        PolicyDocument=policy(allow("iam:PassRole", resource=arn, **to_ec2)),
    )
    call(InstanceProfileName=profile, RoleName=role)
