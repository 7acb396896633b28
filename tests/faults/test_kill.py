"""`kill -9` under load: every acknowledged change is there after the restart, and nothing is half-made."""

import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError


def hammer(cloud, act, threads=16, seconds=1.2):
    """Call act(client factory, worker, i) from many threads, kill the server under them; what was acknowledged."""
    acknowledged, stop = [], threading.Event()

    def work(worker):
        i = 0
        try:
            one = act(cloud, worker)
            while not stop.is_set():
                acknowledged.append(one(i))
                i += 1
        except (BotoCoreError, ClientError):
            return

    crew = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for thread in crew:
        thread.start()
    time.sleep(seconds)
    cloud.kill()
    stop.set()
    for thread in crew:
        thread.join()
    cloud.restart()
    assert len(acknowledged) > threads, "the load was too small to show anything"
    return acknowledged


@pytest.mark.parametrize("durability", ["write", "fsync"])
def test_sent_messages_are_there(gureum_cloud, durability):
    cloud = gureum_cloud(durability=durability)
    url = cloud.client("sqs").create_queue(QueueName="load")["QueueUrl"]

    def act(cloud, worker):
        sqs = cloud.client("sqs")
        return lambda i: (sqs.send_message(QueueUrl=url, MessageBody=f"{worker}-{i}"), f"{worker}-{i}")[1]

    acknowledged = hammer(cloud, act)
    sqs, found = cloud.client("sqs"), set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        found |= {message["Body"] for message in messages}
    assert set(acknowledged) <= found


def test_put_objects_are_there_and_whole(gureum_cloud):
    cloud = gureum_cloud()
    cloud.client("s3").create_bucket(Bucket="load-bucket")

    def act(cloud, worker):
        s3 = cloud.client("s3")

        def put(i):
            size = 100 if i % 2 else 200_000
            s3.put_object(
                Bucket="load-bucket", Key=f"{worker}/{i}", Body=f"{worker}-{i}|".encode().ljust(size, b".")
            )
            return worker, i, size

        return put

    acknowledged = hammer(cloud, act, threads=8)
    s3 = cloud.client("s3")
    for worker, i, size in acknowledged:
        body = s3.get_object(Bucket="load-bucket", Key=f"{worker}/{i}")["Body"].read()
        assert body.startswith(f"{worker}-{i}|".encode())
        assert len(body) == size
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="load-bucket"):
        for item in page["Contents"]:
            assert len(s3.get_object(Bucket="load-bucket", Key=item["Key"])["Body"].read()) == item["Size"]


def test_made_queues_are_there(gureum_cloud):
    cloud = gureum_cloud()

    def act(cloud, worker):
        sqs = cloud.client("sqs")
        return lambda i: (
            sqs.create_queue(QueueName=f"q-{worker}-{i}", tags={"n": str(i)}),
            f"q-{worker}-{i}",
        )[1]

    acknowledged = hammer(cloud, act)
    sqs, found = cloud.client("sqs"), set()
    for page in sqs.get_paginator("list_queues").paginate(PaginationConfig={"PageSize": 1000}):
        found |= {url.rpartition("/")[2] for url in page.get("QueueUrls", [])}
    assert set(acknowledged) <= found
    for name in list(found)[:50]:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"n": name.rpartition("-")[2]}
