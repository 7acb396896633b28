"""Queues through boto3: made, found, changed, deleted; what is refused, and in which words."""

import json

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def sqs(gureum):
    return gureum.client("sqs")


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def test_a_queue_is_made_found_and_deleted(sqs):
    url = sqs.create_queue(QueueName="made")["QueueUrl"]
    assert url.endswith("/000000000000/made")
    assert sqs.get_queue_url(QueueName="made")["QueueUrl"] == url
    assert url in sqs.list_queues(QueueNamePrefix="mad")["QueueUrls"]
    sqs.delete_queue(QueueUrl=url)
    assert refused(sqs.get_queue_url, QueueName="made") == (
        "AWS.SimpleQueueService.NonExistentQueue",
        "The specified queue does not exist.",
        400,
    )


def test_making_again_is_idempotent_unless_an_attribute_differs(sqs):
    first = sqs.create_queue(QueueName="again", Attributes={"DelaySeconds": "1"})
    assert (
        sqs.create_queue(QueueName="again", Attributes={"DelaySeconds": "1"})["QueueUrl"] == first["QueueUrl"]
    )
    assert sqs.create_queue(QueueName="again")["QueueUrl"] == first["QueueUrl"]
    code, message, _ = refused(sqs.create_queue, QueueName="again", Attributes={"DelaySeconds": "2"})
    assert code == "QueueAlreadyExists"
    assert message.endswith("a different value for attribute DelaySeconds")


@pytest.mark.parametrize("name", ["with space", "x" * 81, "dot.ted", "../up", "nofifo.fifo"])
def test_bad_names_are_refused(sqs, name):
    assert refused(sqs.create_queue, QueueName=name)[0] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"DelaySeconds": "901"}, "InvalidAttributeValue"),
        ({"VisibilityTimeout": "-1"}, "InvalidAttributeValue"),
        ({"MaximumMessageSize": "12"}, "InvalidAttributeValue"),
        ({"Nonsense": "1"}, "InvalidAttributeName"),
        ({"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ({"Policy": "{"}, "InvalidAttributeValue"),
        ({"RedrivePolicy": "{}"}, "InvalidParameterValue"),
        ({"KmsMasterKeyId": "alias/x", "SqsManagedSseEnabled": "true"}, "InvalidAttributeValue"),
    ],
)
def test_bad_attributes_are_refused_and_nothing_is_made(sqs, attributes, code):
    assert refused(sqs.create_queue, QueueName="never-made", Attributes=attributes)[0] == code
    assert refused(sqs.get_queue_url, QueueName="never-made")[2] == 400


def test_attributes_are_kept_and_shown(sqs):
    url = sqs.create_queue(QueueName="attrs", Attributes={"VisibilityTimeout": "7"})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "3"})
    shown = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (shown["VisibilityTimeout"], shown["DelaySeconds"]) == ("7", "3")
    assert shown["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:attrs"
    one = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["DelaySeconds"])["Attributes"]
    assert one == {"DelaySeconds": "3"}
    assert (
        refused(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Nope"])[0] == "InvalidAttributeName"
    )


def test_listing_gives_each_queue_once_for_any_page_size(sqs):
    made = {sqs.create_queue(QueueName=f"page-{i}")["QueueUrl"] for i in range(7)}
    for size in (1, 2, 3, 10):
        pages = sqs.get_paginator("list_queues").paginate(
            QueueNamePrefix="page-", PaginationConfig={"PageSize": size}
        )
        found = [url for page in pages for url in page.get("QueueUrls", [])]
        assert sorted(found) == sorted(made)
    assert refused(sqs.list_queues, MaxResults=5, NextToken="broken")[0] == "InvalidParameterValue"


def test_regions_are_apart(gureum, sqs):
    sqs.create_queue(QueueName="here-only")
    there = gureum.client("sqs", region_name="eu-west-1")
    assert refused(there.get_queue_url, QueueName="here-only")[2] == 400


def test_tags(sqs):
    url = sqs.create_queue(QueueName="tagged", tags={"a": "1"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"b": "2"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"a": "1", "b": "2"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2"}
    sqs.delete_queue(QueueUrl=url)
    url = sqs.create_queue(QueueName="tagged")["QueueUrl"]
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


def test_permissions_are_statements_of_the_policy(sqs):
    url = sqs.create_queue(QueueName="shared")["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="other", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    policy = json.loads(
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    )
    assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    again = {"QueueUrl": url, "Label": "other", "AWSAccountIds": ["111122223333"], "Actions": ["SendMessage"]}
    assert refused(sqs.add_permission, **again)[0] == "InvalidParameterValue"
    assert refused(sqs.add_permission, **{**again, "Label": "x", "Actions": ["DeleteQueue"]})[2] == 400
    sqs.remove_permission(QueueUrl=url, Label="other")
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
    assert refused(sqs.remove_permission, QueueUrl=url, Label="other")[0] == "InvalidParameterValue"


def test_dead_letter_queues_know_their_sources(sqs):
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = json.dumps(
        {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": "2"}
    )
    source = sqs.create_queue(QueueName="source", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [source]
    sqs.set_queue_attributes(
        QueueUrl=dead, Attributes={"RedriveAllowPolicy": json.dumps({"redrivePermission": "denyAll"})}
    )
    code, *_ = refused(sqs.create_queue, QueueName="unwelcome", Attributes={"RedrivePolicy": redrive})
    assert code == "InvalidParameterValue"
