"""Service access, delegated administrators, and the organization's resource policy."""

import json

from tests.services.organizations.conftest import EVERYTHING, refused

SERVICE = "config.amazonaws.com"


def test_service_access(tree):
    for _ in range(2):
        tree.client.enable_aws_service_access(ServicePrincipal=SERVICE)
    (one,) = tree.client.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert one["ServicePrincipal"] == SERVICE
    assert refused(tree.client.enable_aws_service_access, ServicePrincipal="nobody") == (
        "InvalidInputException",
        "You specified an unrecognized service principal.",
        400,
        "UNRECOGNIZED_SERVICE_PRINCIPAL",
    )
    tree.client.disable_aws_service_access(ServicePrincipal=SERVICE)
    assert tree.client.list_aws_service_access_for_organization()["EnabledServicePrincipals"] == []


def test_delegated_administrators(tree):
    account = tree.account()
    register = tree.client.register_delegated_administrator
    asked = {"AccountId": account, "ServicePrincipal": SERVICE}
    assert refused(register, **asked)[3] == "SERVICE_ACCESS_NOT_ENABLED"
    tree.client.enable_aws_service_access(ServicePrincipal=SERVICE)
    member = tree.root("organizations", account)
    assert refused(member.list_accounts)[0] == "AccessDeniedException"
    register(**asked)
    assert len(member.list_accounts()["Accounts"]) == 2  # it may look now
    assert refused(member.create_organizational_unit, ParentId=tree.root_id, Name="x")[0] == (
        "AccessDeniedException"
    )
    assert refused(register, **asked) == (
        "AccountAlreadyRegisteredException",
        "The provided account is already a delegated administrator for your organization.",
        400,
    )
    assert refused(register, AccountId=tree.management, ServicePrincipal=SERVICE)[3] == (
        "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"
    )
    (one,) = tree.client.list_delegated_administrators(ServicePrincipal=SERVICE)["DelegatedAdministrators"]
    assert one["Id"] == account
    (one,) = tree.client.list_delegated_services_for_account(AccountId=account)["DelegatedServices"]
    assert one["ServicePrincipal"] == SERVICE
    assert refused(tree.client.remove_account_from_organization, AccountId=account)[3] == (
        "CANNOT_REMOVE_DELEGATED_ADMINISTRATOR_FROM_ORG"
    )
    tree.client.deregister_delegated_administrator(**asked)
    assert refused(member.list_accounts)[0] == "AccessDeniedException"
    assert (
        refused(tree.client.deregister_delegated_administrator, **asked)[0] == "AccountNotRegisteredException"
    )
    assert refused(tree.client.list_delegated_services_for_account, AccountId=account)[0] == (
        "AccountNotRegisteredException"
    )


def test_the_resource_policy_lets_a_member_in(tree):
    account = tree.account()
    member = tree.root("organizations", account)
    assert refused(tree.client.describe_resource_policy)[0] == "ResourcePolicyNotFoundException"
    content = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": account},
                "Action": ["organizations:ListAccounts", "organizations:CreatePolicy"],
                "Resource": "*",
            }
        ],
    }
    kept = tree.client.put_resource_policy(Content=json.dumps(content))["ResourcePolicy"]
    organization = tree.organization["Id"]
    assert kept["ResourcePolicySummary"]["Arn"].startswith(
        f"arn:aws:organizations::{tree.management}:resourcepolicy/{organization}/rp-"
    )
    assert len(member.list_accounts()["Accounts"]) == 2
    document = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
    made = {"Name": "theirs", "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": document}
    policy = member.create_policy(**made)["Policy"]["PolicySummary"]["Id"]
    assert tree.client.describe_policy(PolicyId=policy)["Policy"]["PolicySummary"]["Name"] == "theirs"
    assert refused(member.delete_policy, PolicyId=policy)[0] == "AccessDeniedException"
    tree.client.delete_resource_policy()
    assert refused(member.list_accounts)[0] == "AccessDeniedException"


def test_a_bad_resource_policy_is_refused(tree):
    assert refused(tree.client.put_resource_policy, Content="{")[3] == "INVALID_RESOURCE_POLICY_JSON"
    foreign = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}],
    }
    assert refused(tree.client.put_resource_policy, Content=json.dumps(foreign))[3] == (
        "UNSUPPORTED_ACTION_IN_RESOURCE_POLICY"
    )
