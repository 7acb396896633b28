"""An organization of its own for each test: its management account is one that no other test uses."""

import itertools
import json
import time

import pytest
from botocore.exceptions import ClientError

from gureum.testing import cloud

_accounts = itertools.count(100000000001)
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


@pytest.fixture(scope="session")
def open_cloud():
    """A cloud in which a 12-digit key id is the root of that account."""
    with cloud(auth="open") as shared:
        yield shared


class Tree:
    """An organization with all features, and clients as roots of its accounts."""

    def __init__(self, where, **options):
        self.where = where
        self.management = str(next(_accounts))
        self.client = self.root("organizations", self.management)
        self.organization = self.client.create_organization(**options)["Organization"]
        self.root_id = self.client.list_roots()["Roots"][0]["Id"]

    def root(self, service, account, **more):
        """A client as the root user of an account."""
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "any"}
        return self.where.client(service, **(keys | more))

    def account(self, name="member", **more):
        """A new member account's id."""
        email = f"{name}.{self.management}@example.com"
        asked = self.client.create_account(AccountName=name, Email=email, **more)["CreateAccountStatus"]
        return self.wait(asked["Id"])["AccountId"]

    def wait(self, request):
        end = time.monotonic() + 15
        while time.monotonic() < end:
            found = self.client.describe_create_account_status(CreateAccountRequestId=request)
            if (status := found["CreateAccountStatus"])["State"] != "IN_PROGRESS":
                return status
            time.sleep(0.02)
        raise AssertionError("the account was not made in time")

    def unit(self, name, parent=None):
        made = self.client.create_organizational_unit(ParentId=parent or self.root_id, Name=name)
        return made["OrganizationalUnit"]["Id"]

    def enable(self, kind="SERVICE_CONTROL_POLICY"):
        self.client.enable_policy_type(RootId=self.root_id, PolicyType=kind)

    def policy(self, name, content, kind="SERVICE_CONTROL_POLICY", target=None):
        """A new policy's id, attached to `target` if given. A list is taken as statements."""
        if isinstance(content, list):
            content = {"Version": "2012-10-17", "Statement": content}
        made = self.client.create_policy(Name=name, Description="", Type=kind, Content=json.dumps(content))
        identifier = made["Policy"]["PolicySummary"]["Id"]
        if target:
            self.client.attach_policy(PolicyId=identifier, TargetId=target)
        return identifier


@pytest.fixture
def tree(open_cloud):
    return Tree(open_cloud)


def refused(call, **params):
    """Code, message and HTTP status of a refusal, and its reason where it has one."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    found = (
        answer["Error"]["Code"],
        answer["Error"]["Message"],
        answer["ResponseMetadata"]["HTTPStatusCode"],
    )
    return (*found, answer["Reason"]) if "Reason" in answer else found
