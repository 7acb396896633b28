"""Evaluation against an oracle that states AWS's flow chart as set arithmetic over raw documents."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from gureum.policy import Principal, Request, evaluate, parse

A, B = "111111111111", "222222222222"
WHO = [
    Principal("user", f"arn:aws:iam::{A}:user/u", A, "AIDAUUUUUUUUUUUUUUUU"),
    Principal("root", f"arn:aws:iam::{A}:root", A, A),
    Principal("session", f"arn:aws:sts::{A}:assumed-role/r/s", A, "AROARRRRRRRRRRRRRRRR:s", f"arn:aws:iam::{A}:role/r"),
    Principal("federated-user", f"arn:aws:sts::{A}:federated-user/f", A, f"{A}:f", f"arn:aws:iam::{A}:user/u"),
    Principal("service", "x.amazonaws.com"),
    Principal("anonymous"),
]  # fmt: skip
ACTIONS = ["s:Get", "s:Put"]
ARNS = ["arn:aws:s:::one", "arn:aws:s:::two"]
NAMED = [
    "*",
    A,
    B,
    *(who.arn for who in WHO[:4] if who.kind != "root"),
    f"arn:aws:iam::{A}:role/r",
    "AIDAUUUUUUUUUUUUUUUU",
]

statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Allow", "Deny"]),
        "Action": st.sampled_from(["*", "s:*", "s:get", "s:Put", "t:*"]),
        "Resource": st.sampled_from(["*", "arn:aws:s:::*", "arn:aws:s:::one", "arn:aws:s:::t??"]),
    }
)
principals = st.lists(st.sampled_from(NAMED), min_size=1, max_size=2).map(lambda aws: {"AWS": aws}) | st.just(
    {"Service": "x.amazonaws.com"}
)
named_statements = st.builds(lambda one, who: {**one, "Principal": who}, statements, principals)
plain = st.lists(statements, min_size=1, max_size=2)
levels = st.lists(st.lists(plain, min_size=1, max_size=2), max_size=2)


def glob(pattern, text):
    if not pattern:
        return not text
    if pattern[0] == "*":
        return glob(pattern[1:], text) or (bool(text) and glob(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and glob(pattern[1:], text[1:])


def about(statement, action, arn):
    return glob(statement["Action"].lower(), action.lower()) and glob(statement["Resource"], arn)


def level_of_grant(statement, who):
    """3 itself or everyone, 2 what is behind its session, 1 its account, 0 not named."""
    element = statement["Principal"]
    if "Service" in element:
        return 3 if who.kind == "service" else 0
    best = 0
    for aws in element["AWS"]:
        if aws == "*" or (who.arn and aws == who.arn) or (who.user_id and aws == who.user_id):
            best = 3
        elif who.issuer and aws == who.issuer:
            best = max(best, 2)
        elif who.account and aws == who.account:
            best = max(best, 3 if who.kind == "root" else 1)
    return best


def oracle(who, foreign, action, arn, identity, boundary, session, resource, scps, rcps, required):
    def says(document, effect):
        return any(one["Effect"] == effect and about(one, action, arn) for one in document or [])

    theirs = [one for one in resource or [] if about(one, action, arn)]
    others = [*identity, boundary, *(session or []), *(d for level in [*scps, *rcps] for d in level)]
    if any(says(one, "Deny") for one in others):
        return False
    if any(one["Effect"] == "Deny" and level_of_grant(one, who) for one in theirs):
        return False
    if not all(any(says(one, "Allow") for one in level) for level in [*rcps, *scps]):
        return False
    grant = max((level_of_grant(one, who) for one in theirs if one["Effect"] == "Allow"), default=0)
    if who.kind in ("service", "anonymous"):
        return grant == 3
    if who.kind == "root":
        return grant > 0 or not (foreign or required)
    limited = (boundary is None or says(boundary, "Allow")) and (
        who.kind != "federated-user" if session is None else any(says(one, "Allow") for one in session)
    )
    mine = any(says(one, "Allow") for one in identity) and limited
    if foreign:
        return mine and grant > 0
    return grant == 3 or (grant == 2 and limited) or (mine and (grant > 0 or not required))


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(WHO), st.booleans(), st.sampled_from(ACTIONS), st.sampled_from(ARNS),
    st.lists(plain, max_size=2), st.none() | plain, st.none() | st.lists(plain, max_size=2),
    st.none() | st.lists(named_statements, min_size=1, max_size=3), levels, st.booleans(), st.booleans(),
)  # fmt: skip
def test_the_flow_chart(
    who, foreign, action, arn, identity, boundary, session, resource, scps, as_rcps, required
):
    def parsed(document, kind):
        return parse(json.dumps({"Version": "2012-10-17", "Statement": document}), kind)

    # Allow statements in RCPs are AWS's alone, so the levels here are parsed as SCPs wherever they stand.
    controls = [tuple(parsed(one, "scp") for one in level) for level in scps]
    decision = evaluate(
        Request(who, action, (arn,), B if foreign else A),
        identity=[parsed(one, "identity") for one in identity],
        boundary=boundary and parsed(boundary, "boundary"),
        session=None if session is None else [parsed(one, "session") for one in session],
        resource=resource and parsed(resource, "resource"),
        scps=() if as_rcps else controls,
        rcps=controls if as_rcps else (),
        resource_rules="required" if required else "union",
    )
    expected = oracle(who, foreign, action, arn, identity, boundary, session, resource, scps, [], required)
    assert decision.allowed is expected
    assert decision.cacheable
