"""What service and resource control policies do at the front door."""

import json
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.services.organizations.conftest import EVERYTHING, Tree, refused

NO_QUEUES = [{"Effect": "Deny", "Action": "sqs:CreateQueue", "Resource": "*"}]


def denial(account, queue, how):
    return (
        "AccessDeniedException",
        f"User: arn:aws:iam::{account}:root is not authorized to perform: sqs:CreateQueue on resource: "
        f"arn:aws:sqs:us-east-1:{account}:{queue} {how}",
        403,
    )


BY_DENY = "with an explicit deny in a service control policy"
BY_SILENCE = "because no service control policy allows the sqs:CreateQueue action"


def allowed(client, name):
    client.create_queue(QueueName=name)
    return True


def test_an_scp_denies_a_members_root_until_it_is_detached(tree):
    account = tree.account()
    tree.enable()
    sqs = tree.root("sqs", account)
    assert allowed(sqs, "before")
    policy = tree.policy("no-queues", NO_QUEUES, target=tree.root_id)
    assert refused(sqs.create_queue, QueueName="during") == denial(account, "during", BY_DENY)
    tree.client.detach_policy(PolicyId=policy, TargetId=tree.root_id)
    assert allowed(sqs, "during")


def test_the_management_account_is_limited_by_none(tree):
    tree.enable()
    tree.policy("no-queues", NO_QUEUES, target=tree.root_id)
    tree.client.attach_policy(PolicyId=tree.policy("nor-here", NO_QUEUES), TargetId=tree.management)
    assert allowed(tree.root("sqs", tree.management), "mine")


def test_every_level_must_allow(tree):
    account, unit = tree.account(), tree.unit("workloads")
    tree.enable()
    tree.client.move_account(AccountId=account, SourceParentId=tree.root_id, DestinationParentId=unit)
    only_s3 = tree.policy("only-s3", [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}], target=unit)
    sqs = tree.root("sqs", account)
    assert allowed(sqs, "full-access-is-still-there")
    tree.client.detach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)
    assert refused(sqs.create_queue, QueueName="shut") == denial(account, "shut", BY_SILENCE)
    tree.client.attach_policy(PolicyId="p-FullAWSAccess", TargetId=unit)
    tree.client.detach_policy(PolicyId=only_s3, TargetId=unit)
    assert allowed(sqs, "shut")


def test_a_move_takes_effect_at_once(tree):
    account, strict, free = tree.account(), tree.unit("strict"), tree.unit("free")
    tree.enable()
    tree.policy("no-queues", NO_QUEUES, target=strict)
    sqs = tree.root("sqs", account)
    assert allowed(sqs, "at-the-root")
    tree.client.move_account(AccountId=account, SourceParentId=tree.root_id, DestinationParentId=strict)
    assert refused(sqs.create_queue, QueueName="q") == denial(account, "q", BY_DENY)
    tree.client.move_account(AccountId=account, SourceParentId=strict, DestinationParentId=free)
    assert allowed(sqs, "q")


def test_an_updated_policy_takes_effect_at_once(tree):
    account = tree.account()
    tree.enable()
    policy = tree.policy("changing", [EVERYTHING], target=account)
    sqs = tree.root("sqs", account)
    assert allowed(sqs, "first")
    content = json.dumps({"Version": "2012-10-17", "Statement": NO_QUEUES})
    tree.client.update_policy(PolicyId=policy, Content=content)
    assert refused(sqs.create_queue, QueueName="second") == denial(account, "second", BY_DENY)


def test_disabling_the_type_lifts_all_its_policies(tree):
    account = tree.account()
    tree.enable()
    tree.policy("no-queues", NO_QUEUES, target=account)
    sqs = tree.root("sqs", account)
    assert refused(sqs.create_queue, QueueName="q") == denial(account, "q", BY_DENY)
    tree.client.disable_policy_type(RootId=tree.root_id, PolicyType="SERVICE_CONTROL_POLICY")
    assert allowed(sqs, "q")
    tree.enable()
    assert allowed(sqs, "q2")
    attached = tree.client.list_policies_for_target(TargetId=account, Filter="SERVICE_CONTROL_POLICY")[
        "Policies"
    ]
    assert [one["Id"] for one in attached] == ["p-FullAWSAccess"]


def test_conditions_of_an_scp_are_read(tree):
    account = tree.account()
    tree.enable()
    tree.policy(
        "only-virginia",
        [
            {
                "Effect": "Deny",
                "Action": "sqs:*",
                "Resource": "*",
                "Condition": {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}},
            }
        ],
        target=account,
    )
    assert allowed(tree.root("sqs", account), "here")
    elsewhere = tree.root("sqs", account, region_name="eu-west-1")
    assert BY_DENY in refused(elsewhere.create_queue, QueueName="there")[1]


def test_an_rcp_keeps_strangers_from_a_members_resource(tree):
    account, stranger = tree.account(), "199999999999"
    url = tree.root("sqs", account).create_queue(QueueName="shared")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{account}:shared"
    opened = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": stranger}, "Action": "sqs:SendMessage", "Resource": arn}
        ],
    }
    tree.root("sqs", account).set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(opened)})
    outside = tree.root("sqs", stranger)
    assert outside.send_message(QueueUrl=url, MessageBody="hello")["MessageId"]
    tree.enable("RESOURCE_CONTROL_POLICY")
    assert outside.send_message(QueueUrl=url, MessageBody="still")["MessageId"]
    perimeter = [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sqs:*",
            "Resource": "*",
            "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": tree.organization["Id"]}},
        }
    ]
    policy = tree.policy("perimeter", perimeter, "RESOURCE_CONTROL_POLICY", target=tree.root_id)
    assert refused(outside.send_message, QueueUrl=url, MessageBody="no") == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{stranger}:root is not authorized to perform: sqs:SendMessage on resource: {arn} "
        "with an explicit deny in a resource control policy",
        403,
    )
    assert tree.root("sqs", account).send_message(QueueUrl=url, MessageBody="ours")["MessageId"]
    tree.client.detach_policy(PolicyId=policy, TargetId=tree.root_id)
    assert outside.send_message(QueueUrl=url, MessageBody="again")["MessageId"]


def test_a_closed_account_is_shut(tree):
    account = tree.account()
    sqs = tree.root("sqs", account)
    assert allowed(sqs, "open")
    tree.client.close_account(AccountId=account)
    assert tree.client.describe_account(AccountId=account)["Account"]["Status"] == "SUSPENDED"
    assert refused(sqs.create_queue, QueueName="closed") == denial(
        account, "closed", BY_SILENCE.replace("service control", "resource control")
    )
    assert refused(tree.client.close_account, AccountId=account)[0] == "AccountAlreadyClosedException"


def test_a_user_of_a_member_is_limited_too(gureum):
    """In a cloud that checks signatures: the management account's user goes in by the access role."""
    iam, organizations = gureum.client("iam"), gureum.client("organizations")
    organizations.create_organization()
    root = organizations.list_roots()["Roots"][0]["Id"]
    try:
        _limit_a_user(gureum, iam, organizations, root)
    finally:
        for account in organizations.list_accounts()["Accounts"]:
            if account["Id"] != "000000000000":
                organizations.remove_account_from_organization(AccountId=account["Id"])
        organizations.delete_organization()


def _limit_a_user(gureum, iam, organizations, root):
    tree = Tree.__new__(Tree)
    tree.client, tree.management, tree.root_id = organizations, "000000000000", root
    account = tree.account("guarded")
    iam.create_user(UserName="administrator")
    may = {"Version": "2012-10-17", "Statement": [EVERYTHING]}
    iam.put_user_policy(UserName="administrator", PolicyName="all", PolicyDocument=json.dumps(may))
    key = iam.create_access_key(UserName="administrator")["AccessKey"]
    sts = gureum.client(
        "sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    arn = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    session = sts.assume_role(RoleArn=arn, RoleSessionName="in")["Credentials"]
    sqs = gureum.client(
        "sqs",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    assert allowed(sqs, "before")
    tree.enable()
    tree.policy("no-queues", NO_QUEUES, target=account)
    try:
        sqs.create_queue(QueueName="after")
    except ClientError as error:
        told = error.response["Error"]
        assert told["Code"] == "AccessDeniedException"
        assert told["Message"] == (
            f"User: arn:aws:sts::{account}:assumed-role/OrganizationAccountAccessRole/in is not authorized to "
            f"perform: sqs:CreateQueue on resource: arn:aws:sqs:us-east-1:{account}:after {BY_DENY}"
        )
    else:
        raise AssertionError("the SCP did not hold")


STEPS = st.lists(
    st.tuples(st.sampled_from(["move", "attach", "detach"]), st.integers(0, 3), st.integers(0, 1)),
    min_size=5,
    max_size=12,
)


@settings(max_examples=6, deadline=None)
@given(STEPS)
def test_the_door_agrees_with_a_plain_reading_of_the_tree(open_cloud, steps):
    """Random moves and attachments: denied if and only if a Deny hangs on the account or above it."""
    tree = Tree(open_cloud)
    account, upper = tree.account(), tree.unit("upper")
    lower = tree.unit("lower", upper)
    tree.enable()
    above = {tree.root_id: [tree.root_id], upper: [tree.root_id, upper], lower: [tree.root_id, upper, lower]}
    targets, parents = [tree.root_id, upper, lower, account], list(above)
    policies = [tree.policy(f"deny{number}", NO_QUEUES) for number in range(2)]
    sqs, parent, attached = tree.root("sqs", account), tree.root_id, set()
    for number, (step, where, which) in enumerate(steps):
        pair = (targets[where], policies[which])
        if step == "move" and where < 3 and parents[where] != parent:
            tree.client.move_account(
                AccountId=account, SourceParentId=parent, DestinationParentId=parents[where]
            )
            parent = parents[where]
        elif step == "attach" and pair not in attached:
            tree.client.attach_policy(TargetId=pair[0], PolicyId=pair[1])
            attached.add(pair)
        elif step == "detach" and pair in attached:
            tree.client.detach_policy(TargetId=pair[0], PolicyId=pair[1])
            attached.discard(pair)
        expected = any(target in [*above[parent], account] for target, _ in attached)
        try:
            sqs.create_queue(QueueName=f"q{number}")
        except ClientError as error:
            assert expected and error.response["Error"]["Message"].endswith(BY_DENY)
        else:
            assert not expected


def test_two_detachments_at_once_leave_one_policy(tree):
    tree.enable()
    unit = tree.unit("contended")
    other = tree.policy("other", [EVERYTHING], target=unit)
    for _ in range(5):
        with ThreadPoolExecutor(2) as pool:
            tried = list(pool.map(lambda policy: _detached(tree, policy, unit), ["p-FullAWSAccess", other]))
        assert sorted(tried) == [False, True]
        left = tree.client.list_policies_for_target(TargetId=unit, Filter="SERVICE_CONTROL_POLICY")[
            "Policies"
        ]
        assert len(left) == 1
        gone = other if left[0]["AwsManaged"] else "p-FullAWSAccess"
        tree.client.attach_policy(PolicyId=gone, TargetId=unit)


def _detached(tree, policy, unit):
    try:
        tree.client.detach_policy(PolicyId=policy, TargetId=unit)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ConstraintViolationException"
        return False
    return True


def test_a_perimeter_knows_the_resources_organization(tree):
    account, stranger = tree.account(), "198888888888"
    ours = tree.root("sqs", account).create_queue(QueueName="inside")["QueueUrl"]
    theirs = tree.root("sqs", stranger).create_queue(QueueName=f"outside-{account}")["QueueUrl"]
    anyone = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}],
    }
    tree.root("sqs", stranger).set_queue_attributes(
        QueueUrl=theirs, Attributes={"Policy": json.dumps(anyone)}
    )
    tree.enable()
    sqs = tree.root("sqs", account)
    assert sqs.send_message(QueueUrl=theirs, MessageBody="out")["MessageId"]
    perimeter = [
        {
            "Effect": "Deny",
            "Action": "sqs:*",
            "Resource": "*",
            "Condition": {"StringNotEquals": {"aws:ResourceOrgID": "${aws:PrincipalOrgID}"}},
        }
    ]
    tree.policy("perimeter", perimeter, target=tree.root_id)
    assert refused(sqs.send_message, QueueUrl=theirs, MessageBody="out")[1].endswith(BY_DENY)
    assert sqs.send_message(QueueUrl=ours, MessageBody="in")["MessageId"]
