"""Messages through boto3: in, out, hidden, shown again, deleted, dead-lettered and moved back."""

import hashlib
import json
import threading
import time

import pytest
from botocore.exceptions import ClientError

from tests.services.sqs.test_queues import refused


@pytest.fixture
def sqs(gureum):
    return gureum.client("sqs")


@pytest.fixture
def queue(sqs, request):
    return sqs.create_queue(QueueName=f"q-{hashlib.md5(request.node.name.encode()).hexdigest()}")["QueueUrl"]


@pytest.fixture
def fifo(sqs, request):
    name = f"f-{hashlib.md5(request.node.name.encode()).hexdigest()}.fifo"
    return sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]


def bodies(sqs, url, most=10, **more):
    return [
        m["Body"]
        for m in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **more).get("Messages", [])
    ]


def count(sqs, url):
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return tuple(int(found[name]) for name in names)


def test_a_message_goes_in_comes_out_and_is_deleted(sqs, queue):
    attributes = {
        "text": {"DataType": "String", "StringValue": "값"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        "n": {"DataType": "Number.int", "StringValue": "42"},
    }
    sent = sqs.send_message(QueueUrl=queue, MessageBody="안녕", MessageAttributes=attributes)
    assert sent["MD5OfMessageBody"] == hashlib.md5("안녕".encode()).hexdigest()
    assert count(sqs, queue) == (1, 0, 0)
    got = sqs.receive_message(
        QueueUrl=queue, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )
    message = got["Messages"][0]
    assert message["Body"] == "안녕"
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert count(sqs, queue) == (0, 1, 0)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert count(sqs, queue) == (0, 0, 0)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def test_a_hidden_message_shows_itself_again(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    assert bodies(sqs, queue, VisibilityTimeout=1) == ["x"]
    assert bodies(sqs, queue) == []
    began = time.monotonic()
    assert bodies(sqs, queue, WaitTimeSeconds=5) == ["x"]
    assert 0.5 < time.monotonic() - began < 3


def test_a_delayed_message_waits(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="late", DelaySeconds=1)
    assert count(sqs, queue) == (0, 0, 1)
    assert bodies(sqs, queue) == []
    assert bodies(sqs, queue, WaitTimeSeconds=4) == ["late"]


def test_a_long_poll_is_woken_by_a_send(gureum, sqs, queue):
    def send():
        time.sleep(0.3)
        gureum.client("sqs").send_message(QueueUrl=queue, MessageBody="now")

    sender = threading.Thread(target=send)
    sender.start()
    began = time.monotonic()
    assert bodies(sqs, queue, WaitTimeSeconds=10) == ["now"]
    assert time.monotonic() - began < 5
    sender.join()


def test_visibility_can_be_changed_while_a_message_is_out(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="x")
    message = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    again = sqs.receive_message(QueueUrl=queue)["Messages"][0]
    assert again["ReceiptHandle"] != message["ReceiptHandle"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=again["ReceiptHandle"])
    args = {"QueueUrl": queue, "ReceiptHandle": again["ReceiptHandle"], "VisibilityTimeout": 5}
    assert refused(sqs.change_message_visibility, **args)[0] == "AWS.SimpleQueueService.MessageNotInflight"
    args["ReceiptHandle"] = "garbage"
    assert refused(sqs.change_message_visibility, **args)[0] == "ReceiptHandleIsInvalid"


def test_batches_tell_what_went_well_and_what_did_not(sqs, queue):
    answer = sqs.send_message_batch(
        QueueUrl=queue,
        Entries=[{"Id": "good", "MessageBody": "a"}, {"Id": "bad", "MessageBody": "b", "DelaySeconds": 1000}],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("bad", "InvalidParameterValue")]
    messages = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    entries = [{"Id": "1", "ReceiptHandle": messages[0]["ReceiptHandle"]}, {"Id": "2", "ReceiptHandle": "no"}]
    answer = sqs.delete_message_batch(QueueUrl=queue, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["1"]
    assert [entry["Id"] for entry in answer["Failed"]] == ["2"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "y"}], "BatchEntryIdsNotDistinct"),
        ([{"Id": str(i), "MessageBody": "x"} for i in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId"),
        ([{"Id": str(i), "MessageBody": "x" * 600_000} for i in range(2)], "BatchRequestTooLong"),
    ],
)
def test_bad_batches_change_nothing(sqs, queue, entries, code):
    assert (
        refused(sqs.send_message_batch, QueueUrl=queue, Entries=entries)[0]
        == f"AWS.SimpleQueueService.{code}"
    )
    assert count(sqs, queue) == (0, 0, 0)


@pytest.mark.parametrize("body", ["a\x00b", "\ufffe", ""])
def test_bad_bodies_are_refused(sqs, queue, body):
    assert refused(sqs.send_message, QueueUrl=queue, MessageBody=body)[2] == 400
    assert count(sqs, queue) == (0, 0, 0)


def test_a_message_that_is_too_long_is_refused(sqs, queue):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"MaximumMessageSize": "1024"})
    sqs.send_message(QueueUrl=queue, MessageBody="x" * 1024)
    code, message, _ = refused(sqs.send_message, QueueUrl=queue, MessageBody="x" * 1025)
    assert code == "InvalidParameterValue"
    assert "1024 bytes" in message


def test_fifo_keeps_order_within_a_group_and_closes_it_while_one_is_out(sqs, fifo):
    for i in range(3):
        for group in "ab":
            sqs.send_message(
                QueueUrl=fifo,
                MessageBody=f"{group}{i}",
                MessageGroupId=group,
                MessageDeduplicationId=f"{group}{i}",
            )
    first = sqs.receive_message(QueueUrl=fifo, MaxNumberOfMessages=1)["Messages"][0]
    assert first["Body"] == "a0"
    assert bodies(sqs, fifo) == ["b0", "b1", "b2"]
    assert bodies(sqs, fifo) == []
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
    assert bodies(sqs, fifo) == ["a1", "a2"]


def test_fifo_returns_an_expired_message_before_its_followers(sqs, fifo):
    for i in range(3):
        sqs.send_message(QueueUrl=fifo, MessageBody=str(i), MessageGroupId="g", MessageDeduplicationId=str(i))
    message = sqs.receive_message(QueueUrl=fifo)["Messages"][0]
    sqs.change_message_visibility(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(sqs, fifo) == ["0", "1", "2"]
    assert (
        refused(sqs.delete_message, QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])[0]
        == "InvalidParameterValue"
    )


def test_fifo_knows_duplicates_even_after_the_first_is_deleted(sqs, fifo):
    one = sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")
    message = sqs.receive_message(QueueUrl=fifo)["Messages"][0]
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
    two = sqs.send_message(QueueUrl=fifo, MessageBody="y", MessageGroupId="g", MessageDeduplicationId="d")
    assert (one["MessageId"], one["SequenceNumber"]) == (two["MessageId"], two["SequenceNumber"])
    assert bodies(sqs, fifo) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({}, "MissingParameter"),
        ({"MessageGroupId": "g"}, "InvalidParameterValue"),
        ({"MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 3}, "InvalidParameterValue"),
        ({"MessageGroupId": "g" * 129, "MessageDeduplicationId": "d"}, "InvalidParameterValue"),
    ],
)
def test_fifo_needs_its_parameters(sqs, fifo, more, code):
    assert refused(sqs.send_message, QueueUrl=fifo, MessageBody="x", **more)[0] == code


def test_a_receive_attempt_repeated_gives_the_same_messages(sqs, fifo):
    sqs.send_message(QueueUrl=fifo, MessageBody="x", MessageGroupId="g", MessageDeduplicationId="d")
    one = sqs.receive_message(QueueUrl=fifo, ReceiveRequestAttemptId="try")["Messages"]
    two = sqs.receive_message(QueueUrl=fifo, ReceiveRequestAttemptId="try")["Messages"]
    assert one[0]["ReceiptHandle"] == two[0]["ReceiptHandle"]
    assert bodies(sqs, fifo) == []


def test_a_noisy_group_does_not_starve_others_on_a_standard_queue(sqs, queue):
    for i in range(20):
        sqs.send_message(QueueUrl=queue, MessageBody=f"noisy{i}", MessageGroupId="noisy")
    sqs.send_message(QueueUrl=queue, MessageBody="quiet", MessageGroupId="quiet")
    assert "quiet" in bodies(sqs, queue, most=2)


def test_poison_goes_to_the_dead_letter_queue_and_back(sqs, queue):
    dead = sqs.create_queue(QueueName=queue.rpartition("/")[2] + "-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"RedrivePolicy": redrive, "VisibilityTimeout": "0"})
    sqs.send_message(QueueUrl=queue, MessageBody="poison")
    assert [bodies(sqs, queue) for _ in range(3)] == [["poison"], ["poison"], []]
    message = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"], VisibilityTimeout=0)[
        "Messages"
    ][0]
    assert message["Attributes"]["DeadLetterQueueSourceArn"].endswith(queue.rpartition("/")[2])
    sqs.start_message_move_task(SourceArn=arn)
    deadline = time.monotonic() + 10
    while (task := sqs.list_message_move_tasks(SourceArn=arn)["Results"][0])["Status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    assert bodies(sqs, queue) == ["poison"]
    assert count(sqs, dead) == (0, 0, 0)


def test_a_move_goes_only_from_dead_letter_queues(sqs, queue):
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    assert refused(sqs.start_message_move_task, SourceArn=arn)[0] == "InvalidParameterValue"


def test_purge_empties_and_may_not_be_repeated_at_once(sqs, queue):
    for i in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody=str(i))
    sqs.receive_message(QueueUrl=queue)
    sqs.purge_queue(QueueUrl=queue)
    assert count(sqs, queue) == (0, 0, 0)
    assert refused(sqs.purge_queue, QueueUrl=queue)[0] == "AWS.SimpleQueueService.PurgeQueueInProgress"


def test_nothing_acknowledged_is_lost_over_a_kill(gureum_cloud):
    cloud = gureum_cloud()
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName="kept")["QueueUrl"]
    fifo = sqs.create_queue(
        QueueName="kept.fifo", Attributes={"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    )["QueueUrl"]
    for i in range(20):
        sqs.send_message(QueueUrl=url, MessageBody=f"m{i}")
        sqs.send_message(QueueUrl=fifo, MessageBody=f"f{i}", MessageGroupId="g")
    gone = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=5)["Messages"]
    for message in gone[:3]:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    cloud.kill()
    cloud.restart()
    assert count(sqs, url) == (15, 2, 0)
    # A receipt from before the crash still deletes, and a duplicate is still one.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=gone[3]["ReceiptHandle"])
    sqs.send_message(QueueUrl=fifo, MessageBody="f3", MessageGroupId="g")
    left = set()
    while found := bodies(sqs, url):
        left |= set(found)
    assert left == {f"m{i}" for i in range(20)} - {m["Body"] for m in gone}
    assert bodies(sqs, fifo) + bodies(sqs, fifo) == [f"f{i}" for i in range(10)]
    assert count(sqs, fifo) == (10, 10, 0)


def test_bodies_lie_sealed_on_the_disk(gureum_cloud):
    cloud = gureum_cloud()
    sqs = cloud.client("sqs")
    secret, plain = "a-very-secret-sentence", "an-open-sentence"
    url = sqs.create_queue(QueueName="sealed")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=secret)
    url = sqs.create_queue(QueueName="plain", Attributes={"SqsManagedSseEnabled": "false"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=plain)
    cloud.stop()
    disk = b"".join(path.read_bytes() for path in cloud.data.rglob("*") if path.is_file())
    assert secret.encode() not in disk
    assert plain.encode() in disk


def test_the_query_protocol_still_serves_old_clients(gureum, queue):
    import urllib.request

    from gureum.gateway.sigv4 import sign

    body = f"Action=SendMessage&Version=2012-11-05&QueueUrl={queue}&MessageBody=old".encode()
    key = gureum.credentials
    host = gureum.endpoint.removeprefix("http://")
    headers = sign(
        "POST",
        "/",
        "",
        {"host": host, "content-type": "application/x-www-form-urlencoded"},
        body,
        access_key=key.access_key_id,
        secret=key.secret_access_key,
        region="us-east-1",
        service="sqs",
    )
    request = urllib.request.Request(f"{gureum.endpoint}/", data=body, headers=headers)
    with urllib.request.urlopen(request) as answer:
        assert b"<MD5OfMessageBody>" in answer.read()
    assert bodies(gureum.client("sqs"), queue) == ["old"]


def test_another_account_needs_the_queue_s_policy(gureum_cloud):
    cloud = gureum_cloud(auth="open")
    mine, theirs = (
        cloud.client("sqs"),
        cloud.client("sqs", aws_access_key_id="111122223333", aws_secret_access_key="any"),
    )
    url = mine.create_queue(QueueName="guarded")["QueueUrl"]
    with pytest.raises(ClientError) as denied:
        theirs.send_message(QueueUrl=url, MessageBody="x")
    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    mine.add_permission(QueueUrl=url, Label="t", AWSAccountIds=["111122223333"], Actions=["SendMessage"])
    theirs.send_message(QueueUrl=url, MessageBody="x")
    with pytest.raises(ClientError):
        theirs.receive_message(QueueUrl=url)
    assert bodies(mine, url) == ["x"]
