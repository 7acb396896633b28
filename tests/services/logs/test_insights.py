"""Logs Insights queries: the guide's examples, and rules that it states."""

import json
from collections.abc import Iterable

import pytest

from gureum.services.logs.insights import Event, Malformed, parse, run
from gureum.services.logs.insights.compile import Clock
from gureum.services.logs.insights.run import check

HOUR = 3_600_000
START = 1_704_067_200_000  # 2024-01-01 00:00:00
CLOCK = Clock(now=START + HOUR, start=START, end=START + HOUR)


def events(messages: Iterable[object], step: int = 60_000, group: str = "app") -> list[Event]:
    """One event a message, `step` milliseconds apart; what is no text becomes JSON."""
    return [
        Event(
            m if isinstance(m, str) else json.dumps(m, ensure_ascii=False),
            START + at * step, START + at * step + 5, f"stream-{at % 2}", group, "111122223333", f"ptr{at}",
        )
        for at, m in enumerate(messages)
    ]  # fmt: skip


def rows(query: str, messages: Iterable[object], **options: object) -> list[dict[str, str]]:
    found = run(parse(query), events(messages, **options), CLOCK).rows  # type: ignore[arg-type]
    return [{f["field"]: f["value"] for f in row if f["field"] != "@ptr"} for row in found]


def values(expression: str, message: object = "m") -> str | None:
    """The one value of an expression over one event."""
    return rows(f"fields {expression} as v", [message])[0].get("v")


def test_what_a_row_looks_like() -> None:
    outcome = run(parse("fields @timestamp, @message, none"), events(["a", "b"]), CLOCK)
    assert outcome.rows == [
        [
            {"field": "@timestamp", "value": "2024-01-01 00:01:00.000"},
            {"field": "@message", "value": "b"},
            {"field": "@ptr", "value": "ptr1"},
        ],
        [
            {"field": "@timestamp", "value": "2024-01-01 00:00:00.000"},
            {"field": "@message", "value": "a"},
            {"field": "@ptr", "value": "ptr0"},
        ],
    ]
    assert (outcome.statistics.scanned, outcome.statistics.matched, outcome.statistics.scanned_bytes) == (
        2,
        2,
        2,
    )


def test_system_fields() -> None:
    (row,) = rows("fields @ingestionTime, @logStream, @log, @ptr", ["구름"])
    assert row == {
        "@ingestionTime": "2024-01-01 00:00:00.005",
        "@logStream": "stream-0",
        "@log": "111122223333:app",
    }
    assert run(parse("limit 1"), events(["구름"]), CLOCK).statistics.scanned_bytes == 6


@pytest.mark.parametrize(
    "query", ["", "filter @message like /./", "limit 5", "sort @timestamp desc", "# all\nlimit 9"]
)
def test_without_fields_the_time_and_the_message_show(query: str) -> None:
    assert [list(row) for row in rows(query, ["a", "b"])] == [["@timestamp", "@message"]] * 2


DOCUMENT = {
    "range": 3500, "accountId": "123456789012", "status": 404, "ok": True, "bad": False, "none": None, "price": 1.50,
    "user": {"id": "u1", "a.b": 7}, "list": ["x", {"y": 2}], "big": 12345678901234567890, "s": "", "w": "  ",
    "ip": "10.1.2.3", "f-b": "dash", "path": "/api/v1/users",
}  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "matches"),
    [
        ("(range>3000)", True),
        ("range>3000 and accountId=123456789012", True),
        ("range < 3000 or accountId = '123456789012'", True),
        ("range < 3000 or accountId = 1", False),
        ("not range < 3000", True),
        ("not (range < 3000) and not status = 200", True),
        ("status = '404'", True),
        ("status in [200, 404]", True),
        ("status in ['404']", True),
        ("status not in [200, 404]", False),
        ("none in ['']", False),
        ("ok = 1", True),
        ("ok = true and bad = false and bad = 0", True),
        ("user.id = 'u1'", True),
        ("user.a.b = 7", True),
        ("list.0 = 'x' and list.1.y = 2", True),
        ("list[1].y = 2", True),
        ("`f-b` = 'dash'", True),
        ("user.`id` = \"u1\"", True),
        ("ispresent(range) and not isPresent(none) and not ispresent(user) and not ispresent(zzz)", True),
        ("zzz = 1", False),
        ("zzz != 1", True),
        ("zzz < 1 or zzz >= 1", False),
        ("path like '/api'", True),
        ('path like "/v2"', False),
        ("path like /^\\/api\\/v\\d+/", True),
        ("path =~ /(?i)USERS$/", True),
        ("path =~ 'users'", True),
        ("path not like /users/", False),
        ("zzz not like /users/", True),
        ("zzz like /users/", False),
        ("isIpInSubnet(ip, '10.0.0.0/8') and isIpv4InSubnet(ip, '10.1.0.0/16')", True),
        ("isIpv6InSubnet(ip, '2001:db8::/32')", False),
        ("isValidIp(ip) and isValidIpV4(ip) and not isValidIpV6(ip) and isPrivateIP(ip)", True),
        ("range / 2 > 1000 and range % 1000 = 500", True),
        ("strcontains(path, 'users') = 1", True),
        ("strcontains(path, 'USERS', true)", True),
        ("isempty(s) and isempty(zzz) and not isempty(path)", True),
        ("isblank(w) and isblank(zzz) and not isblank(path)", True),
        ("@message like 'accountId'", True),
        ("@timestamp >= 1704067200000 and @timestamp < 1704067200001", True),
        ("toMillis(@timestamp) >= (now() * 1000 - 7200000)", True),
        ("abs(-5) = 5 AND 2 ^ 3 ^ 2 = 512", True),
        ("'b' > 'a' and 10 > 9 and '10' > '9'", True),
        ("range > 1000 and range < 5000 # and nothing more", True),
    ],
)  # fmt: skip
def test_filter(condition: str, matches: bool) -> None:
    assert bool(rows(f"filter {condition}", [DOCUMENT])) is matches
    assert bool(rows(f"where {condition}", [DOCUMENT])) is matches


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("2 ^ 3", "8"), ("10 % 3", "1"), ("-10 % 3", "-1"), ("7 / 2", "3.5"), ("6 / 2", "3"), ("1 / 3", "0.3333"),
        ("1 / 0", None), ("1 + zzz", None), ("'a' + 1", None), ("2 + 3 * 4", "14"), ("(2 + 3) * 4", "20"),
        ("-2 ^ 2", "4"), ("1 - -1", "2"),
        ("abs(0 - 3.5)", "3.5"), ("ceil(1.2)", "2"), ("floor(-1.2)", "-2"), ("greatest(1, 5, 3)", "5"),
        ("least(4, '2', 3)", "2"), ("sqrt(16)", "4"), ("sqrt(-1)", None), ("log(1)", "0"), ("round(2.5)", "3"),
        ("round(2.345, 2)", "2.35"), ("round(haversine(48.8566, 2.3522, 51.5074, -0.1278))", "344"),
        ("ltrim('xyZxyfooxyZ', 'xyZ')", "fooxyZ"), ("rtrim('xyZfooxyxyZ', 'xyZ')", "xyZfoo"),
        ("trim('xyZxyfooxyxyZ', 'xyZ')", "foo"), ("trim('  a ')", "a"), ("strlen('구름')", "2"),
        ("toupper('a')", "A"), ("tolower('A')", "a"), ("substr('xyZfooxyZ', 3, 3)", "foo"), ("substr('abc', 1)", "bc"),
        ("substr('abc', 9)", ""), ("replace('foo', 'o', '0')", "f00"), ("concat('a', 1, zzz, 'b')", "a1b"),
        ("regexReplace('a1b22', '[0-9]+', '#')", "a#b#"), (r"regexReplace('k=v', /(\w)=(\w)/, '$2=$1')", "v=k"),
        ("startsWith('abc', 'ab')", "1"), ("endsWith('abc', 'ab')", "0"), ("strcontains('abc', 'b')", "1"),
        ("urlencode('a b/ü')", "a%20b%2F%C3%BC"), ("urldecode('a%20b')", "a b"), ("base64encode('hi')", "aGk="),
        ("base64decode('aGk=')", "hi"), ("base64decode('!')", None), ("hexToAscii('48656c6c6f')", "Hello"),
        ("hexToDec('0xff')", "255"), ("decToHex(255)", "0xff"), ("decToHex(-255)", "-0xff"),
        ("md5('a')", "0cc175b9c0f1b6a831c399e269772661"), ("messageSize('구름')", "6"), ("split('a,b', ',')", '["a","b"]'),
        ("coalesce(zzz, '', 'b')", ""), ("if(1 = 1, 'y', 'n')", "y"), ("if(1 > 1, 'y', 'n')", "n"),
        ("case(1 = 2, 'a', 2 = 2, 'b', 'c')", "b"), ("case(1 = 2, 'a', 'c')", "c"), ("case(1 = 2, 'a')", None),
        ("isNumeric('1e3')", "1"), ("isNumeric('1x')", "0"), ("toInt('3.9')", "3"), ("toInt(3e9)", None),
        ("toLong(3e9)", "3000000000"), ("ispresent(@message)", "1"), ("1 = 1", "1"), ("'x' in ['y']", "0"),
        ("isempty(zzz)", "1"), ("not true", "0"), ("ipv4ToNumber('1.2.3.4')", "16909060"), ("isPublicIP('8.8.8.8')", "1"),
        ("fromMillis(1704067200123)", "2024-01-01 00:00:00.123"), ("toMillis(@timestamp)", "1704067200000"),
        ("now()", "1704070800"), ("queryTimeRange()", "3600000"), ("@timestamp", "2024-01-01 00:00:00.000"),
        ("datefloor(1704069999999, 1h)", "2024-01-01 00:00:00.000"),
        ("dateceil(1704069999999, 1h)", "2024-01-01 01:00:00.000"), ("dateceil(@timestamp, 1h)", "2024-01-01 00:00:00.000"),
        ("datefloor(1707000000000, 1mo)", "2024-02-01 00:00:00.000"), ("dateceil(1707000000000, 1q)", "2024-04-01 00:00:00.000"),
        ("datefloor(1707000000000, 1w)", "2024-01-29 00:00:00.000"), ("bin(5 minutes)", "2024-01-01 00:00:00.000"),
        ("parseDate('2024-01-01', 'yyyy-MM-dd', 'UTC')", "1704067200000"),
        ("parseDate('01/Jan/2024:09:00:00 +0900', 'dd/MMM/yyyy:HH:mm:ss Z')", "1704067200000"),
        ("formatDate(@timestamp, '%Y-%m-%d', 'UTC')", "2024-01-01"),
        ("jsonParse('[1')", None), ("jsonParse('3')", None), ("jsonStringify(jsonParse('{\"a\":[1,true]}'))", '{"a":[1,true]}'),
        ("jsonArraySize('[1,2]')", "2"), ("jsonArrayContains('[\"admin\"]', 'admin')", "1"), ("toupper(jsonParse('{}'))", None),
        ("jsonParse('{\"a\":1}') = 1", "0"),
    ],
)  # fmt: skip
def test_expressions(expression: str, value: str | None) -> None:
    assert values(expression) == value


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("price", "1.5"), ("big", "12345678901234567890"), ("ok", "1"), ("none", None), ("user", None), ("list", None),
        ("list.1.y", "2"), ("list.7", None), ("s", ""),
    ],
)  # fmt: skip
def test_discovered_fields(path: str, value: str | None) -> None:
    assert values(path, DOCUMENT) == value


def test_a_number_shows_as_it_was_written() -> None:
    assert values("n", '{"n": 1.50}') == "1.50"
    assert values("n", '{"n": 1E3}') == "1E3"
    assert values("n * 2", '{"n": 1.50}') == "3"


def test_lambda_and_flow_log_fields() -> None:
    report = (
        "REPORT RequestId: 8f5c0e5e-1111-2222-3333-444455556666\tDuration: 102.27 ms\tBilled Duration: 103 ms\t"
        "Memory Size: 128 MB\tMax Memory Used: 66 MB\tInit Duration: 130.95 ms\t"
    )
    query = (
        "fields @type, @requestId, @duration, @billedDuration, @memorySize, @maxMemoryUsed/1000/1000 as mb"
    )
    assert rows(query, [report], group="/aws/lambda/f") == [
        {"@type": "REPORT", "@requestId": "8f5c0e5e-1111-2222-3333-444455556666", "@duration": "102.27"}
        | {"@billedDuration": "103", "@memorySize": "128000000", "mb": "66"}
    ]
    assert values("@type", report) is None
    embedded = '2024-01-01T00:00:00.000Z\t8f5c0e5e-1111-2222-3333-444455556666\tINFO\t{"a": {"b": 2}} tail'
    assert rows("fields a.b, @requestId", [embedded], group="/aws/lambda/f") == [
        {"a.b": "2", "@requestId": "8f5c0e5e-1111-2222-3333-444455556666"}
    ]
    flow = "2 123456789010 eni-1235b8ca123456789 172.31.16.139 172.31.16.21 20641 22 6 20 4249 1418530010 1418530070 ACCEPT OK"
    assert rows("stats sum(packets) as n by srcAddr, dstAddr, action", [flow, flow]) == [
        {"srcAddr": "172.31.16.139", "dstAddr": "172.31.16.21", "action": "ACCEPT", "n": "40"}
    ]


# parse

LATENCIES = [
    f"user={u}, method:{m}, latency := {n}"
    for u, m, n in (("a", "GET", 10), ("b", "GET", 20), ("a", "PUT", 5))
]


@pytest.mark.parametrize(
    "query",
    [
        'parse @message "user=*, method:*, latency := *" as @user, @method, @latency | stats avg(@latency) as n by @method',
        "parse 'user=*, method:*, latency := *' as @user, @method, @latency | stats avg(@latency) as n by @method",
        r"parse @message /user=(?<user2>.*?), method:(?<m2>.*?), latency := (?<l2>\d+)/ | stats avg(l2) as n by m2",
        r"parse @message /method:(\w+), latency := (\d+)/ as m, l | stats avg(l) as n by m",
    ],
)  # fmt: skip
def test_parse_examples(query: str) -> None:
    found = [list(row.values()) for row in rows(query + " | sort n desc", LATENCIES)]
    assert found == [["GET", "15"], ["PUT", "5"]]


def test_what_does_not_match_stays() -> None:
    found = rows(
        "fields @message | parse @message '[*] *' as level, rest | sort @timestamp", ["[INFO] a b", "none"]
    )
    assert found == [{"@message": "[INFO] a b", "level": "INFO", "rest": "a b"}, {"@message": "none"}]


def test_chained_and_other_parse_modes() -> None:
    query = 'parse @message "url=*" as url | parse url "/api/*/users/*" as v, id | display v, id'
    assert rows(query, ["x url=/api/v2/users/77"]) == [{"v": "v2", "id": "77"}]
    assert rows('parse @logStream "*-*" as a, b | display a, b', ["m"]) == [{"a": "stream", "b": "0"}]
    line = 'level=error msg="it \\"broke\\"" duration=12 flag'
    assert rows(
        "parse @message logfmt as lf | filter lf.level='error' | display lf.msg, lf.duration, lf.flag", [line]
    ) == [{"lf.msg": 'it "broke"', "lf.duration": "12", "lf.flag": "true"}]
    assert rows(
        "parse @message csv as t, level, text | filter level = 'ERROR' | display t, text",
        ['1,ERROR,"a,b"', "2,INFO,c"],
    ) == [{"t": "1", "text": "a,b"}]
    query = r"parse @message /(\d+\.\d+\.\d+\.\d+)/ as ip multi | stats count(*) as n by ip | sort ip"
    assert rows(query, ["1.1.1.1 to 2.2.2.2", "1.1.1.1", "none"]) == [
        {"n": "1"},
        {"ip": "1.1.1.1", "n": "2"},
        {"ip": "2.2.2.2", "n": "1"},
    ]
    assert rows(
        'json field=requestContext "identity.sourceIp" as caller | display caller',
        [{"requestContext": {"identity": {"sourceIp": "9.9.9.9"}}}],
    ) == [{"caller": "9.9.9.9"}]
    assert rows(
        r'parse /(?<payload>\{.*\})/ | json field=payload "user.name" as u | display u',
        ['x {"user":{"name":"bo"}}'],
    ) == [{"u": "bo"}]


# stats


def test_stats_functions() -> None:
    numbers = [{"n": n, "t": t} for n, t in ((3, "b"), (1, "10"), (None, "a9"), ("x", "a12"), (8, None))]
    query = (
        "stats count(*) as all, count(n) as n, count() as c, sum(n), avg(n), min(n), max(n), stddev(n) as sd, pct(n, 50) as p, "
        "count_distinct(t) as d, earliest(n) as e, latest(n) as l, sortsFirst(t) as f, sortsLast(t) as z, max(t) as mt, min(@timestamp) as m"
    )
    (row,) = rows(query, numbers)
    assert row == {
        "all": "5", "n": "4", "c": "5", "sum(n)": "12", "avg(n)": "4", "min(n)": "1", "max(n)": "8", "sd": "2.9439",
        "p": "3", "d": "4", "e": "3", "l": "8", "f": "a9", "z": "10", "mt": "10", "m": "1704067200000",
    }  # fmt: skip


def test_stats_by_bin_come_newest_first() -> None:
    found = rows("stats count(*) as n, max(v) by bin(5m)", [{"v": n} for n in range(7)])
    assert found == [
        {"bin(5m)": "2024-01-01 00:05:00.000", "n": "2", "max(v)": "6"},
        {"bin(5m)": "2024-01-01 00:00:00.000", "n": "5", "max(v)": "4"},
    ]


def test_a_period_is_capped_by_its_unit() -> None:
    found = rows("stats count(*) as n by bin(300s)", range(3), step=60_000)
    assert [row["n"] for row in found] == ["1", "1", "1"]
    assert [row["n"] for row in rows("stats count(*) as n by bin(300 minutes)", range(3), step=60_000)] == [
        "3"
    ]
    assert [row["n"] for row in rows("stats count(*) as n by bin(2 days)", range(3), step=24 * HOUR)] == [
        "2",
        "1",
    ]


def test_two_stats() -> None:
    query = """FIELDS strlen(@message) AS message_length
    | STATS sum(message_length)/2 as half BY bin(5m) as @t
    | STATS max(half) AS peak, min(half) AS low, avg(half) AS mean BY dateceil(@t, 10m)"""
    found = rows(query, ["ab"] * 15)
    assert found == [
        {"dateceil(@t, 10m)": "2024-01-01 00:10:00.000", "peak": "5", "low": "5", "mean": "5"},
        {"dateceil(@t, 10m)": "2024-01-01 00:00:00.000", "peak": "5", "low": "5", "mean": "5"},
    ]
    query = """STATS count_distinct(ip) AS ips, count(*) AS requests BY session
    | FILTER ips > 1
    | STATS count(*) AS sessions, sum(requests) / count(*) AS mean"""
    messages = [
        {"ip": i, "session": s} for i, s in ((1, "a"), (2, "a"), (1, "b"), (1, "c"), (3, "c"), (4, "c"))
    ]
    assert rows(query, messages) == [{"sessions": "2", "mean": "2.5"}]
    assert rows("stats sum(x) by y | stats max(sum(x)) as top", [{"x": 1, "y": 1}, {"x": 5, "y": 2}]) == [
        {"top": "5"}
    ]


def test_sorting_by_an_aggregate_as_it_was_written() -> None:
    found = rows("stats count(*) by k | sort count( * ) desc, k", [{"k": k} for k in "abbcc"])
    assert found == [{"k": "b", "count(*)": "2"}, {"k": "c", "count(*)": "2"}, {"k": "a", "count(*)": "1"}]
    assert rows("stats count(*) by duration as time | sort time desc", [{"duration": d} for d in (1, 2)])[
        0
    ] == {"time": "2", "count(*)": "1"}


def test_stats_of_nothing_is_nothing() -> None:
    assert rows("filter 1 = 2 | stats count(*)", ["a"]) == []


# the other commands


def test_natural_sort() -> None:
    ordered = [
        "!:",
        "#",
        "*%04",
        "0#",
        "5A",
        "111A",
        "2345_",
        "@",
        "@_",
        "A",
        "A9876fghj",
        "a12345hfh",
        "0",
        "01",
        "1",
        "2",
        "3",
    ]
    messages = [{"v": v} for v in reversed(ordered)]
    assert [row["v"] for row in rows("fields v | sort v asc", messages)] == ordered
    assert [row["v"] for row in rows("fields v | sort v desc | limit 3", messages)] == ["3", "2", "1"]
    assert rows("fields v, w | sort w, v desc | limit 2", [{"v": 1, "w": 1}, {"v": 3, "w": 2}, {"v": 2, "w": 1}]) == [
        {"v": "2", "w": "1"}, {"v": "1", "w": "1"},
    ]  # fmt: skip


def test_dedup() -> None:
    messages = [{"s": "a", "n": 1}, {"s": "b", "n": 2}, {"s": "a", "n": 3}, {"n": 4}, {"n": 5}]
    assert [r["n"] for r in rows("fields n | dedup s", messages)] == ["5", "4", "3", "2"]
    assert [r["n"] for r in rows("fields n | sort n | dedup s | limit 3", messages)] == ["1", "2", "4"]
    assert [r["n"] for r in rows("fields n | dedup s, n", messages)] == ["5", "4", "3", "2", "1"]


def test_unnest_and_expand() -> None:
    message = {"events": [{"name": "exception"}, {"name": "user action"}]}
    query = "fields jsonParse(@message) as json_message | unnest json_message.events into event | display event.name"
    assert rows(query, [message]) == [{"event.name": "exception"}, {"event.name": "user action"}]
    query = "fields jsonParse(@message) as js | unnest js.accounts into account | filter account.type = 'internal' | stats sum(account.n) as n by account.id"
    accounts = {"accounts": [{"type": "internal", "n": 1, "id": "x"}, {"type": "other", "n": 9, "id": "x"}]}
    assert rows(query, [accounts, accounts]) == [{"account.id": "x", "n": "2"}]
    assert rows(
        "fields jsonParse(@message) as j | filter j.users[1].a = 'P' | display j.users[0].a",
        [{"users": [{"a": 1}, {"a": "P"}]}],
    ) == [{"j.users.0.a": "1"}]
    expanded = rows(
        "expand items | stats count(*) as n by items, host", [{"items": ["apple", "fig"], "host": "web-01"}]
    )
    assert expanded == [
        {"items": "apple", "host": "web-01", "n": "1"},
        {"items": "fig", "host": "web-01", "n": "1"},
    ]
    assert rows("fields jsonParse(@message) as j | unnest j.x into x | display x", [{"x": 3}]) == [{"x": "3"}]


def test_display_and_aliases() -> None:
    assert rows("fields a | fields b as c | sort c", [{"a": 1, "b": 2}]) == [{"a": "1", "c": "2"}]
    assert rows("fields a, b | display b", [{"a": 1, "b": 2}]) == [{"b": "2"}]
    assert rows("fields abs(a), `a`", [{"a": -1}]) == [{"abs(a)": "1", "a": "-1"}]


def test_running_sums_and_gaps() -> None:
    assert [
        r["t"] for r in rows("fields n | sort @timestamp | accum n as t", [{"n": n} for n in (1, 2, 3)])
    ] == ["1", "3", "6"]
    found = rows(
        "fields host, cpu1 | sort @timestamp | filldown host cpu*",
        [{"host": "a", "cpu1": 1}, {"x": 1}, {"host": "b"}],
    )
    assert found == [{"host": "a", "cpu1": "1"}, {"host": "a", "cpu1": "1"}, {"host": "b", "cpu1": "1"}]
    assert rows("countFrequent m, s", [{"m": "G", "s": 1}, {"m": "P", "s": 1}, {"m": "P", "s": 1}]) == [
        {"m": "P", "s": "1", "_approxcount": "2"}, {"m": "G", "s": "1", "_approxcount": "1"},
    ]  # fmt: skip


def test_pattern() -> None:
    messages = [
        f"[INFO] Request time: {n} ms for user {u}" for n, u in ((327, "ann"), (12, "bob"), (5, "cy"))
    ]
    messages += ["[ERROR] 2024-01-01T00:00:00Z from 10.0.0.1 failed"]
    found = rows("pattern @message", messages)
    assert [(r["@pattern"], r["@sampleCount"], r["@ratio"], r["@severityLabel"]) for r in found] == [
        ("[INFO] Request time: <Time-1> ms for user <Token-2>", "3", "0.75", "INFO"),
        ("[ERROR] <Date-1> from <IP-2> failed", "1", "0.25", "ERROR"),
    ]
    assert rows(
        "parse 'Failed to do: *' as cause | pattern cause | sort @sampleCount asc | display @pattern",
        ["Failed to do: x"],
    ) == [{"@pattern": "x"}]


# limits and counts


def test_limits() -> None:
    many = range(12_000)
    assert len(rows("fields @message", many)) == 10_000
    assert len(rows("fields @message | limit 11000", many)) == 11_000
    assert len(run(parse("fields @message"), events(many), CLOCK, limit=7).rows) == 7
    assert [r["@message"] for r in rows("fields @message | limit 2", range(9))] == ["8", "7"]
    assert [r["@message"] for r in rows("fields @message | sort @message | limit 2", many)] == ["0", "1"]
    assert [r["@message"] for r in rows("limit 3 | filter @message != 8", range(9))] == ["7", "6"]


@pytest.mark.parametrize(
    ("query", "matched"),
    [
        ("filter n > 1 | limit 1", 2),
        ("filter n > 1 | stats count(*) by k", 2),
        ("sort n | filter n > 1 | limit 1", 2),
        ("fields n | sort n | limit 2", 4),
        ("stats count(*) as c by k | filter c > 9", 4),
        ("fields n | dedup k", 4),
    ],
)
def test_statistics(query: str, matched: int) -> None:
    found = run(parse(query), events([{"n": n, "k": 1} for n in range(4)]), CLOCK).statistics
    assert (found.scanned, found.matched) == (4, matched)


# what is wrong


@pytest.mark.parametrize(
    ("query", "message", "start", "end"),
    [
        ("fields @timestamp | count()", "unexpected symbol found count at line 1 and position 20", 20, 25),
        ("fields @timestamp\n| filter (a = 1", "unexpected symbol found <EOF> at line 2 and position 15", 33, 33),
        ("fields a | | sort b", "unexpected symbol found | at line 1 and position 11", 11, 12),
        ("filter a = ", "unexpected symbol found <EOF> at line 1 and position 11", 11, 11),
        ("filter a = 'x", "unexpected symbol found ' at line 1 and position 11", 11, 12),
        ("filter a like /x", "unexpected symbol found / at line 1 and position 14", 14, 15),
        ("filter a like b", "unexpected symbol found b at line 1 and position 14", 14, 15),
        ("filter a like /(/", "Invalid regular expression: missing ): `(`", 14, 17),
        ("parse @message '* *' as a", "The number of * wildcards must equal the number of aliases", 15, 20),
        ("parse @message /a/", "parse needs named capture groups or aliases", 15, 18),
        ("stats sum(a) by b | fields @message", "Unknown symbols found in or after stats: @message", 27, 35),
        ("stats sum(a) by @logStream | stats avg(x) by bin(5m)", "Unknown symbols found in or after stats: @timestamp", 45, 52),
        ("stats a by b", "stats needs an aggregation function: a", 6, 7),
        ("fields nosuch(a)", "Unknown function: nosuch", 7, 16),
        ("fields strlen(a, b)", "Invalid arguments for the function strlen", 7, 19),
        ("fields bin(a)", "Invalid arguments for the function bin", 7, 13),
        ("stats pct(a, b)", "Invalid arguments for the function pct", 6, 15),
        ("limit 0", "The limit must be from 1 to 100000", 6, 7),
        ("limit x", "unexpected symbol found x at line 1 and position 6", 6, 7),
        ("fields a | anomaly", "The command anomaly is not supported", 11, 18),
        ("dedup a | sort b", "Only the limit command can come after the dedup command", 0, 0),
        ("sort a | stats count(*)", "The sort and limit commands must come after the last stats command", 0, 0),
        ("sort a | pattern @message", "The pattern command cannot come after the sort command", 0, 0),
        ("filter " + "(" * 100 + "1" + ")" * 100, "The query nests too deeply", 67, 67),
        ("fields sum(a)", "Unknown function: sum", 7, 13),
    ],
)  # fmt: skip
def test_malformed(query: str, message: str, start: int, end: int) -> None:
    with pytest.raises(Malformed) as caught:
        check(parse(query), CLOCK)
    assert (caught.value.message, caught.value.start, caught.value.end) == (message, start, end)


def test_source_and_index() -> None:
    query = parse(
        "SOURCE logGroups(namePrefix: ['a', 'b'], class: ['STANDARD']) | filterIndex region = 'x' and id in [1] | limit 2"
    )
    assert query.source is not None
    assert (query.source.prefixes, query.source.classes, query.source.accounts) == (
        ("a", "b"),
        ("STANDARD",),
        (),
    )
    assert query.indexed == ("region", "id")
    assert parse("source loggroups()").commands == ()
    assert rows("filterIndex k = 1", [{"k": 1}, {"k": 2}])[0]["@message"] == '{"k": 1}'
