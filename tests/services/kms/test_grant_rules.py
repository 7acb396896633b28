"""Grants as policy statements, against what the Developer Guide says of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gureum import policy
from gureum.services.kms import grant_rules
from gureum.services.kms.facts import Facts
from gureum.services.kms.records import Grant

GRANTEE = "arn:aws:iam::111122223333:user/grantee"
RETIRING = "arn:aws:iam::111122223333:user/retiring"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
NOBODY = {"AWS": "arn:aws:iam::111122223333:user/other"}
TEXT = st.text(st.sampled_from('aAb1$*?{}:"\\ '), min_size=1, max_size=5)
CONTEXT = st.dictionaries(TEXT, TEXT, max_size=3)


class Calling:
    """As much of a context as condition keys ask for."""

    targets = ()
    region = "us-east-1"


def document(version):
    statement = {"Effect": "Allow", "Principal": NOBODY, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": version, "Statement": statement})


def made(**changes):
    return Grant(
        **{"key": "k", "id": "g1", "created": 0, "issuer": "", "grantee": GRANTEE, "operations": ("Encrypt",)}
        | changes
    )


def allowed(grants, action, req, who=GRANTEE, version="2012-10-17"):
    text = grant_rules.access(document(version), grants)
    parsed = policy.parse(text, "resource", KEY)
    principal = policy.Principal("user", arn=who, account="111122223333", user_id="AIDAEXAMPLE")
    asked = policy.Request(principal, f"kms:{action}", (KEY,), "111122223333", Facts(Calling(), req))
    return policy.evaluate(asked, resource=parsed, resource_rules="required").allowed


def test_no_grants_no_text():
    assert grant_rules.access(document("2012-10-17"), []) == ""


@given(
    st.sampled_from(["EncryptionContextEquals", "EncryptionContextSubset"]),
    CONTEXT.filter(bool),
    CONTEXT,
    st.booleans(),
    st.sampled_from(["2008-10-17", "2012-10-17"]),
)
def test_constraints_compare_contexts_to_the_letter(kind, wanted, given_, joined, version):
    context = {**given_, **wanted} if joined else given_
    grant = made(constraint=kind, context=wanted)
    right = context == wanted if kind == "EncryptionContextEquals" else wanted.items() <= context.items()
    req = {"EncryptionContext": context}
    assert allowed([grant], "Encrypt", req, version=version) is right
    assert not allowed([grant], "Encrypt", req, RETIRING, version)


@given(CONTEXT.filter(bool), CONTEXT, st.booleans())
def test_a_child_grant_is_at_least_as_strict(wanted, other, joined):
    context = {**other, **wanted} if joined else other
    operations = ("Encrypt", "CreateGrant")
    parent = made(operations=operations, constraint="EncryptionContextSubset", context=wanted)
    req = {"Operations": ["Encrypt"], "Constraints": {"EncryptionContextSubset": context}}
    assert allowed([parent], "CreateGrant", req) is (wanted.items() <= context.items())
    assert not allowed([parent], "CreateGrant", req | {"Operations": ["Encrypt", "Decrypt"]})
    exact = made(operations=operations, constraint="EncryptionContextEquals", context=wanted)
    assert not allowed([exact], "CreateGrant", req)


def test_a_service_may_be_the_grantee():
    text = grant_rules.access(
        document("2012-10-17"), [made(grantee="ec2.amazonaws.com", grantee_service=True)]
    )
    parsed = policy.parse(text, "resource", KEY)
    for name in ("ec2.amazonaws.com", "rds.amazonaws.com"):
        who = policy.Principal("service", arn=name)
        asked = policy.Request(who, "kms:Encrypt", (KEY,), "111122223333", Facts(Calling(), {}))
        right = name == "ec2.amazonaws.com"
        assert policy.evaluate(asked, resource=parsed, resource_rules="required").allowed is right


@pytest.mark.parametrize("grant_id", ["g1", "g2"])
def test_a_retiring_principal_retires_its_own_grant_alone(grant_id):
    grants = [made(retiring=RETIRING), made(id="g2")]
    assert allowed(grants, "RetireGrant", {"GrantId": grant_id}, RETIRING) is (grant_id == "g1")
    assert not allowed(grants, "RetireGrant", {"GrantId": grant_id})
