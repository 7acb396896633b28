"""CloudWatch Logs through boto3: groups, streams, events, queries, tails, and what is refused."""

import threading
import time

import pytest
from botocore.config import Config

from tests.services.sqs.test_queues import refused


@pytest.fixture
def logs(gureum):
    return gureum.client("logs")


@pytest.fixture
def stream(logs, request):
    group = f"/test/{request.node.name}"[:200]
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    return {"logGroupName": group, "logStreamName": "s"}


def put(logs, stream, *messages, at=None, step=1):
    now = int(time.time() * 1000) if at is None else at
    events = [{"timestamp": now + i * step, "message": message} for i, message in enumerate(messages)]
    return logs.put_log_events(**stream, logEvents=events)


def messages(answer):
    return [event["message"] for event in answer["events"]]


def test_groups_are_made_described_and_deleted(logs):
    logs.create_log_group(logGroupName="/g/one", tags={"a": "b"})
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/g/one")["logGroups"]
    assert group["arn"] == "arn:aws:logs:us-east-1:000000000000:log-group:/g/one:*"
    assert logs.list_tags_for_resource(resourceArn=group["logGroupArn"])["tags"] == {"a": "b"}
    assert refused(logs.create_log_group, logGroupName="/g/one")[:2] == (
        "ResourceAlreadyExistsException",
        "The specified log group already exists",
    )
    logs.put_retention_policy(logGroupName="/g/one", retentionInDays=7)
    assert logs.describe_log_groups(logGroupNamePrefix="/g/one")["logGroups"][0]["retentionInDays"] == 7
    assert (
        refused(logs.put_retention_policy, logGroupName="/g/one", retentionInDays=8)[0]
        == "InvalidParameterException"
    )
    logs.delete_log_group(logGroupName="/g/one")
    assert refused(logs.delete_log_group, logGroupName="/g/one")[:2] == (
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )


def test_a_protected_group_stays(logs):
    logs.create_log_group(logGroupName="/g/kept", deletionProtectionEnabled=True)
    assert refused(logs.delete_log_group, logGroupName="/g/kept")[0] == "ValidationException"
    logs.put_log_group_deletion_protection(logGroupIdentifier="/g/kept", deletionProtectionEnabled=False)
    logs.delete_log_group(logGroupName="/g/kept")


def test_events_come_back_in_order_page_by_page_both_ways(logs, stream):
    put(logs, stream, *[f"m{i}" for i in range(10)])
    head = logs.get_log_events(**stream, startFromHead=True, limit=4)
    assert messages(head) == ["m0", "m1", "m2", "m3"]
    following = logs.get_log_events(**stream, nextToken=head["nextForwardToken"], limit=4)
    assert messages(following) == ["m4", "m5", "m6", "m7"]
    back = logs.get_log_events(**stream, nextToken=following["nextBackwardToken"], limit=2)
    assert messages(back) == ["m2", "m3"]
    assert messages(logs.get_log_events(**stream, limit=3)) == ["m7", "m8", "m9"]
    end = logs.get_log_events(**stream, startFromHead=True)
    again = logs.get_log_events(**stream, nextToken=end["nextForwardToken"])
    assert messages(again) == []
    assert again["nextForwardToken"] == end["nextForwardToken"]
    put(logs, stream, "later", at=int(time.time() * 1000) + 1000)
    assert messages(logs.get_log_events(**stream, nextToken=end["nextForwardToken"])) == ["later"]
    assert refused(logs.get_log_events, **stream, nextToken="x")[0] == "InvalidParameterException"


def test_streams_know_their_times(logs, stream):
    now = int(time.time() * 1000)
    put(logs, stream, "a", "b", at=now - 5000, step=1000)
    logs.create_log_stream(logGroupName=stream["logGroupName"], logStreamName="z-older")
    put(logs, {**stream, "logStreamName": "z-older"}, "x", at=now - 60_000)
    newest = logs.describe_log_streams(
        logGroupName=stream["logGroupName"], orderBy="LastEventTime", descending=True
    )
    assert [s["logStreamName"] for s in newest["logStreams"]] == ["s", "z-older"]
    assert newest["logStreams"][0]["firstEventTimestamp"] == now - 5000
    assert newest["logStreams"][0]["lastEventTimestamp"] == now - 4000
    stored = logs.describe_log_groups(logGroupNamePrefix=stream["logGroupName"])["logGroups"][0][
        "storedBytes"
    ]
    assert stored == 3 * 27


def test_events_that_cannot_be_kept_are_told(logs, stream):
    now = int(time.time() * 1000)
    answer = put(logs, stream, "old", at=now - 15 * 86_400_000)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    answer = put(logs, stream, "fine", "new", at=now, step=3 * 3_600_000)
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    assert messages(logs.get_log_events(**stream, startFromHead=True)) == ["fine"]


def test_bad_batches_are_refused_whole(logs, stream):
    now = int(time.time() * 1000)
    backwards = [{"timestamp": now, "message": "b"}, {"timestamp": now - 1, "message": "a"}]
    code, text, _ = refused(logs.put_log_events, **stream, logEvents=backwards)
    assert (code, "chronological order" in text) == ("InvalidParameterException", True)
    long = [{"timestamp": now, "message": "x" * 600_000} for _ in range(2)]
    assert refused(logs.put_log_events, **stream, logEvents=long)[0] == "InvalidParameterException"
    spread = [{"timestamp": now - 25 * 3_600_000, "message": "a"}, {"timestamp": now, "message": "b"}]
    assert "24 hours" in refused(logs.put_log_events, **stream, logEvents=spread)[1]
    assert messages(logs.get_log_events(**stream, startFromHead=True)) == []
    missing = {"logGroupName": stream["logGroupName"], "logStreamName": "none"}
    assert (
        refused(logs.put_log_events, **missing, logEvents=backwards)[1]
        == "The specified log stream does not exist."
    )


def test_filtering_finds_by_pattern_over_streams(logs, stream):
    logs.create_log_stream(logGroupName=stream["logGroupName"], logStreamName="t")
    now = int(time.time() * 1000)
    put(logs, stream, "ERROR one", "fine", at=now)
    put(logs, {**stream, "logStreamName": "t"}, '{"level":"ERROR","n":3}', "ERROR two", at=now + 5)
    group = {"logGroupName": stream["logGroupName"]}
    found = logs.filter_log_events(**group, filterPattern="ERROR")
    assert [e["logStreamName"] for e in found["events"]] == ["s", "t", "t"]
    found = logs.filter_log_events(**group, filterPattern='{ $.level = "ERROR" && $.n > 2 }')
    assert messages(found) == ['{"level":"ERROR","n":3}']
    pages = logs.get_paginator("filter_log_events").paginate(**group, PaginationConfig={"PageSize": 1})
    assert len([e for page in pages for e in page["events"]]) == 4
    assert messages(logs.filter_log_events(**group, logStreamNames=["t"], filterPattern="two")) == [
        "ERROR two"
    ]
    assert (
        refused(logs.filter_log_events, **group, filterPattern="{ $.a = ")[0] == "InvalidParameterException"
    )


def test_metric_filters_can_be_tried_out(logs):
    found = logs.test_metric_filter(
        filterPattern="[ip, code=4*]", logEventMessages=["1.2.3.4 404", "1.2.3.4 200"]
    )
    assert found["matches"] == [
        {
            "eventNumber": 1,
            "eventMessage": "1.2.3.4 404",
            "extractedValues": {"$ip": "1.2.3.4", "$code": "404"},
        }
    ]


def run_query(logs, group, text):
    now = int(time.time())
    started = logs.start_query(logGroupName=group, startTime=now - 3600, endTime=now + 60, queryString=text)
    deadline = time.monotonic() + 15
    while (found := logs.get_query_results(queryId=started["queryId"]))["status"] in {"Scheduled", "Running"}:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert found["status"] == "Complete"
    return found


def test_insights_counts_and_leads_back_to_the_event(logs, stream):
    put(logs, stream, *[f'{{"user":"u{i % 2}","ms":{i}}}' for i in range(10)])
    found = run_query(
        logs, stream["logGroupName"], "stats count(*) as n, max(ms) as most by user | sort user asc"
    )
    rows = [{cell["field"]: cell["value"] for cell in row} for row in found["results"]]
    assert rows == [{"user": "u0", "n": "5", "most": "8"}, {"user": "u1", "n": "5", "most": "9"}]
    assert found["statistics"]["recordsScanned"] == 10
    found = run_query(logs, stream["logGroupName"], "fields @message | filter ms = 7")
    (row,) = found["results"]
    pointer = next(cell["value"] for cell in row if cell["field"] == "@ptr")
    assert logs.get_log_record(logRecordPointer=pointer)["logRecord"]["@message"] == '{"user":"u1","ms":7}'


def test_a_malformed_query_is_refused_with_its_place(logs, stream):
    now = int(time.time())
    args = {"logGroupName": stream["logGroupName"], "startTime": now - 1, "endTime": now}
    assert refused(logs.start_query, **args, queryString="stats bogus((")[0] == "MalformedQueryException"


def test_live_tail_tells_what_comes_in(gureum, logs, stream):
    arn = logs.describe_log_groups(logGroupNamePrefix=stream["logGroupName"])["logGroups"][0]["logGroupArn"]
    client = gureum.client("logs", config=Config(inject_host_prefix=False))
    events = client.start_live_tail(logGroupIdentifiers=[arn], logEventFilterPattern="yes")["responseStream"]
    sender = threading.Timer(0.3, lambda: put(logs, stream, "yes 1", "no", "yes 2"))
    sender.start()
    seen = []
    for event in events:
        if "sessionUpdate" in event:
            seen += [line["message"] for line in event["sessionUpdate"]["sessionResults"]]
        if len(seen) >= 2:
            break
    events.close()
    assert seen == ["yes 1", "yes 2"]


def test_events_survive_a_kill_and_deletion_is_for_good(gureum_cloud):
    cloud = gureum_cloud()
    logs = cloud.client("logs")
    for name in ("kept", "gone"):
        logs.create_log_group(logGroupName=name)
        logs.create_log_stream(logGroupName=name, logStreamName="s")
        put(logs, {"logGroupName": name, "logStreamName": "s"}, *[f"{name}-{i}" for i in range(100)])
    logs.delete_log_group(logGroupName="gone")
    cloud.kill()
    cloud.restart()
    assert messages(logs.get_log_events(logGroupName="kept", logStreamName="s", startFromHead=True)) == [
        f"kept-{i}" for i in range(100)
    ]
    logs.create_log_group(logGroupName="gone")
    logs.create_log_stream(logGroupName="gone", logStreamName="s")
    assert messages(logs.get_log_events(logGroupName="gone", logStreamName="s")) == []
