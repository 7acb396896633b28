"""Evaluation by AWS's pages: policy evaluation logic (single account, cross-account), permissions boundaries,
session policies, SCP and RCP evaluation, key policies and role trust policies."""

import json
from collections.abc import Mapping

import pytest

from gureum.policy import Principal, Request, evaluate, matching, parse

HOME, AWAY = "111122223333", "444455556666"
QUEUE = f"arn:aws:sqs:eu-west-1:{HOME}:orders"
ROLE = f"arn:aws:iam::{HOME}:role/path/worker"
SESSION = f"arn:aws:sts::{HOME}:assumed-role/worker/run"
USER = f"arn:aws:iam::{HOME}:user/kim"

user = Principal("user", USER, HOME, "AIDAEXAMPLEEXAMPLE12", tags={"Team": "blue"})
root = Principal("root", f"arn:aws:iam::{HOME}:root", HOME, HOME)
session = Principal("session", SESSION, HOME, "AROAEXAMPLEEXAMPLE12:run", issuer=ROLE)
federated = Principal(
    "federated-user", f"arn:aws:sts::{HOME}:federated-user/fed", HOME, f"{HOME}:fed", issuer=USER
)
service = Principal("service", "sns.amazonaws.com")
anonymous = Principal("anonymous")


def policy(kind, *statements, name=""):
    complete = [{"Effect": "Allow", "Action": "*", "Resource": "*"} | one for one in statements]
    if kind in ("resource", "trust", "endpoint"):
        complete = [one if "NotPrincipal" in one else {"Principal": "*"} | one for one in complete]
    complete = [{k: v for k, v in one.items() if v is not None} for one in complete]
    return parse(json.dumps({"Version": "2012-10-17", "Statement": complete}), kind, name)


def names(*arns, effect="Allow", **more):
    return policy("resource", {"Principal": {"AWS": list(arns)}, "Effect": effect, **more})


def deny(kind, **more):
    return policy(kind, {"Sid": "No", "Effect": "Deny", **more}, name=f"the-{kind}")


ALL = policy("identity", {})
BOUND = policy("boundary", {})
PASSED = policy("session", {})
OTHER = {"Action": "s3:*"}
NO_IDENTITY = policy("identity", OTHER)
NO_BOUNDARY = policy("boundary", OTHER)
NO_SESSION = policy("session", OTHER)
SCP = policy("scp", {})


def ask(who=user, account=HOME, action="sqs:SendMessage", arn=QUEUE, context=None, **policies):
    return evaluate(Request(who, action, (arn,), account, {} if context is None else context), **policies)


def outcome(decision):
    return decision.allowed, decision.layer, decision.explicit


# --- one account


def test_nothing_allows_so_it_is_denied_but_for_root():
    assert outcome(ask()) == (False, "identity", False)
    assert outcome(ask(root)) == (True, "account-root", False)
    assert outcome(ask(anonymous)) == (False, "resource", False)


def test_identity_or_resource_policy_suffices():
    assert outcome(ask(identity=[ALL])) == (True, "identity", True)
    assert outcome(ask(identity=[NO_IDENTITY], resource=names(USER))) == (True, "resource", True)
    assert outcome(ask(identity=[ALL], resource=names(f"arn:aws:iam::{HOME}:user/lee"))) == (
        True,
        "identity",
        True,
    )


def test_carlos_of_the_user_guide():
    carlos = Principal("user", "arn:aws:iam::123456789012:user/carlossalazar", "123456789012", "AIDACARLOS")
    own = policy(
        "identity",
        {"Sid": "AllowS3ListRead", "Action": ["s3:GetBucketLocation", "s3:ListAllMyBuckets"], "Resource": "arn:aws:s3:::*"},
        {"Sid": "AllowS3Self", "Action": "s3:*", "Resource": ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"]},
        {"Sid": "DenyS3Logs", "Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::*log*"},
    )  # fmt: skip
    bucket = policy(
        "resource",
        {"Principal": {"AWS": carlos.arn}, "Action": "s3:*", "Resource": "arn:aws:s3:::carlossalazar/*"},
    )

    def put(arn, **policies):
        return evaluate(Request(carlos, "s3:PutObject", (arn,), "123456789012"), **policies)

    denied = put("arn:aws:s3:::carlossalazar-logs/x", identity=[own])
    assert outcome(denied) == (False, "identity", True)
    assert (denied.sid, denied.statement) == ("DenyS3Logs", 2)
    assert put("arn:aws:s3:::carlossalazar/x", identity=[own], resource=bucket).allowed
    assert put("arn:aws:s3:::carlossalazar/x", resource=bucket).allowed
    assert put("arn:aws:s3:::carlossalazar/x", identity=[own]).allowed


@pytest.mark.parametrize("layer", ["identity", "resource", "boundary", "session", "scp", "rcp", "endpoint"])
@pytest.mark.parametrize("who", [user, root, session, federated])
def test_an_explicit_deny_wins_in_every_layer(layer, who):
    everything = {
        "identity": [ALL], "boundary": BOUND, "session": [PASSED], "resource": names(who.arn),
        "scps": [(SCP,)], "rcps": [(policy("rcp", {"Principal": "*"}),)], "endpoint": policy("endpoint", {}),
    }  # fmt: skip
    assert ask(who, **everything).allowed
    no = deny(layer, **({"Principal": "*", "Action": "sqs:*"} if layer == "rcp" else {}))
    broken = {
        "identity": {"identity": [ALL, no]}, "boundary": {"boundary": no}, "session": {"session": [PASSED, no]},
        "resource": {"resource": no}, "scps": {"scps": [(SCP,), (SCP, no)]}, "scp": {"scps": [(SCP,), (SCP, no)]},
        "rcp": {"rcps": [(policy("rcp", {"Principal": "*"}), no)]}, "endpoint": {"endpoint": no},
    }[layer]  # fmt: skip
    decision = ask(who, **(everything | broken))
    assert outcome(decision) == (False, layer, True)
    assert (decision.policy, decision.sid, decision.statement, decision.resource) == (
        f"the-{layer}",
        "No",
        0,
        QUEUE,
    )


def test_boundary_and_session_limit_what_identity_policies_grant():
    assert outcome(ask(identity=[ALL], boundary=NO_BOUNDARY)) == (False, "boundary", False)
    assert outcome(ask(identity=[NO_IDENTITY], boundary=BOUND)) == (False, "identity", False)
    assert ask(identity=[ALL], boundary=BOUND).allowed
    assert outcome(ask(session, identity=[ALL], session=[NO_SESSION])) == (False, "session", False)
    assert outcome(ask(session, identity=[ALL], session=[])) == (False, "session", False)
    assert outcome(ask(session, identity=[NO_IDENTITY], session=[PASSED])) == (False, "identity", False)
    assert ask(session, identity=[ALL], session=[NO_SESSION, PASSED]).allowed
    assert ask(session, identity=[ALL]).allowed


# "Resource-based policies and implicit denies in other policy types (same account)"
@pytest.mark.parametrize(
    ("who", "named", "limits", "expected"),
    [
        (user, USER, {"boundary": NO_BOUNDARY}, (True, "resource", True)),
        (user, user.user_id, {"boundary": NO_BOUNDARY}, (True, "resource", True)),
        (user, "*", {"boundary": NO_BOUNDARY}, (True, "resource", True)),
        (session, SESSION, {"boundary": NO_BOUNDARY, "session": [NO_SESSION]}, (True, "resource", True)),
        (session, ROLE, {"boundary": NO_BOUNDARY}, (False, "boundary", False)),
        (session, ROLE, {"session": [NO_SESSION]}, (False, "session", False)),
        (session, ROLE, {"boundary": BOUND, "session": [PASSED]}, (True, "resource", True)),
        (session, "AROAEXAMPLEEXAMPLE12", {"session": [NO_SESSION]}, (False, "session", False)),
        (session, "AROAEXAMPLEEXAMPLE12", {}, (True, "resource", True)),
        (
            federated,
            federated.arn,
            {"boundary": NO_BOUNDARY, "session": [NO_SESSION]},
            (True, "resource", True),
        ),
        (federated, USER, {"session": [NO_SESSION]}, (False, "session", False)),
        (federated, USER, {"session": [PASSED]}, (True, "resource", True)),
        (federated, USER, {}, (False, "session", False)),
    ],
)
def test_whom_a_resource_policy_names_decides_what_limits(who, named, limits, expected):
    assert outcome(ask(who, identity=[NO_IDENTITY], resource=names(named), **limits)) == expected


def test_the_most_direct_of_several_grants_counts():
    grants = [{"Principal": {"AWS": one}} for one in (HOME, ROLE, SESSION)]
    for order in (grants, grants[::-1]):
        several = policy("resource", *order)
        assert outcome(ask(session, resource=several, session=[NO_SESSION])) == (True, "resource", True)


def test_naming_the_account_leaves_it_to_the_accounts_policies():
    for account in (HOME, f"arn:aws:iam::{HOME}:root"):
        assert outcome(ask(resource=names(account))) == (False, "identity", False)
        assert ask(identity=[ALL], resource=names(account)).allowed
        assert ask(root, resource=names(account)).allowed


def test_a_federated_session_without_session_policies_may_nothing():
    assert outcome(ask(federated, identity=[ALL])) == (False, "session", False)
    assert ask(federated, identity=[ALL], session=[PASSED]).allowed


# --- two accounts


@pytest.mark.parametrize("named", [USER, HOME, "*"])
def test_across_accounts_both_sides_must_allow(named):
    assert outcome(ask(account=AWAY, identity=[ALL])) == (False, "resource", False)
    assert outcome(ask(account=AWAY, resource=names(named))) == (False, "identity", False)
    assert outcome(ask(account=AWAY, identity=[ALL], resource=names(named))) == (True, "identity", True)
    limited = ask(account=AWAY, identity=[ALL], resource=names(named), boundary=NO_BOUNDARY)
    assert outcome(limited) == (False, "boundary", False)


@pytest.mark.parametrize("named", [SESSION, ROLE, HOME])
def test_across_accounts_a_session_needs_its_role_and_session_policies(named):
    assert ask(session, account=AWAY, identity=[ALL], resource=names(named)).allowed
    assert not ask(session, account=AWAY, identity=[NO_IDENTITY], resource=names(named)).allowed
    refused = ask(session, account=AWAY, identity=[ALL], session=[NO_SESSION], resource=names(named))
    assert outcome(refused) == (False, "session", False)


def test_across_accounts_root_needs_the_resource_policy():
    assert outcome(ask(root, account=AWAY)) == (False, "resource", False)
    assert ask(root, account=AWAY, resource=names(HOME)).allowed


# --- organizations


def test_every_level_of_scps_must_allow_also_for_root():
    sqs_only, s3_only = policy("scp", {"Action": "sqs:*"}), policy("scp", OTHER)
    for who in (user, root):
        assert ask(who, identity=[ALL], scps=[(SCP,), (sqs_only,), (s3_only, SCP)]).allowed
        refused = ask(who, identity=[ALL], scps=[(SCP,), (s3_only,), (SCP,)])
        assert outcome(refused) == (False, "scp", False)
        assert outcome(ask(who, identity=[ALL], scps=[(SCP,), ()])) == (False, "scp", False)
    assert outcome(ask(identity=[], scps=[(SCP,)])) == (False, "identity", False)


def test_scps_limit_what_a_resource_policy_grants():
    assert outcome(ask(resource=names(USER), scps=[(policy("scp", OTHER),)])) == (False, "scp", False)


def test_rcps_deny_whoever_comes():
    full = policy("rcp", {"Principal": "*"})
    only_org = policy(
        "rcp",
        {"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Condition": {
            "StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-1"}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}},
        name="arn:aws:organizations::1:policy/o-1/resource_control_policy/p-1",
    )  # fmt: skip
    rcps = [(full, only_org)]
    assert ask(identity=[ALL], rcps=rcps, context={"aws:principalorgid": "o-1"}).allowed
    denied = ask(identity=[ALL], rcps=rcps, context={"aws:principalorgid": "o-2"})
    assert outcome(denied) == (False, "rcp", True)
    assert outcome(ask(anonymous, resource=names("*"), rcps=rcps)) == (False, "rcp", True)
    assert ask(
        service, resource=policy("resource", {"Principal": {"Service": service.arn}}), rcps=rcps
    ).allowed


def test_the_endpoint_must_allow():
    endpoint = policy("endpoint", {"Principal": {"AWS": USER}})
    assert ask(identity=[ALL], endpoint=endpoint).allowed
    assert outcome(ask(session, identity=[ALL], endpoint=endpoint)) == (False, "endpoint", False)


# --- keys and roles, where the resource's policy must itself let in


def test_a_key_policy_is_required_also_for_root():
    def key(who=user, **policies):
        return ask(who, action="kms:Decrypt", resource_rules="required", **policies)

    delegating = names(f"arn:aws:iam::{HOME}:root")
    assert outcome(key(identity=[ALL])) == (False, "resource", False)
    assert outcome(key(root)) == (False, "resource", False)
    assert outcome(key(identity=[ALL], resource=names(f"arn:aws:iam::{HOME}:user/lee"))) == (
        False,
        "resource",
        False,
    )
    assert key(identity=[ALL], resource=delegating).allowed
    assert outcome(key(identity=[], resource=delegating)) == (False, "identity", False)
    assert key(root, resource=delegating).allowed
    assert key(identity=[], resource=names(USER)).allowed
    assert outcome(key(session, identity=[], resource=names(ROLE), session=[NO_SESSION])) == (
        False,
        "session",
        False,
    )
    assert key(account=AWAY, identity=[ALL], resource=names(HOME)).allowed
    assert outcome(key(account=AWAY, resource=names(USER))) == (False, "identity", False)


def test_assuming_a_role():
    def assume(who=user, account=HOME, named=None, action="sts:AssumeRole", **policies):
        trust = policy("trust", {"Principal": named, "Action": action, "Resource": None})
        return ask(
            who,
            account,
            action,
            f"arn:aws:iam::{account}:role/r",
            resource=trust,
            resource_rules="required",
            **policies,
        )

    sts = policy("identity", {"Action": "sts:AssumeRole"})
    assert assume(named={"AWS": USER}).allowed
    assert outcome(assume(named={"AWS": HOME})) == (False, "identity", False)
    assert assume(named={"AWS": HOME}, identity=[sts]).allowed
    assert outcome(assume(named={"Service": "lambda.amazonaws.com"}, identity=[ALL])) == (
        False,
        "trust",
        False,
    )
    assert outcome(assume(account=AWAY, named={"AWS": USER})) == (False, "identity", False)
    assert assume(account=AWAY, named={"AWS": USER}, identity=[sts]).allowed
    assert outcome(
        assume(Principal("service", "ec2.amazonaws.com"), named={"Service": "ec2.amazonaws.com"})
    ) == (True, "trust", True)
    google = Principal("identity-provider", "accounts.google.com")
    web = "sts:AssumeRoleWithWebIdentity"
    assert assume(google, named={"Federated": "accounts.google.com"}, action=web).allowed
    assert outcome(assume(google, named={"Federated": "graph.facebook.com"}, action=web)) == (
        False,
        "trust",
        False,
    )


def test_a_trust_policy_speaks_of_the_role_in_its_message():
    trust = policy(
        "trust", {"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole", "Resource": None}
    )
    decision = ask(
        action="sts:AssumeRole", arn=ROLE, identity=[ALL], resource=trust, resource_rules="required"
    )
    assert decision.message(USER, "sts:AssumeRole") == (
        f"User: {USER} is not authorized to perform: sts:AssumeRole on resource: {ROLE} "
        "because no role trust policy allows the sts:AssumeRole action"
    )


# --- principals


def test_services_and_the_anonymous_come_in_by_resource_policies_alone():
    assert outcome(
        ask(service, resource=policy("resource", {"Principal": {"Service": "s3.amazonaws.com"}}))
    ) == (False, "resource", False)
    assert ask(service, resource=policy("resource", {"Principal": {"Service": "sns.amazonaws.com"}})).allowed
    assert ask(anonymous, resource=names("*")).allowed
    assert not ask(anonymous, resource=names(HOME, USER)).allowed
    assert not ask(anonymous, identity=[ALL]).allowed


def test_a_canonical_user_is_its_account():
    owner = Principal("user", USER, HOME, "AIDAX", canonical_user="79a59df9")
    bucket = policy("resource", {"Principal": {"CanonicalUser": "79a59df9"}})
    assert outcome(ask(owner, AWAY, resource=bucket)) == (False, "identity", False)
    assert ask(owner, AWAY, identity=[ALL], resource=bucket).allowed


def test_not_principal_with_deny_exempts_whom_it_names_at_every_level():
    bob = Principal("user", f"arn:aws:iam::{AWAY}:user/Bob", AWAY, "AIDABOB")
    own_account = f"arn:aws:iam::{AWAY}:root"

    def denied(who, *exempt):
        resource = policy("resource", {"Effect": "Deny", "NotPrincipal": {"AWS": list(exempt)}})
        return (
            ask(who, who.account, identity=[ALL], resource=resource).explicit
            and not ask(who, who.account, identity=[ALL], resource=resource).allowed
        )

    assert not denied(bob, bob.arn, own_account)
    assert denied(bob, bob.arn)
    assert denied(bob, own_account)
    assert denied(user, bob.arn, own_account)
    assert not denied(session, SESSION, ROLE, HOME)
    assert denied(session, SESSION, HOME)
    assert denied(session, ROLE, HOME)
    assert denied(anonymous, bob.arn, own_account)


def test_not_principal_with_allow_leaves_out_whom_it_names_at_any_level():
    resource = policy("resource", {"NotPrincipal": {"AWS": ROLE}})
    assert ask(user, resource=resource).allowed
    assert not ask(session, resource=resource).allowed
    assert not ask(user, resource=policy("resource", {"NotPrincipal": {"AWS": HOME}})).allowed


# --- resources, variables, context


def test_not_resource_and_not_action():
    keep = policy(
        "identity", {}, {"Effect": "Deny", "Resource": None, "NotResource": ["arn:aws:sqs:*:*:orders"]}
    )
    assert ask(identity=[keep]).allowed
    assert not ask(identity=[keep], arn=QUEUE + "2").allowed
    admin = policy("identity", {"Action": None, "NotAction": ["IAM:*", "sts:Assume?ole"]})
    assert ask(identity=[admin]).allowed
    assert not ask(identity=[admin], action="iam:CreateUser").allowed
    assert not ask(identity=[admin], action="sts:AssumeRole").allowed


def test_actions_match_in_any_case_and_resources_do_not():
    own = policy("identity", {"Action": "SQS:send*", "Resource": QUEUE})
    assert ask(identity=[own], action="sqs:SendMessage").allowed
    assert not ask(identity=[own], arn=QUEUE.replace("orders", "Orders")).allowed


def test_variables_come_from_the_context_or_else_from_the_principal():
    own = policy("identity", {"Resource": "arn:aws:sqs:*:*:${aws:username}-${aws:PrincipalTag/team, 'none'}"})
    assert ask(identity=[own], arn="arn:aws:sqs:::kim-blue").allowed
    assert not ask(identity=[own], arn="arn:aws:sqs:::kim-red").allowed
    assert ask(identity=[own], arn="arn:aws:sqs:::lee-blue", context={"aws:username": "lee"}).allowed
    assert ask(identity=[own], arn="arn:aws:sqs:::-blue", context={"aws:username": ""}).allowed
    assert not ask(session, identity=[own], arn="arn:aws:sqs:::-none").allowed


def test_an_unknown_variable_voids_a_not_resource():
    own = policy("identity", {"Resource": None, "NotResource": "arn:aws:sqs:::${aws:username}"})
    assert ask(identity=[own]).allowed
    assert not ask(session, identity=[own]).allowed


def test_a_resource_of_many_must_be_allowed_whole():
    own = policy("identity", {"Resource": QUEUE})
    request = Request(user, "sqs:SendMessage", (QUEUE, QUEUE + "2"), HOME)
    decision = evaluate(request, identity=[own])
    assert (outcome(decision), decision.resource) == ((False, "identity", False), QUEUE + "2")
    with pytest.raises(ValueError):
        evaluate(Request(user, "sqs:SendMessage", ()), identity=[own])


class Lazy(Mapping):
    def __init__(self):
        self.asked = []

    def __getitem__(self, key):
        self.asked.append(key)
        return {"aws:sourceip": "203.0.113.9"}[key]

    def __iter__(self):
        raise AssertionError

    def __len__(self):
        raise AssertionError


def test_the_context_is_asked_only_for_keys_that_policies_name_and_only_when_they_matter():
    own = policy(
        "identity",
        {"Condition": {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}},
        {"Action": "s3:*", "Condition": {"Bool": {"aws:x": "true"}}},
    )
    context = Lazy()
    assert ask(identity=[own], context=context).allowed
    assert context.asked == ["aws:sourceip"]


def test_a_decision_is_cacheable_when_no_key_has_a_say():
    conditional = policy(
        "identity", {"Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}
    )
    varying = policy("identity", {"Action": "ec2:*", "Resource": "arn:aws:ec2:*:*:${aws:username}"})
    own = [ALL, conditional, varying]
    assert ask(identity=own).cacheable
    assert not ask(identity=own, action="s3:GetObject").cacheable
    assert not ask(identity=own, action="ec2:RunInstances").cacheable
    assert not ask(identity=[], resource=names(AWAY, Condition={"Bool": {"k": "true"}})).cacheable
    assert ask(identity=[]).cacheable


def test_the_principals_own_condition_keys():
    assert user.keys["aws:principalarn"] == USER
    assert session.keys["aws:principalarn"] == ROLE
    assert session.keys["aws:userid"] == "AROAEXAMPLEEXAMPLE12:run"
    assert "aws:username" not in session.keys
    assert service.keys["aws:principalisawsservice"] == "true"
    assert "aws:principalarn" not in service.keys
    assert (root.keys["aws:principaltype"], anonymous.keys["aws:principaltype"]) == ("Account", "Anonymous")
    account = policy(
        "identity", {"Condition": {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}}}
    )
    assert ask(identity=[account]).allowed
    assert not ask(identity=[account], account=AWAY, resource=names(HOME)).allowed


def test_matching_tells_the_statements_that_are_about_a_request():
    own = policy(
        "identity",
        {"Sid": "a", "Effect": "Deny"},
        {"Sid": "b", "Action": "s3:*"},
        {"Sid": "c", "Resource": QUEUE},
    )
    request = Request(user, "sqs:SendMessage", (QUEUE,), HOME)
    assert [one.sid for one in matching(own, request, QUEUE)] == ["a", "c"]
    assert [one.sid for one in matching(own, request, QUEUE + "2")] == ["a"]
    assert matching(names(f"arn:aws:iam::{HOME}:user/lee"), request, QUEUE) == ()
    assert len(matching(names(HOME), request, QUEUE)) == 1
