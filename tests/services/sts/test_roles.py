"""AssumeRole: who may, with what, for how long, and what the session may then do."""

import time

import pytest

from tests.services.iam.people import (
    ACCOUNT,
    Person,
    allow,
    deny,
    keys_of,
    policy,
    refused,
    session,
    trust,
    unique,
)

HERE = {"AWS": ACCOUNT}
MAY_ASSUME = policy(allow("sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"))


@pytest.fixture
def iam(gureum):
    return gureum.client("iam")


class Made:
    """A role and what it may."""

    def __init__(self, iam, document, *documents, **more):
        self.iam, self.name = iam, unique("role")
        made = iam.create_role(RoleName=self.name, AssumeRolePolicyDocument=document, **more)["Role"]
        self.arn, self.id = made["Arn"], made["RoleId"]
        for at, text in enumerate(documents):
            iam.put_role_policy(RoleName=self.name, PolicyName=f"p{at}", PolicyDocument=text)


def assume(person, role, name="work", **more):
    client = person if hasattr(person, "assume_role") else person.client("sts")
    return client.assume_role(RoleArn=role.arn, RoleSessionName=name, **more)


def denied(who, role, action="sts:AssumeRole"):
    return f"User: {who} is not authorized to perform: {action} on resource: {role.arn}"


def test_a_session_is_the_role_and_no_more(gureum, iam):
    ann, role = (
        Person(gureum, MAY_ASSUME),
        Made(iam, trust(HERE), policy(allow("sqs:ListQueues")), Path="/svc/"),
    )
    answer = assume(ann, role)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.name}/work"
    assert answer["AssumedRoleUser"] == {"AssumedRoleId": f"{role.id}:work", "Arn": arn}
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    left = answer["Credentials"]["Expiration"].timestamp() - time.time()
    assert 3590 < left <= 3600
    client = session(gureum, answer)
    assert client("sts").get_caller_identity()["Arn"] == arn
    client("sqs").list_queues()
    code, message, status = refused(client("sqs").create_queue, QueueName="x1")
    assert (code, status) == ("AccessDeniedException", 403)
    assert message == (
        f"User: {arn} is not authorized to perform: sqs:CreateQueue on resource: "
        f"arn:aws:sqs:us-east-1:{ACCOUNT}:x1 because no identity-based policy allows the sqs:CreateQueue action"
    )


def test_both_sides_must_agree_unless_the_trust_policy_names_the_caller(gureum, iam):
    ann, bob = Person(gureum), Person(gureum, MAY_ASSUME)
    account, named = Made(iam, trust(HERE)), Made(iam, trust({"AWS": ann.arn}))
    assert refused(assume, person=ann, role=account)[1].startswith(denied(ann.arn, account))
    assert assume(bob, account)
    assert assume(ann, named)
    assert refused(assume, person=bob, role=named)[1].startswith(denied(bob.arn, named))


def test_root_may_not_assume_roles(gureum, iam):
    role = Made(iam, trust(HERE))
    assert refused(assume, person=gureum.client("sts"), role=role) == (
        "AccessDenied",
        "Roles may not be assumed by root accounts.",
        403,
    )


def test_a_role_that_is_not_there_is_denied_not_missing(gureum):
    ann = Person(gureum, MAY_ASSUME)
    arn = f"arn:aws:iam::{ACCOUNT}:role/{unique('none')}"
    code, message, status = refused(ann.client("sts").assume_role, RoleArn=arn, RoleSessionName="ab")
    assert (code, status) == ("AccessDenied", 403)
    assert message == f"User: {ann.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"


def test_a_wrong_path_is_another_role(gureum, iam):
    ann, role = Person(gureum, MAY_ASSUME), Made(iam, trust(HERE), Path="/svc/")
    arn = f"arn:aws:iam::{ACCOUNT}:role/{role.name}"
    assert refused(ann.client("sts").assume_role, RoleArn=arn, RoleSessionName="ab")[0] == "AccessDenied"
    assert refused(ann.client("sts").assume_role, RoleArn="x" * 30, RoleSessionName="ab") == (
        "ValidationError",
        f"{'x' * 30} is invalid",
        400,
    )


def test_the_external_id_must_be_right(gureum, iam):
    ann = Person(gureum, MAY_ASSUME)
    role = Made(iam, trust(HERE, Condition={"StringEquals": {"sts:ExternalId": "s3cret"}}))
    assert refused(assume, person=ann, role=role)[0] == "AccessDenied"
    assert refused(assume, person=ann, role=role, ExternalId="other")[0] == "AccessDenied"
    assert assume(ann, role, ExternalId="s3cret")


def test_the_session_name_can_be_demanded(gureum, iam):
    role = Made(iam, trust(HERE, Condition={"StringEquals": {"sts:RoleSessionName": "${aws:username}"}}))
    ann = Person(gureum, MAY_ASSUME)
    assert refused(assume, person=ann, role=role)[0] == "AccessDenied"
    assert assume(ann, role, name=ann.name)


def test_a_session_policy_narrows_and_never_widens(gureum, iam):
    ann, role = Person(gureum, MAY_ASSUME), Made(iam, trust(HERE), policy(allow("sqs:*")))
    only = policy(allow("sqs:ListQueues", "iam:ListUsers"))
    answer = assume(ann, role, Policy=only)
    assert 0 < answer["PackedPolicySize"] <= 100
    client = session(gureum, answer)
    client("sqs").list_queues()
    assert refused(client("sqs").create_queue, QueueName="x2")[1].endswith(
        "because no session policy allows the sqs:CreateQueue action"
    )
    assert refused(client("iam").list_users)[1].endswith(
        "because no identity-based policy allows the iam:ListUsers action"
    )
    managed = assume(ann, role, PolicyArns=[{"arn": "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"}])
    client = session(gureum, managed)
    client("sqs").list_queues()
    assert refused(client("sqs").create_queue, QueueName="x2")[0] == "AccessDeniedException"
    assert refused(assume, person=ann, role=role, Policy="{")[:2] == (
        "MalformedPolicyDocument",
        "Syntax errors in policy.",
    )


def test_how_long_a_session_may_last(gureum, iam):
    ann = Person(gureum, MAY_ASSUME)
    role = Made(iam, trust(HERE), policy(allow("sts:AssumeRole")), MaxSessionDuration=7200)
    left = assume(ann, role, DurationSeconds=7200)["Credentials"]["Expiration"].timestamp() - time.time()
    assert 7100 < left <= 7200
    assert refused(assume, person=ann, role=role, DurationSeconds=7201) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        400,
    )
    chained = session(gureum, assume(ann, role))("sts")
    assert refused(assume, person=chained, role=role, DurationSeconds=3601) == (
        "ValidationError",
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        400,
    )
    assert assume(chained, role, DurationSeconds=3600)


def test_session_tags_are_principal_tags_and_pass_on_where_told(gureum, iam):
    both = ["sts:AssumeRole", "sts:TagSession"]
    tagged = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}}
    role = Made(iam, trust(HERE, action=both), policy(allow("sqs:ListQueues", **tagged), allow("sts:*")))
    closed = Made(iam, trust(HERE), policy(allow("sts:*")))
    ann = Person(gureum, MAY_ASSUME)
    blue = [{"Key": "team", "Value": "blue"}]
    assert refused(assume, person=ann, role=closed, Tags=blue)[1].startswith(
        denied(ann.arn, closed, "sts:TagSession")
    )
    assert refused(session(gureum, assume(ann, role))("sqs").list_queues)[0] == "AccessDeniedException"
    session(gureum, assume(ann, role, Tags=blue))("sqs").list_queues()
    first = session(gureum, assume(ann, role, Tags=blue, TransitiveTagKeys=["team"]))("sts")
    session(gureum, assume(first, role))("sqs").list_queues()
    plain = session(gureum, assume(ann, role, Tags=blue))("sts")
    assert refused(session(gureum, assume(plain, role))("sqs").list_queues)[0] == "AccessDeniedException"
    assert refused(assume, person=first, role=role, Tags=[{"Key": "Team", "Value": "red"}]) == (
        "InvalidParameterValue",
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from "
        "the calling session.",
        400,
    )
    assert refused(assume, person=ann, role=role, TransitiveTagKeys=["team"])[0] == "InvalidParameterValue"


def test_too_much_does_not_fit_into_a_token(gureum, iam):
    import random

    both = ["sts:AssumeRole", "sts:TagSession"]
    ann, role = Person(gureum, MAY_ASSUME), Made(iam, trust(HERE, action=both))
    letters = "abcdefghijklmnopqrstuvwxyz0123456789"
    tags = [{"Key": f"k{at}", "Value": "".join(random.choices(letters, k=256))} for at in range(50)]
    code, message, status = refused(assume, person=ann, role=role, Tags=tags)
    assert (code, status) == ("PackedPolicyTooLarge", 400)
    assert message.startswith("Packed policy consumes ")


def test_a_source_identity_stays(gureum, iam):
    both = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    demands = {"Condition": {"StringLike": {"aws:SourceIdentity": "*"}}}
    role = Made(iam, trust(HERE, action=both), policy(allow("sqs:ListQueues", **demands), allow("sts:*")))
    ann = Person(gureum, MAY_ASSUME)
    assert refused(session(gureum, assume(ann, role))("sqs").list_queues)[0] == "AccessDeniedException"
    answer = assume(ann, role, SourceIdentity="ann@work")
    assert answer["SourceIdentity"] == "ann@work"
    client = session(gureum, answer)
    client("sqs").list_queues()
    again = assume(client("sts"), role)
    assert again["SourceIdentity"] == "ann@work"
    assert refused(assume, person=client("sts"), role=role, SourceIdentity="bob@work")[0] == "AccessDenied"


def test_another_accounts_role_needs_both_accounts(gureum_cloud):
    cloud = gureum_cloud()
    iam = cloud.client("iam")
    role = Made(iam, trust({"AWS": "111122223333"}), policy(allow("sqs:ListQueues")))
    ann = Person(cloud, MAY_ASSUME)
    assert refused(assume, person=ann, role=role)[1].startswith(denied(ann.arn, role))
    # Nobody has a key of the other account: its root cannot be asked, so nobody else gets in.
    assert refused(assume, person=cloud.client("sts"), role=role)[0] == "AccessDenied"


def test_a_deny_in_the_role_reaches_its_sessions_at_once(gureum, iam):
    ann, role = Person(gureum, MAY_ASSUME), Made(iam, trust(HERE), policy(allow("sqs:*")))
    client = session(gureum, assume(ann, role))
    client("sqs").list_queues()
    iam.put_role_policy(RoleName=role.name, PolicyName="no", PolicyDocument=policy(deny("sqs:*")))
    assert refused(client("sqs").list_queues)[1].endswith("with an explicit deny in an identity-based policy")


def test_a_deleted_role_made_again_is_another(gureum, iam):
    ann, role = Person(gureum, MAY_ASSUME), Made(iam, trust(HERE), policy(allow("sqs:*")))
    client = session(gureum, assume(ann, role))
    client("sqs").list_queues()
    iam.delete_role_policy(RoleName=role.name, PolicyName="p0")
    iam.delete_role(RoleName=role.name)
    iam.create_role(RoleName=role.name, AssumeRolePolicyDocument=trust(HERE))
    iam.put_role_policy(RoleName=role.name, PolicyName="p0", PolicyDocument=policy(allow("sqs:*")))
    assert refused(client("sqs").list_queues)[0] == "AccessDeniedException"


def test_tokens_cannot_be_altered_swapped_or_left_out(gureum, iam):
    ann, role = Person(gureum, MAY_ASSUME), Made(iam, trust(HERE), policy(allow("sqs:*")))
    one, two = keys_of(assume(ann, role)), keys_of(assume(ann, role, name="other"))
    token = one["aws_session_token"]
    bent = token[:100] + ("A" if token[100] != "A" else "B") + token[101:]
    for keys in (
        {**one, "aws_session_token": two["aws_session_token"]},
        {**one, "aws_session_token": bent},
        {**one, "aws_session_token": "nonsense"},
        {k: v for k, v in one.items() if k != "aws_session_token"},
    ):
        code, _, status = refused(gureum.client("sts", **keys).get_caller_identity)
        assert (code, status) == ("InvalidClientTokenId", 403)
    wrong = {**one, "aws_secret_access_key": two["aws_secret_access_key"]}
    assert refused(gureum.client("sts", **wrong).get_caller_identity)[0] == "SignatureDoesNotMatch"


def test_a_session_outlives_a_restart(gureum_cloud):
    cloud = gureum_cloud()
    iam = cloud.client("iam")
    ann, role = Person(cloud, MAY_ASSUME), Made(iam, trust(HERE), policy(allow("sqs:*")))
    answer = assume(ann, role)
    cloud.kill()
    cloud.restart()
    session(cloud, answer)("sqs").list_queues()
    assert iam.get_role(RoleName=role.name)["Role"]["RoleId"] == role.id
    assert refused(session(cloud, answer)("iam").list_users)[0] == "AccessDenied"


def test_a_session_that_is_over_is_over(gureum, iam):
    # Nobody waits a quarter of an hour for a test: the token is sealed with the cloud's own key, ended a second ago.
    from gureum import running
    from gureum.kernel.principal import Principal, assumed_role_arn
    from gureum.kernel.seal import Seal
    from gureum.services.iam import sessions

    role, seal = Made(iam, trust(HERE), policy(allow("sqs:*"))), Seal.load(gureum.data / running.ROOT_KEY)

    def client(ends):
        arn = assumed_role_arn(ACCOUNT, role.name, "work")
        who = Principal(
            kind="role",
            account=ACCOUNT,
            arn=arn,
            user_id=f"{role.id}:work",
            name=role.name,
            role_arn=role.arn,
            issued=time.time() - 900,
            expires=time.time() + ends,
        )
        made = sessions.issue(seal, who)
        keys = (made.access_key, made.secret, made.token)
        names = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        return lambda service: gureum.client(service, **dict(zip(names, keys, strict=True)))

    client(60)("sqs").list_queues()
    assert refused(client(-1)("sts").get_caller_identity) == (
        "ExpiredToken",
        "The security token included in the request is expired",
        403,
    )
    assert refused(client(-1)("sqs").list_queues)[0] == "ExpiredTokenException"
    assert refused(client(-1)("s3").list_buckets)[::2] == ("ExpiredToken", 400)


def test_older_sessions_can_be_shut_out(gureum, iam):
    ann, role = Person(gureum, MAY_ASSUME), Made(iam, trust(HERE), policy(allow("sqs:*")))
    old = session(gureum, assume(ann, role))
    old("sqs").list_queues()
    time.sleep(1.1)
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    older = {"Condition": {"DateLessThan": {"aws:TokenIssueTime": moment}}}
    iam.put_role_policy(RoleName=role.name, PolicyName="revoke", PolicyDocument=policy(deny("*", **older)))
    assert refused(old("sqs").list_queues)[1].endswith("with an explicit deny in an identity-based policy")
    session(gureum, assume(ann, role))("sqs").list_queues()


def test_a_namesake_is_not_trusted(gureum, iam):
    ann = Person(gureum)
    role = Made(iam, trust({"AWS": ann.arn}))
    assert assume(ann, role)
    iam.delete_access_key(UserName=ann.name, AccessKeyId=ann.keys["aws_access_key_id"])
    iam.delete_user(UserName=ann.name)
    shown = iam.get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"]
    assert shown["Statement"][0]["Principal"] == {"AWS": ann.id}
    iam.create_user(UserName=ann.name)
    iam.put_user_policy(UserName=ann.name, PolicyName="p", PolicyDocument=MAY_ASSUME)
    again = gureum.client("sts", **keys_of(iam.create_access_key(UserName=ann.name)))
    assert refused(assume, person=again, role=role)[1].endswith(
        "because no role trust policy allows the sts:AssumeRole action"
    )
