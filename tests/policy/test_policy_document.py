"""Parsing: what each kind of policy may hold, and IAM's words for what it may not."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gureum.policy import Malformed, Policy, parse

SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
CONTROL = "The provided policy document does not meet the requirements of the specified policy type."


def document(*statements, version="2012-10-17", **more):
    return json.dumps({"Version": version, **more, "Statement": list(statements)})


def statement(**changes):
    found = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*", **changes}
    return {name: value for name, value in found.items() if value is not ...}


def refusal(text, kind="identity"):
    with pytest.raises(Malformed) as caught:
        parse(text, kind)
    return caught.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", SYNTAX),
        ("[]", SYNTAX),
        ("{}", SYNTAX),
        ("[" * 100_000, SYNTAX),
        (document(), SYNTAX),
        (document("x"), SYNTAX),
        (document(statement(), Extra=1), SYNTAX),
        (document(statement(), version="2012-10-18"), SYNTAX),
        (document(statement(Effect="Maybe")), SYNTAX),
        (document(statement(Effect=...)), SYNTAX),
        (document(statement(Effect="allow")), LEGACY),
        (document(statement(Sid=1)), SYNTAX),
        (document(statement(Conditions={})), SYNTAX),
        (document(statement(NotAction="s3:*")), SYNTAX),
        (document(statement(NotResource="*")), SYNTAX),
        (document(statement(Action=1)), SYNTAX),
        (document(statement(Action=[["s3:*"]])), SYNTAX),
        (document(statement(Condition=[])), SYNTAX),
        (document(statement(Condition={"StringIs": {"k": "v"}})), SYNTAX),
        (document(statement(Condition={"DateLessThan": {"k": "soon"}})), LEGACY),
        ('{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}', SYNTAX),
        (document(statement()).replace('"Effect"', '"Effect":"Deny","Effect"'), SYNTAX),
        (document(statement(Condition={"NumericEquals": {"k": float("nan")}})), SYNTAX),
        (
            document(statement(), version="2008-10-17"),
            "Policy document must be version 2012-10-17 or greater.",
        ),
        (json.dumps({"Statement": statement()}), "Policy document must be version 2012-10-17 or greater."),
        (document(statement(Action=...)), "Policy statement must contain actions."),
        (document(statement(Action=[])), "Policy statement must contain actions."),
        (document(statement(Resource=...)), "Policy statement must contain resources."),
        (document(statement(Resource=[])), "Policy statement must contain resources."),
        (document(statement(Principal="*")), "Policy document should not specify a principal."),
        (document(statement(NotPrincipal="*")), "Policy document should not specify a principal."),
        (
            document(statement(Sid="a"), statement(Sid="a")),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        (
            document(statement(Sid="a b")),
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
            "expression [0-9A-Za-z]*",
        ),
        (
            document(statement(Action="GetObject")),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (document(statement(Action="s3:a:b")), "Actions/Condition can contain only one colon."),
        (document(statement(Action="s3_x:Get")), "Vendor s3_x is not valid"),
        (document(statement(Resource="bucket")), 'Resource bucket must be in ARN format or "*".'),
        (
            document(statement(Resource="arn:error:s3:::b")),
            'Partition "error" is not valid for resource "arn:error:s3:::b".',
        ),
        (
            document(statement(Resource="invalid:resource")),
            'Partition "resource" is not valid for resource "arn:resource:*:*:*:*".',
        ),
        (
            document(statement(Resource="arn:aws:*:::b")),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            document(statement(Resource="arn:aws")),
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            document(statement(Resource="arn:aws:iam:eu-west-1:111122223333:user/x")),
            "IAM resource arn:aws:iam:eu-west-1:111122223333:user/x cannot contain region information.",
        ),
        (
            document(statement(Resource="arn:aws:s3:eu-west-1::b")),
            "Resource arn:aws:s3:eu-west-1::b can not contain region information.",
        ),
        (document(statement(Resource="arn:aws:iam::${aws:PrincipalAccount}:role/x")), LEGACY),
        (document(statement(Resource="arn:aws:s3::b")), LEGACY),
    ],
)
def test_what_an_identity_policy_may_not_be(text, message):
    assert refusal(text) == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Resource": "*"}, "Has prohibited field Resource"),
        ({"NotResource": "*"}, "Has prohibited field NotResource"),
        ({"Principal": ...}, "Missing required field Principal"),
        ({"Action": ...}, "Missing required field Action"),
        ({"Action": "s3:GetObject"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        ({"Action": "*"}, "AssumeRole policy may only specify STS AssumeRole actions."),
        (
            {"Principal": {}},
            "Invalid principal in policy: com.amazon.balsa.error.InvalidPolicyException: "
            "The passed in policy has a statement with no principals!",
        ),
        (
            {"Principal": {"AWS": "arn:aws:iam::111122223333:user/*"}},
            'Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"',
        ),
        ({"Principal": {"Service": "*"}}, 'Invalid principal in policy: "SERVICE":"*"'),
    ],
)
def test_what_a_trust_policy_may_not_be(changes, message):
    trusting = {"Resource": ..., "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}, **changes}
    assert refusal(document(statement(**trusting)), "trust") == message


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("scp", {"Principal": "*"}),
        ("scp", {"Effect": "Perhaps"}),
        ("rcp", {}),
        ("rcp", {"Principal": {"AWS": "111122223333"}, "Effect": "Deny"}),
        ("rcp", {"Principal": "*", "Effect": "Allow"}),
        ("rcp", {"Principal": "*", "Effect": "Deny", "Action": "*"}),
        ("rcp", {"Principal": "*", "Effect": "Deny", "Action": ..., "NotAction": "s3:*"}),
    ],
)
def test_control_policies_are_refused_in_the_words_of_organizations(kind, changes):
    assert refusal(document(statement(**changes)), kind) == CONTROL


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("identity", document(statement(Action="*", Resource="*"))),
        ("identity", json.dumps({"Version": "2012-10-17", "Statement": statement(Condition={})})),
        ("identity", document(statement(Resource=["arn:aws:sqs:*:*:${aws:username}-*", "arn:aws-cn:s3:::b"]))),
        ("identity", document(statement(Resource="arn:aws:s3:eu-west-1:111122223333:accesspoint/a"))),
        ("boundary", document(statement(Action=..., NotAction=["iam:*", "sts:*"]))),
        ("resource", document(statement(Principal={"AWS": ["111122223333"]}, Sid="with space"), Id="x", version="2008-10-17")),
        ("resource", document(statement(Principal="*", Resource=...))),
        ("resource", document(statement(Principal={"CanonicalUser": "79a59df900b949e55d96a1e698fbaced"}))),
        ("trust", document(statement(Resource=..., Action=["sts:AssumeRole", "sts:TagSession"], Principal={"Service": ["ec2.amazonaws.com"]}))),
        ("trust", document(statement(Resource=..., Action="sts:AssumeRoleWithWebIdentity", Principal={"Federated": "accounts.google.com"}), version="2008-10-17")),
        ("endpoint", document(statement(Action="*", Resource="*", Principal="*"), version="2008-10-17")),
        ("scp", document(statement(Sid="p-Full access", Action="*", Resource="*"))),
        ("rcp", document(statement(Action="*", Resource="*", Principal="*"))),
        ("rcp", document(statement(Effect="Deny", Action=["s3:*"], Principal="*", Condition={"Bool": {"aws:SecureTransport": False}}))),
    ],
)  # fmt: skip
def test_what_the_kinds_may_be(kind, text):
    assert isinstance(parse(text, kind), Policy)


def test_the_simulator_takes_arns_that_iam_would_not_store():
    text = document(statement(Resource="arn:aws:iam::${aws:PrincipalAccount}:role/x"))
    assert parse(text, "identity", arn_grammar=False).keys == {"aws:principalaccount"}


def test_a_policy_names_the_keys_it_reads_and_each_plan_its_own():
    text = document(
        statement(Sid="One", Resource="arn:aws:s3:::b/${aws:userName}/*"),
        statement(
            Sid="Two", Action="sqs:*", Condition={"StringLike": {"AWS:SourceArn": "${aws:PrincipalTag/Team}"}}
        ),
    )
    policy = parse(text, "identity", "arn:aws:iam::111122223333:policy/p")
    assert policy.name == "arn:aws:iam::111122223333:policy/p"
    assert policy.keys == {"aws:username", "aws:sourcearn", "aws:principaltag/team"}
    assert policy.for_action("s3:getobject").keys == {"aws:username"}
    assert policy.for_action("SQS:SendMessage").keys == {"aws:sourcearn", "aws:principaltag/team"}
    assert [one.sid for one in policy.for_action("s3:GetObject").allow] == ["One"]
    assert policy.for_action("ec2:RunInstances").allow == ()
    assert parse(text, "identity", policy.name) is policy


@given(st.text(string.ascii_lowercase + '{}[]":,$*', max_size=60))
def test_any_text_is_parsed_or_refused(text):
    for wrapped in (
        text,
        document(statement(Resource=text, Action=text, Condition={"StringLike": {"k": text}})),
    ):
        try:
            parse.__wrapped__(wrapped, "identity")
        except Malformed as error:
            assert error.message
