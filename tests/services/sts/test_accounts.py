"""Other accounts: roles across them, and their roots."""

import pytest

from tests.services.iam.people import ACCOUNT, Person, allow, policy, refused, session, trust, unique

OTHER = "111122223333"


@pytest.fixture(scope="module")
def cloud():
    # With signatures unchecked an account's number is a key of its root; decisions are made all the same.
    from gureum.testing import cloud as private

    with private(auth="open") as started:
        yield started


@pytest.fixture
def there(cloud):
    """The other account's IAM, as its root."""
    return cloud.client("iam", aws_access_key_id=OTHER, aws_secret_access_key="x")


def role_in(iam, document, *actions):
    name = unique("r")
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy(allow(*actions)))
    return name, arn


def test_a_role_of_another_account_is_assumed_when_both_agree(cloud, there):
    name, arn = role_in(there, trust({"AWS": ACCOUNT}), "sqs:*")
    assert arn == f"arn:aws:iam::{OTHER}:role/{name}"
    may, may_not = Person(cloud, policy(allow("sts:AssumeRole", resource=arn))), Person(cloud)
    answer = may.client("sts").assume_role(RoleArn=arn, RoleSessionName="visit")
    client = session(cloud, answer)
    who = client("sts").get_caller_identity()
    assert (who["Account"], who["Arn"]) == (OTHER, f"arn:aws:sts::{OTHER}:assumed-role/{name}/visit")
    url = client("sqs").create_queue(QueueName=unique("q"))["QueueUrl"]
    assert f"/{OTHER}/" in url
    assert refused(may_not.client("sts").assume_role, RoleArn=arn, RoleSessionName="visit")[1] == (
        f"User: {may_not.arn} is not authorized to perform: sts:AssumeRole on resource: {arn} "
        "because no identity-based policy allows the sts:AssumeRole action"
    )


def test_naming_a_user_of_another_account_is_not_enough(cloud, there):
    ann = Person(cloud)
    _, arn = role_in(there, trust({"AWS": ann.arn}), "sqs:*")
    call = ann.client("sts").assume_role
    assert refused(call, RoleArn=arn, RoleSessionName="visit")[0] == "AccessDenied"
    cloud.client("iam").put_user_policy(
        UserName=ann.name, PolicyName="p", PolicyDocument=policy(allow("sts:AssumeRole"))
    )
    assert call(RoleArn=arn, RoleSessionName="visit")["Credentials"]
    bob = Person(cloud, policy(allow("sts:AssumeRole")))
    assert refused(bob.client("sts").assume_role, RoleArn=arn, RoleSessionName="visit")[1].endswith(
        "because no role trust policy allows the sts:AssumeRole action"
    )


def test_the_root_of_another_account_has_no_power_here(cloud):
    url = cloud.client("sqs").create_queue(QueueName=unique("q"))["QueueUrl"]
    foreign = cloud.client("sqs", aws_access_key_id=OTHER, aws_secret_access_key="x")
    code, message, status = refused(foreign.get_queue_attributes, QueueUrl=url, AttributeNames=["All"])
    assert (code, status) == ("AccessDeniedException", 403)
    assert message.startswith(
        f"User: arn:aws:iam::{OTHER}:root is not authorized to perform: sqs:GetQueueAttributes"
    )
    assert message.endswith("because no resource-based policy allows the sqs:GetQueueAttributes action")


def test_accounts_have_names_of_their_own(cloud, there):
    here, name = cloud.client("iam"), unique("same")
    one = here.create_user(UserName=name)["User"]
    assert refused(there.get_user, UserName=name)[0] == "NoSuchEntity"
    two = there.create_user(UserName=name)["User"]
    assert one["UserId"] != two["UserId"] and two["Arn"] == f"arn:aws:iam::{OTHER}:user/{name}"
    alias = unique("alias")
    here.create_account_alias(AccountAlias=alias)
    assert refused(there.create_account_alias, AccountAlias=alias) == (
        "EntityAlreadyExists",
        f"The account alias {alias} already exists.",
        409,
    )
    assert here.list_account_aliases()["AccountAliases"] == [alias]
    here.delete_account_alias(AccountAlias=alias)
    there.create_account_alias(AccountAlias=alias)
    there.delete_account_alias(AccountAlias=alias)


def test_an_external_condition_keeps_the_confused_deputy_out(cloud, there):
    _, arn = role_in(
        there, trust({"AWS": ACCOUNT}, Condition={"StringEquals": {"sts:ExternalId": "id-7"}}), "sqs:*"
    )
    ann = Person(cloud, policy(allow("sts:AssumeRole")))
    call = ann.client("sts").assume_role
    assert refused(call, RoleArn=arn, RoleSessionName="ab", ExternalId="id-8")[0] == "AccessDenied"
    assert call(RoleArn=arn, RoleSessionName="ab", ExternalId="id-7")["Credentials"]
