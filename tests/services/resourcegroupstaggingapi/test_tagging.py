"""The tagging API over the tags of several services."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from gureum.testing import cloud


@pytest.fixture(scope="module")
def place():
    """A cloud in which a 12-digit key id is the root of that account: each test has one of its own."""
    with cloud(auth="open") as shared:
        yield shared


class Account:
    def __init__(self, where, account):
        self.where, self.id = where, account
        self.tagging, self.sqs, self.s3, self.iam = (
            self.client(name) for name in ("resourcegroupstaggingapi", "sqs", "s3", "iam")
        )

    def client(self, service, **more):
        keys = {"aws_access_key_id": self.id, "aws_secret_access_key": "any"}
        return self.where.client(service, **(keys | more))

    def queue(self, name, **tags):
        self.sqs.create_queue(QueueName=name, tags=tags)
        return f"arn:aws:sqs:us-east-1:{self.id}:{name}"

    def found(self, **params):
        listed = self.tagging.get_resources(**params)["ResourceTagMappingList"]
        return {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in listed}


@pytest.fixture
def account(place, request):
    number = 210000000000 + sum(ord(char) * 131**at for at, char in enumerate(request.node.name)) % 10**9
    return Account(place, str(number))


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"]


def test_resources_are_found_by_tag_and_type(account):
    one = account.queue("one", env="prod", team="a")
    two = account.queue("two", env="test", team="a")
    account.sqs.create_queue(QueueName="never-tagged")
    account.iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "env", "Value": "prod"}]
    )
    role = f"arn:aws:iam::{account.id}:role/r"
    assert account.found() == {
        one: {"env": "prod", "team": "a"},
        two: {"env": "test", "team": "a"},
        role: {"env": "prod"},
    }
    assert set(account.found(TagFilters=[{"Key": "env", "Values": ["prod"]}])) == {one, role}
    assert set(account.found(TagFilters=[{"Key": "env", "Values": ["prod", "test"]}, {"Key": "team"}])) == {
        one,
        two,
    }
    assert set(account.found(ResourceTypeFilters=["sqs"])) == {one, two}
    assert set(account.found(ResourceTypeFilters=["iam:role"])) == {role}
    assert account.found(ResourceTypeFilters=["iam:user"]) == {}
    assert set(account.found(ResourceARNList=[two, f"{two}-none"])) == {two}
    elsewhere = account.client("resourcegroupstaggingapi", region_name="eu-west-1")
    assert elsewhere.get_resources()["ResourceTagMappingList"] == []


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_hold_each_resource_once(account, size):
    expected = [account.queue(f"q{size}{number}", n=str(number)) for number in range(4)]
    account.iam.create_role(
        RoleName=f"r{size}", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "n", "Value": "9"}]
    )
    expected.append(f"arn:aws:iam::{account.id}:role/r{size}")
    pages = account.tagging.get_paginator("get_resources").paginate(ResourcesPerPage=size)
    assert [one["ResourceARN"] for page in pages for one in page["ResourceTagMappingList"]] == expected
    keys = account.tagging.get_tag_keys()
    assert keys == {"PaginationToken": "", "TagKeys": ["n"], "ResponseMetadata": keys["ResponseMetadata"]}
    assert account.tagging.get_tag_values(Key="n")["TagValues"] == ["0", "1", "2", "3", "9"]
    assert account.tagging.get_tag_values(Key="other")["TagValues"] == []


def test_tags_per_page_splits_no_resource(account):
    for number in range(4):
        account.queue(f"many{number}", **{f"k{at}": "v" for at in range(40)})
    first = account.tagging.get_resources(TagsPerPage=100)
    assert len(first["ResourceTagMappingList"]) == 2
    second = account.tagging.get_resources(TagsPerPage=100, PaginationToken=first["PaginationToken"])
    assert (len(second["ResourceTagMappingList"]), second["PaginationToken"]) == (2, "")


def test_what_cannot_be_asked_together_is_refused(account):
    arn = f"arn:aws:sqs:us-east-1:{account.id}:q"
    for more in ({"TagFilters": [{"Key": "a"}]}, {"ResourceTypeFilters": ["sqs"]}, {"ResourcesPerPage": 5}):
        code = refused(account.tagging.get_resources, ResourceARNList=[arn], **more)
        assert code == "InvalidParameterException"
    assert (
        refused(account.tagging.get_resources, ExcludeCompliantResources=True) == "InvalidParameterException"
    )
    assert refused(account.tagging.get_resources, PaginationToken="?") == "InvalidParameterException"
    assert refused(account.tagging.get_resources, TagsPerPage=7) == "InvalidParameterException"


def test_tagging_reaches_each_services_own_tags(account):
    url = account.sqs.create_queue(QueueName="plain")["QueueUrl"]
    account.s3.create_bucket(Bucket=f"b{account.id}")
    account.s3.put_bucket_tagging(Bucket=f"b{account.id}", Tagging={"TagSet": [{"Key": "old", "Value": "1"}]})
    account.iam.create_user(UserName="u", Path="/p/")
    arns = [
        f"arn:aws:sqs:us-east-1:{account.id}:plain",
        f"arn:aws:s3:::b{account.id}",
        f"arn:aws:iam::{account.id}:user/p/u",
    ]
    answer = account.tagging.tag_resources(ResourceARNList=arns, Tags={"env": "prod", "team": "x"})
    assert answer["FailedResourcesMap"] == {}
    assert account.sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"env": "prod", "team": "x"}
    held = account.s3.get_bucket_tagging(Bucket=f"b{account.id}")["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in held} == {"old": "1", "env": "prod", "team": "x"}
    assert len(account.iam.list_user_tags(UserName="u")["Tags"]) == 2
    assert set(account.found(TagFilters=[{"Key": "env", "Values": ["prod"]}])) == set(arns)
    answer = account.tagging.untag_resources(ResourceARNList=arns, TagKeys=["env", "old"])
    assert answer["FailedResourcesMap"] == {}
    assert account.found() == {arn: {"team": "x"} for arn in arns}


def test_more_calls_at_once_than_there_are_threads(account):
    account.s3.create_bucket(Bucket=f"busy{account.id}")
    config = Config(max_pool_connections=40, read_timeout=20)
    tagging = account.client("resourcegroupstaggingapi", config=config)
    asked = {"ResourceARNList": [f"arn:aws:s3:::busy{account.id}"], "Tags": {"a": "1"}}
    with ThreadPoolExecutor(40) as pool:
        answers = list(pool.map(lambda _: tagging.tag_resources(**asked), range(40)))
    assert all(answer["FailedResourcesMap"] == {} for answer in answers)


def test_failures_are_told_for_each_resource(account):
    good = account.queue("good")
    account.sqs.create_queue(QueueName="good")
    missing = f"arn:aws:sqs:us-east-1:{account.id}:missing"
    foreign = "arn:aws:sqs:us-east-1:999999999999:q"
    distant = f"arn:aws:sqs:eu-west-1:{account.id}:q"
    unbuilt = f"arn:aws:mediastore:us-east-1:{account.id}:container/c"
    nothing = f"arn:aws:nonsense:us-east-1:{account.id}:thing/c"
    every = [good, missing, foreign, distant, unbuilt, nothing]
    failed = account.tagging.tag_resources(ResourceARNList=every, Tags={"a": "1"})["FailedResourcesMap"]
    assert set(failed) == set(every) - {good}
    assert failed[missing]["ErrorCode"] == "InvalidParameterException"
    assert failed[missing]["ErrorMessage"] == "The specified queue does not exist."
    assert (failed[unbuilt]["StatusCode"], failed[unbuilt]["ErrorCode"]) == (501, "InternalServiceException")
    assert account.found() == {good: {"a": "1"}}


def test_the_services_own_permission_is_needed(gureum):
    iam, sqs = gureum.client("iam"), gureum.client("sqs")
    iam.create_user(UserName="tagger")
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "tag:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="tagger", PolicyName="tags", PolicyDocument=json.dumps(may))
    key = iam.create_access_key(UserName="tagger")["AccessKey"]
    tagging = gureum.client(
        "resourcegroupstaggingapi",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    url = sqs.create_queue(QueueName="guarded-tags")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:000000000000:guarded-tags"
    failed = tagging.tag_resources(ResourceARNList=[arn], Tags={"a": "1"})["FailedResourcesMap"][arn]
    assert failed == {
        "StatusCode": 403,
        "ErrorCode": "InvalidParameterException",
        "ErrorMessage": "User: arn:aws:iam::000000000000:user/tagger is not authorized to perform: sqs:TagQueue "
        f"on resource: {arn} because no identity-based policy allows the sqs:TagQueue action",
    }
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


def policed(account):
    """The account with an organization and a tag policy."""
    organizations = account.client("organizations")
    organizations.create_organization()
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="TAG_POLICY")
    content = {
        "tags": {
            "costcenter": {
                "tag_key": {"@@assign": "CostCenter"},
                "tag_value": {"@@assign": ["100", "2*"]},
            },
            "owner": {
                "tag_key": {"@@assign": "owner"},
                "report_required_tag_for": {"@@assign": ["sqs:ALL_SUPPORTED"]},
            },
        }
    }
    made = organizations.create_policy(
        Name="tags", Description="", Type="TAG_POLICY", Content=json.dumps(content)
    )
    organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=root)
    return organizations


def test_compliance_with_the_tag_policy(account):
    policed(account)
    good = account.queue("good", CostCenter="100", owner="me")
    matching = account.queue("matching", CostCenter="2999", owner="me")
    bad_value = account.queue("bad-value", CostCenter="300", owner="me")
    bad_key = account.queue("bad-key", costcenter="100", owner="me")
    missing = account.queue("missing", CostCenter="100")
    found = account.tagging.get_resources(IncludeComplianceDetails=True)["ResourceTagMappingList"]
    details = {one["ResourceARN"]: one["ComplianceDetails"] for one in found}
    fine = {
        "NoncompliantKeys": [],
        "KeysWithNoncompliantValues": [],
        "MissingTagKeys": [],
        "ComplianceStatus": True,
    }
    wrong = fine | {"ComplianceStatus": False}
    assert details == {
        good: fine,
        matching: fine,
        bad_value: wrong | {"KeysWithNoncompliantValues": ["CostCenter"]},
        bad_key: wrong | {"NoncompliantKeys": ["costcenter"]},
        missing: wrong | {"MissingTagKeys": ["owner"]},
    }
    only = account.found(IncludeComplianceDetails=True, ExcludeCompliantResources=True)
    assert set(only) == {bad_value, bad_key, missing}
    summary = account.tagging.get_compliance_summary(GroupBy=["TARGET_ID", "RESOURCE_TYPE"])["SummaryList"]
    (one,) = summary
    assert (one["TargetId"], one["TargetIdType"], one["ResourceType"], one["NonCompliantResources"]) == (
        account.id,
        "ACCOUNT",
        "sqs:queue",
        3,
    )


def test_without_a_policy_everything_complies(account):
    account.queue("free", CostCenter="999")
    found = account.tagging.get_resources(IncludeComplianceDetails=True)["ResourceTagMappingList"]
    assert [one["ComplianceDetails"]["ComplianceStatus"] for one in found] == [True]
    assert refused(account.tagging.get_compliance_summary) == "ConstraintViolationException"


def test_a_report_is_written_into_the_bucket(account):
    organizations = policed(account)
    account.queue("reported", CostCenter="300", owner="me")
    assert account.tagging.describe_report_creation()["Status"] == "NO REPORT"
    bucket = f"reports{account.id}"
    account.s3.create_bucket(Bucket=bucket)
    account.tagging.start_report_creation(S3Bucket=bucket)
    status = finished(account.tagging)
    assert status["Status"] == "SUCCEEDED", status
    organization = organizations.describe_organization()["Organization"]["Id"]
    prefix = f"s3://{bucket}/"
    assert status["S3Location"].startswith(f"{prefix}AwsTagPolicies/{organization}/")
    assert status["S3Location"].endswith("Z/report.csv")
    key = status["S3Location"].removeprefix(prefix)
    lines = account.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
    (row,) = [line for line in lines if "reported" in line]
    assert row == (
        f"{account.id},us-east-1,sqs:queue,arn:aws:sqs:us-east-1:{account.id}:reported,false,,CostCenter,,"
        "CostCenter=300;owner=me"
    )
    account.tagging.start_report_creation(S3Bucket="there-is-no-such-bucket-here")
    status = finished(account.tagging)
    assert (status["Status"], "bucket" in status["ErrorMessage"]) == ("FAILED", True)


def finished(tagging):
    end = time.monotonic() + 15
    while (status := tagging.describe_report_creation())["Status"] == "RUNNING":
        assert time.monotonic() < end
        time.sleep(0.02)
    return status
