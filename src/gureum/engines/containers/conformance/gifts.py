"""What containers are given, and what they write."""

from __future__ import annotations

import itertools
from pathlib import Path

from ..port import (
    Container,
    File,
    LogLine,
    Mount,
    Ulimit,
)
from .bench import MB, SLEEP, Bench


def test_logs_are_complete_ordered_and_resumable(bench: Bench) -> None:
    script = (
        "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo line $i; [ $((i % 1000)) = 0 ] && echo err $i >&2; done;"
        " printf 'no line feed'"
    )
    handle = bench.run(script)
    bench.ended(handle)
    lines: list[LogLine] = []
    position = ""
    while some := bench.engine.logs(handle, "main", position, limit=701):
        assert len(some) <= 701
        lines += some
        position = some[-1].position
    out = [line.text for line in lines if line.stream == "stdout"]
    assert out == [b"line %d" % number for number in range(1, 3001)] + [b"no line feed"]
    assert [line.text for line in lines if line.stream == "stderr"] == [b"err 1000", b"err 2000", b"err 3000"]
    assert all(a.time <= b.time + 1 for a, b in itertools.pairwise(lines))
    again = bench.engine.logs(handle, "main", lines[1500].position)
    assert [line.text for line in again] == [line.text for line in lines[1501:]]


def test_long_and_binary_lines(bench: Bench) -> None:
    handle = bench.run("head -c 100000 /dev/zero | tr '\\0' x; echo; echo short; printf '\\377\\001\\n'")
    bench.ended(handle)
    assert [len(line.text) for line in bench.lines(handle)[:2]] == [100_000, 5]
    assert len(bench.lines(handle)) == 3


def test_environment_directory_user_and_image_defaults(bench: Bench) -> None:
    script = 'echo "$A/$FROM_IMAGE"; pwd; id -u; id -g; id -G; touch /f 2>/dev/null || echo refused'
    handle = bench.run(script, environment={"A": "b"}, directory="/home/bob", user="bob")
    bench.ended(handle)
    assert bench.text(handle).splitlines() == ["b/yes", "/home/bob", "1000", "1000", "1000 50", "refused"]
    handle = bench.start(bench.task(Container(name="main", image=bench.image)))
    bench.ended(handle)
    assert bench.text(handle) == "no command given"
    entry = Container(name="main", image=bench.image, entrypoint=("/bin/echo", "a"), command=("b c", "d"))
    handle = bench.start(bench.task(entry))
    bench.ended(handle)
    assert bench.text(handle) == "a b c d"


def test_files_mounts_and_volumes(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("from the host")
    tmp_path.chmod(0o755)
    writer = bench.shell(
        "cat /run/secrets/token /host/given; echo; echo shared > /data/file; touch /host/x || echo host refused;"
        " echo x > /run/secrets/token || echo secret refused; df -k /scratch | tail -1; echo m > /scratch/m && echo ok",
        "writer",
        files=(File(path="/run/secrets/token", data=b"s3cr3t "),),
        mounts=(
            Mount(target="/data", source="v"),
            Mount(target="/host", kind="host", source=str(tmp_path), read_only=True),
            Mount(target="/scratch", kind="tmpfs", size_bytes=2 * MB),
        ),
    )
    reader = bench.shell(
        "cat /mine/file; touch /mine/no || echo refused; ls /scratch 2>/dev/null || echo none",
        "reader",
        user="bob",
        mounts=(Mount(target="/mine", source="v", read_only=True),),
    )
    task = bench.task(writer, reader)
    handle = bench.start(task, only={"writer"})
    bench.ended(handle, "writer")
    text = bench.text(handle, "writer")
    assert text.startswith("s3cr3t from the host")
    assert "host refused" in text and "secret refused" in text and "\nok" in text
    assert "2048" in text
    bench.engine.start(task)
    bench.ended(handle, "reader")
    said = [line.text for line in bench.lines(handle, "reader") if line.stream == "stdout"]
    assert said == [b"shared", b"refused", b"none"]
    other = bench.run("ls /data", mounts=(Mount(target="/data", source="v"),))
    bench.ended(other)
    assert bench.text(other) == ""


def test_read_only_root(bench: Bench) -> None:
    mounts = (Mount(target="/scratch", kind="tmpfs"), Mount(target="/data", source="v"))
    script = "touch /x || echo root refused; touch /scratch/x && touch /data/x && echo ok"
    handle = bench.run(script, read_only=True, mounts=mounts, files=(File(path="/etc/app/conf", data=b"c"),))
    bench.ended(handle)
    assert [line.text for line in bench.lines(handle) if line.stream == "stdout"] == [b"root refused", b"ok"]


def test_the_image_stays_as_it_was(bench: Bench) -> None:
    bench.ended(bench.run("echo mine > /etc/passwd; rm -rf /home"))
    handle = bench.run("head -c 4 /etc/passwd; ls /home")
    bench.ended(handle)
    assert bench.text(handle) == "rootbob"


def test_capabilities_and_ulimits(bench: Bench) -> None:
    script = "ulimit -n; grep CapEff /proc/self/status"
    ulimits = (Ulimit(name="nofile", soft=123, hard=456),)
    handle = bench.run(script, ulimits=ulimits, capabilities_drop=("ALL",), capabilities_add=("CHOWN",))
    bench.ended(handle)
    assert bench.text(handle).split() == ["123", "CapEff:", "0000000000000001"]
    handle = bench.run("grep CapEff /proc/self/status")
    bench.ended(handle)
    effective = int(bench.text(handle).split()[1], 16)
    dangerous = (12, 16, 17, 19, 21, 22, 25)  # net_admin, sys_module, rawio, ptrace, admin, boot, time
    assert effective and not any(effective >> number & 1 for number in dangerous)


def test_names_and_addresses(bench: Bench) -> None:
    task = bench.task(
        bench.shell("cat /etc/hosts /etc/resolv.conf; hostname; " + SLEEP),
        hosts={"db.local": "10.1.2.3"},
        dns=("127.0.0.9",),
        dns_search=("svc.local",),
    )
    handle = bench.start(task)
    text = bench.said(handle, "svc.local")
    assert "10.1.2.3" in text and "db.local" in text
    assert "127.0.0.9" in text or "127.0.0.11" in text  # the latter is Docker's own resolver, which asks ours


def test_a_terminal(bench: Bench) -> None:
    handle = bench.run("test -t 0 && test -t 1 && echo terminal $TERM", tty=True)
    bench.ended(handle)
    assert bench.text(handle).strip() == "terminal xterm"
