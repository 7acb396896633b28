"""Invitations between accounts, and the way to all features."""

import itertools

from tests.services.organizations.conftest import Tree, refused

_strangers = itertools.count(400000000001)


def invite(tree, account, **more):
    made = tree.client.invite_account_to_organization(Target={"Type": "ACCOUNT", "Id": account}, **more)
    return made["Handshake"]


def test_an_invited_account_joins(tree):
    account = str(next(_strangers))
    handshake = invite(tree, account, Notes="come in", Tags=[{"Key": "from", "Value": "outside"}])
    assert (handshake["State"], handshake["Action"]) == ("OPEN", "INVITE")
    assert handshake["Parties"] == [
        {"Id": tree.organization["Id"], "Type": "ORGANIZATION"},
        {"Id": account, "Type": "ACCOUNT"},
    ]
    assert {"Type": "NOTES", "Value": "come in"} in handshake["Resources"]
    days = (handshake["ExpirationTimestamp"] - handshake["RequestedTimestamp"]).days
    assert days == 15
    target = {"Type": "ACCOUNT", "Id": account}
    assert (
        refused(tree.client.invite_account_to_organization, Target=target)[0] == "DuplicateHandshakeException"
    )
    invited = tree.root("organizations", account)
    assert [one["Id"] for one in invited.list_handshakes_for_account()["Handshakes"]] == [handshake["Id"]]
    accepted = invited.accept_handshake(HandshakeId=handshake["Id"])["Handshake"]
    assert accepted["State"] == "ACCEPTED"
    joined = tree.client.describe_account(AccountId=account)["Account"]
    assert joined["JoinedMethod"] == "INVITED"
    assert tree.client.list_tags_for_resource(ResourceId=account)["Tags"] == [
        {"Key": "from", "Value": "outside"}
    ]
    assert (
        refused(invited.accept_handshake, HandshakeId=handshake["Id"])[0]
        == "HandshakeAlreadyInStateException"
    )
    code, *_, reason = refused(tree.client.invite_account_to_organization, Target=target)
    assert (code, reason) == ("HandshakeConstraintViolationException", "ALREADY_IN_AN_ORGANIZATION")


def test_declining_and_cancelling(tree):
    account = str(next(_strangers))
    invited = tree.root("organizations", account)
    first = invite(tree, account)["Id"]
    assert refused(tree.client.accept_handshake, HandshakeId=first)[0] == "AccessDeniedException"
    assert invited.decline_handshake(HandshakeId=first)["Handshake"]["State"] == "DECLINED"
    second = invite(tree, account)["Id"]
    assert refused(invited.cancel_handshake, HandshakeId=second)[0] == "AccessDeniedException"
    assert tree.client.cancel_handshake(HandshakeId=second)["Handshake"]["State"] == "CANCELED"
    assert refused(invited.accept_handshake, HandshakeId=second)[0] == "InvalidHandshakeTransitionException"
    states = {one["State"] for one in tree.client.list_handshakes_for_organization()["Handshakes"]}
    assert states == {"DECLINED", "CANCELED"}
    stranger = tree.root("organizations", str(next(_strangers)))
    assert refused(stranger.describe_handshake, HandshakeId=second)[0] == "AccessDeniedException"
    assert (
        refused(stranger.describe_handshake, HandshakeId="h-" + "0" * 32)[0] == "HandshakeNotFoundException"
    )


def test_the_way_to_all_features(open_cloud):
    tree = Tree(open_cloud, FeatureSet="CONSOLIDATED_BILLING")
    account = str(next(_strangers))
    invited = tree.root("organizations", account)
    invited.accept_handshake(HandshakeId=invite(tree, account)["Id"])
    whole = tree.client.enable_all_features()["Handshake"]
    assert whole["Action"] == "ENABLE_ALL_FEATURES"
    assert (
        refused(tree.client.enable_all_features)[3]
        == "ORGANIZATION_IS_ALREADY_PENDING_ALL_FEATURES_MIGRATION"
    )
    assert refused(tree.client.accept_handshake, HandshakeId=whole["Id"])[0] == (
        "HandshakeConstraintViolationException"
    )
    wanted = {"ActionType": "APPROVE_ALL_FEATURES", "ParentHandshakeId": whole["Id"]}
    (approval,) = invited.list_handshakes_for_account(Filter=wanted)["Handshakes"]
    invited.accept_handshake(HandshakeId=approval["Id"])
    tree.client.accept_handshake(HandshakeId=whole["Id"])
    assert tree.client.describe_organization()["Organization"]["FeatureSet"] == "ALL"
    tree.enable()
