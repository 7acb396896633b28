"""The commands, as processes, against a server that can misbehave (tests/stand_in)."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gureum import running
from gureum.commands import Refused, access, archive, care
from gureum.options import BadOption, Options, data_directory, is_loopback

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = Path(__file__).parent / "stand_in"
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    made.mkdir()
    return made


@pytest.fixture
def data(home: Path) -> Iterator[Path]:
    yield home / "data"
    if (server := running.find(home / "data")) is not None:
        running.stop(server, signal.SIGKILL)


def environment(home: Path, behaviour: str = "well") -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GUREUM_", "XDG_"))}
    path = os.pathsep.join([str(STAND_IN), str(ROOT / "src")])
    return kept | {"HOME": str(home), "GUREUM_STAND_IN": behaviour, "PYTHONPATH": path}


@pytest.fixture
def gureum_command(home: Path, data: Path) -> Command:
    def run(*arguments: str, behaviour: str = "well") -> subprocess.CompletedProcess[str]:
        command, *rest = arguments
        return subprocess.run(
            [sys.executable, "-m", "gureum.cli", command, "--data", str(data), *rest],
            check=False,
            env=environment(home, behaviour),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
        )

    return run


# Starting and stopping


def test_a_whole_life(gureum_command: Command, data: Path) -> None:
    began = time.monotonic()
    up = gureum_command("up", "--detach", "--port", "0")
    assert up.returncode == 0, up.stderr
    assert time.monotonic() - began < 5
    server = running.find(data)
    assert server is not None
    assert f"Running at {server.endpoint}" in up.stdout
    assert data.stat().st_mode & 0o077 == 0

    status = gureum_command("status")
    assert status.returncode == 0
    assert f"process   {server.pid}" in status.stdout
    assert "1 of 2 healthy: `gureum doctor`" in status.stdout
    assert json.loads(gureum_command("status", "--json").stdout)["services"] == ["sqs", "sts"]

    down = gureum_command("down")
    assert down.returncode == 0
    assert down.stdout.rstrip().endswith("Stopped.")
    assert running.process_birth(server.pid) is None
    assert gureum_command("status").returncode == 1


def test_up_again_and_down_again_change_nothing(gureum_command: Command, data: Path) -> None:
    gureum_command("up", "--detach", "--port", "0")
    first = running.find(data)
    again = gureum_command("up", "--detach", "--port", "0")
    assert again.returncode == 0
    assert "Already running" in again.stdout
    assert running.find(data) == first
    gureum_command("down")
    twice = gureum_command("down")
    assert (twice.returncode, twice.stdout.startswith("Not running")) == (0, True)


def test_two_at_once_give_one_server(gureum_command: Command, data: Path) -> None:
    results: list[subprocess.CompletedProcess[str]] = []
    starts = [
        threading.Thread(target=lambda: results.append(gureum_command("up", "--detach", "--port", "0")))
        for _ in range(3)
    ]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    server = running.find(data)
    assert server is not None
    for result in results:
        assert result.returncode == 0, result
        assert server.endpoint in result.stdout


def test_a_server_that_dies_at_the_start_is_told_with_its_log(gureum_command: Command) -> None:
    up = gureum_command("up", "--detach", behaviour="dead")
    assert up.returncode == 1
    assert "stopped with 3" in up.stderr
    assert "the store is broken" in up.stderr
    assert "Traceback" not in up.stderr


def test_a_taken_port_is_told_with_what_to_do(gureum_command: Command) -> None:
    up = gureum_command("up", "--port", "4566", behaviour="taken")
    assert up.returncode == 1
    assert up.stderr == "gureum: port 4566 on 127.0.0.1 is taken: stop what uses it, or choose --port\n"


def test_down_says_when_the_server_does_not_end_and_kill_ends_it(gureum_command: Command, data: Path) -> None:
    gureum_command("up", "--detach", "--port", "0", behaviour="deaf")
    server = running.find(data)
    assert server is not None
    down = gureum_command("down", "--timeout", "0.3")
    assert down.returncode == 1
    assert "has not ended" in down.stderr
    assert running.find(data) == server
    assert gureum_command("down", "--kill").returncode == 0
    assert running.process_birth(server.pid) is None


def test_a_number_taken_over_by_another_process_is_not_signalled(gureum_command: Command, data: Path) -> None:
    with subprocess.Popen(["sleep", "30"]) as other:
        try:
            data.mkdir()
            told = {
                "pid": other.pid,
                "port": 1,
                "host": "127.0.0.1",
                "started": 1.0,
                "birth": "another boot/1",
            }
            (data / running.STATE).write_text(json.dumps(told))
            assert "Not running" in gureum_command("down").stdout
            assert running.stop(running.Server(**told))
            assert other.poll() is None
        finally:
            other.kill()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "nope": 2}'])
def test_a_damaged_state_file_is_no_server(tmp_path: Path, text: str) -> None:
    (tmp_path / running.STATE).write_text(text)
    assert running.find(tmp_path) is None


def test_a_claim_ends_with_its_process(tmp_path: Path) -> None:
    holding = f"""
import time
from pathlib import Path
from gureum import running
with running.claim(Path({str(tmp_path)!r})):
    print("held", flush=True)
    time.sleep(30)
"""
    with subprocess.Popen([sys.executable, "-c", holding], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(running.InUse), running.claim(tmp_path):
            pass
        holder.kill()
    with running.claim(tmp_path):
        pass


def test_logs_follow_what_is_added(gureum_command: Command, data: Path, home: Path) -> None:
    assert "only a server started with --detach" in gureum_command("logs").stderr
    data.mkdir()
    log = data / running.LOG
    log.write_text("one\ntwo\n")
    assert gureum_command("logs", "-n", "1").stdout == "two\n"
    command = [sys.executable, "-m", "gureum.cli", "logs", "-f", "--data", str(data)]
    with subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, text=True) as follower:
        # Whatever goes wrong, the test ends: a line that never comes is then an empty one.
        threading.Timer(10, follower.kill).start()
        assert follower.stdout is not None
        assert [follower.stdout.readline() for _ in range(2)] == ["one\n", "two\n"]
        with log.open("a") as file:
            file.write("three\n")
        assert follower.stdout.readline() == "three\n"
        log.write_text("new\n")
        assert follower.stdout.readline() == "new\n"
        follower.kill()


# Options


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["--port", "70000"], "a port is a number from 0 to 65535"),
        (["--auth", "maybe"], "choose enforced or open"),
        (["--durability", "hope"], "choose write or fsync"),
        (["--store", "mysql://x"], "a postgresql:// URL"),
        (["--services", "sqs,,s3"], "names separated by commas"),
        (["--services", "sqs,sqss"], "no service is called sqss"),
        (["--auth", "open", "--host", "0.0.0.0"], "--i-know"),
    ],
)
def test_an_option_that_cannot_be_meant_starts_nothing(
    gureum_command: Command, data: Path, line: list[str], told: str
) -> None:
    up = gureum_command("up", *line)
    assert up.returncode == 2
    assert told in up.stderr
    assert not data.exists()


def test_open_to_all_only_for_those_who_know() -> None:
    Options(auth="open")
    Options(auth="open", host="0.0.0.0", i_know=True)
    with pytest.raises(BadOption):
        Options(auth="open", host="192.0.2.1")


def test_loopback() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.9.9.9", "::1", "localhost"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "192.0.2.1", "example.com", ""]))


def test_where_data_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUREUM_DATA", "/srv/cloud")
    assert data_directory() == Path("/srv/cloud")
    monkeypatch.delenv("GUREUM_DATA")
    monkeypatch.setenv("XDG_DATA_HOME", "/x")
    assert data_directory() == Path("/x/gureum")
    monkeypatch.delenv("XDG_DATA_HOME")
    assert data_directory() == Path.home() / ".local/share/gureum"


def test_the_command_line_of_options_means_those_options(tmp_path: Path) -> None:
    from gureum.cli import parser
    from gureum.commands.serving import options_from

    wanted = Options(
        port=1,
        host="0.0.0.0",
        data=tmp_path,
        auth="open",
        durability="write",
        services=("sqs", "s3"),
        i_know=True,
    )
    assert options_from(parser().parse_args(["up", *running.arguments(wanted)])) == wanted


# Reaching it


def test_env_is_what_a_shell_reads(gureum_command: Command, data: Path) -> None:
    gureum_command("up", "--detach", "--port", "0")
    server = running.find(data)
    assert server is not None
    script = (
        gureum_command("env").stdout
        + 'printf "%s|" "$AWS_ENDPOINT_URL" "$AWS_SECRET_ACCESS_KEY" "$AWS_REGION"'
    )
    script = "AWS_SESSION_TOKEN=stale\n" + script + '; printf %s "${AWS_SESSION_TOKEN-none}"'
    read = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    assert read == f"{server.endpoint}|se'cret|us-east-1|none"


def test_a_profile_leaves_the_others_as_they_are(gureum_command: Command, data: Path, home: Path) -> None:
    gureum_command("up", "--detach", "--port", "0")
    aws = home / ".aws"
    aws.mkdir()
    mine = "[default]\nregion=eu-west-1 # mine\n\n[profile work]\nsso_start_url = x\n"
    (aws / "config").write_text(mine)
    assert gureum_command("env", "--write-profile").returncode == 0
    config = (aws / "config").read_text()
    assert config.startswith(mine)
    assert f"[profile gureum]\n{access.MARK}\nregion = us-east-1\n" in config
    assert (aws / "credentials").stat().st_mode & 0o077 == 0
    assert gureum_command("env", "--write-profile").returncode == 0
    assert (aws / "config").read_text() == config

    before = (aws / "config").read_text(), (aws / "credentials").read_text()
    refused = gureum_command("env", "--write-profile", "work")
    assert refused.returncode == 1
    assert "of your own" in refused.stderr
    assert before == ((aws / "config").read_text(), (aws / "credentials").read_text())
    assert gureum_command("env", "--write-profile", "a]b").returncode == 1


def test_a_section_in_the_middle_is_replaced_in_its_place(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(f"[a]\nx=1\n\n[profile g]\n{access.MARK}\nregion = old\n\n[b]\ny=2\n")
    text = access.with_section(file, "profile g", {"region": "new"}, replace=False)
    assert text == f"[a]\nx=1\n\n[profile g]\n{access.MARK}\nregion = new\n\n[b]\ny=2\n"


# Looking after it


def test_doctor_says_what_is_ill_and_what_mends_it(gureum_command: Command) -> None:
    assert "start it with `gureum up --detach`" in gureum_command("doctor").stderr
    gureum_command("up", "--detach", "--port", "0")
    told = gureum_command("doctor")
    assert told.returncode == 1
    assert told.stdout.splitlines() == [
        "✗ containers (podman): absent",
        "    why:  no podman",
        "    mend: apt-get install podman",
        "✓ records (sqlite): healthy",
        "1 of 2 engines healthy.",
    ]


def test_doctor_is_content_when_all_is_healthy() -> None:
    lines = care.report({"engines": [{"port": "records", "driver": "sqlite", "state": "healthy"}]})
    assert lines == ["✓ records (sqlite): healthy", "1 of 1 engines healthy."]


def test_doctor_names_what_fails() -> None:
    told = {
        "failing": [
            {"record": "a/b", "failures": 2, "error": "disc full"},
            {"listener": "trail", "error": "x"},
        ]
    }
    assert care.report(told) == [
        "! a/b: disc full (it is tried again by itself)",
        "! listener trail: x (it is tried again by itself)",
        "0 of 0 engines healthy.",
    ]


def test_reset_is_signed_and_must_be_meant(gureum_command: Command, data: Path) -> None:
    gureum_command("up", "--detach", "--port", "0")
    unmeant = gureum_command("reset")
    assert (unmeant.returncode, "add --yes" in unmeant.stderr) == (1, True)
    assert not (data / "was-reset").exists()
    assert gureum_command("reset", "--yes").returncode == 0
    assert (data / "was-reset").exists()


def test_bench_measures_answers_that_are_right(gureum_command: Command) -> None:
    gureum_command("up", "--detach", "--port", "0")
    told = gureum_command("bench", "--seconds", "0.1", "--connections", "2")
    assert told.returncode == 0, told.stderr
    lines = told.stdout.splitlines()[1:]
    assert [line[:24].rstrip() for line in lines] == [
        "sts GetCallerIdentity",
        "sqs GetQueueAttributes",
        "sqs SendMessage",
    ]
    assert all("/s   p50" in line and "server CPU" in line for line in lines)


def test_bench_does_not_measure_refusals(gureum_command: Command) -> None:
    gureum_command("up", "--detach", "--port", "0", behaviour="deaf")
    told = gureum_command("bench", "--seconds", "0.1")
    assert told.returncode == 1
    assert "the server answered http/1.1 403" in told.stderr


# Backups


@pytest.fixture
def filled(data: Path) -> Path:
    data.mkdir(mode=0o700)
    (data / "store.db").write_bytes(os.urandom(300_000))
    (data / "objects").mkdir()
    (data / "objects" / "구름").write_text("cloud")
    (data / "objects" / "empty").mkdir()
    (data / "objects" / "spool").write_text("only the one at the top is left out")
    (data / "spool").mkdir()
    (data / "spool" / "half a body").touch()
    (data / "tls").mkdir()
    (data / "tls" / "key.pem").write_text("secret")
    (data / "latest").symlink_to("objects/구름")
    (data / running.ROOT_KEY).write_text("root")
    (data / running.CREDENTIALS).write_text("{}")
    (data / running.LOCK).touch()
    return data


def contents(folder: Path) -> dict[str, object]:
    left_out = archive.PASSING | {archive.TLS, *archive.ROOT_KEYS}
    return {
        str(path.relative_to(folder)): path.readlink()
        if path.is_symlink()
        else path.is_dir() or path.read_bytes()
        for path in folder.rglob("*")
        if path.relative_to(folder).parts[0] not in left_out
    }


@pytest.mark.parametrize("name", ["b.tar", "b.tar.gz", "b.tgz"])
def test_a_backup_comes_back_as_it_was(
    gureum_command: Command, filled: Path, tmp_path: Path, name: str
) -> None:
    before = contents(filled)
    assert gureum_command("backup", str(tmp_path / name)).returncode == 0
    filled.rename(tmp_path / "gone")
    restored = gureum_command("restore", str(tmp_path / name))
    assert restored.returncode == 0, restored.stderr
    assert contents(filled) == before
    assert not (filled / running.ROOT_KEY).exists()
    assert f"put yours at {filled / running.ROOT_KEY}" in restored.stdout
    assert filled.stat().st_mode & 0o077 == 0


def test_the_root_key_goes_in_only_when_asked(gureum_command: Command, filled: Path, tmp_path: Path) -> None:
    gureum_command("backup", str(tmp_path / "without.tar"))
    gureum_command("backup", str(tmp_path / "with.tar"), "--with-root-key")
    held = []
    for name in ("without", "with"):
        with tarfile.open(tmp_path / f"{name}.tar") as tar:
            held.append(set(tar.getnames()))
    assert held[1] - held[0] == {*archive.ROOT_KEYS, "tls", "tls/key.pem"}
    assert (tmp_path / "with.tar").stat().st_mode & 0o077 == 0


def test_what_is_there_is_moved_not_removed_and_only_when_asked(
    gureum_command: Command, filled: Path, tmp_path: Path
) -> None:
    gureum_command("backup", str(tmp_path / "b.tar"))
    (filled / "store.db").write_text("newer")
    refused = gureum_command("restore", str(tmp_path / "b.tar"))
    assert (refused.returncode, "--replace" in refused.stderr) == (1, True)
    assert (filled / "store.db").read_text() == "newer"
    done = gureum_command("restore", str(tmp_path / "b.tar"), "--replace")
    assert done.returncode == 0, done.stderr
    assert (filled / "store.db").stat().st_size == 300_000
    assert (filled / running.ROOT_KEY).read_text() == "root"
    (moved,) = filled.parent.glob("data.replaced-*")
    assert (moved / "store.db").read_text() == "newer"


def test_a_running_cloud_is_neither_backed_up_nor_replaced(
    gureum_command: Command, data: Path, tmp_path: Path
) -> None:
    gureum_command("up", "--detach", "--port", "0")
    backup = gureum_command("backup", str(tmp_path / "b.tar"))
    assert (backup.returncode, "gureum down" in backup.stderr) == (1, True)
    assert not list(tmp_path.glob("*b.tar*"))
    assert "gureum down" in gureum_command("restore", str(tmp_path / "b.tar"), "--replace").stderr
    assert running.find(data) is not None


def test_backup_refuses_names_it_cannot_mean(gureum_command: Command, filled: Path, tmp_path: Path) -> None:
    (tmp_path / "there.tar").write_text("mine")
    for name, told in [
        (tmp_path / "b.zip", "ends in .tar"),
        (tmp_path / "there.tar", "--force"),
        (filled / "b.tar", "inside the data directory"),
    ]:
        assert told in gureum_command("backup", str(name)).stderr
    assert (tmp_path / "there.tar").read_text() == "mine"


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([entry("../evil")], "leads outside"),
        ([entry("/etc/evil")], "leads outside"),
        ([entry("a/../../evil")], "leads outside"),
        ([entry("a", tarfile.SYMTYPE, "/etc")], "links outside"),
        ([entry("a/b", tarfile.SYMTYPE, "../../etc")], "links outside"),
        ([entry("a", tarfile.SYMTYPE, "b"), entry("a/evil")], "behind a link"),
        ([entry("a", tarfile.LNKTYPE, "/etc/passwd")], "neither a file"),
        ([entry("a", tarfile.CHRTYPE)], "neither a file"),
        ([entry("a", tarfile.FIFOTYPE)], "neither a file"),
        ([entry("a"), entry("a")], "there twice"),
        ([entry("a")], "has no gureum-backup.json"),
    ],
)
def test_an_archive_that_could_do_harm_writes_nothing(
    gureum_command: Command, data: Path, tmp_path: Path, entries: list[tarfile.TarInfo], told: str
) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        for made in entries:
            tar.addfile(made, io.BytesIO())
    refused = gureum_command("restore", str(tmp_path / "evil.tar"))
    assert refused.returncode == 1
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not data.exists()
    assert not list(data.parent.glob("*evil*"))


def test_a_torn_or_altered_archive_is_refused(gureum_command: Command, filled: Path, tmp_path: Path) -> None:
    whole = tmp_path / "b.tar"
    gureum_command("backup", str(whole))
    bytes_ = whole.read_bytes()
    at = bytes_.index((filled / "store.db").read_bytes()[:64])
    damaged = {
        "torn": bytes_[: len(bytes_) // 2],
        "altered": bytes_[: at + 5] + bytes([bytes_[at + 5] ^ 1]) + bytes_[at + 6 :],
        "empty": b"",
    }
    before = contents(filled)
    for name, text in damaged.items():
        (tmp_path / f"{name}.tar").write_bytes(text)
        refused = gureum_command("restore", str(tmp_path / f"{name}.tar"), "--replace")
        assert refused.returncode == 1, name
        assert "not a whole backup" in refused.stderr or "damaged" in refused.stderr
    assert contents(filled) == before
    assert not list(filled.parent.glob(".data.*"))


def test_a_backup_without_data_is_refused(tmp_path: Path) -> None:
    import argparse

    chosen = argparse.Namespace(
        data=tmp_path / "none", file=tmp_path / "b.tar", force=False, with_root_key=False
    )
    with pytest.raises(Refused, match="nothing to back up"):
        archive.backup(chosen)


# Private clouds for tests


def test_a_private_cloud_starts_is_killed_and_comes_back_at_the_same_address(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gureum.testing import cloud

    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    began = time.monotonic()
    with cloud() as one:
        assert time.monotonic() - began < 5
        endpoint, pid, folder = one.endpoint, one.pid, one.data
        assert one.health()["version"] == "0.1.0"
        assert one.client("sqs").meta.endpoint_url == endpoint
        assert one.session().get_credentials().access_key == "AKIASTANDIN"
        one.kill()
        assert running.process_birth(pid) is None
        with pytest.raises(RuntimeError):
            _ = one.endpoint
        one.restart()
        assert one.endpoint == endpoint
        assert one.pid != pid
    assert not folder.exists()


def test_a_private_cloud_that_does_not_start_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from gureum.testing import cloud

    for name, value in environment(tmp_path, "dead").items():
        monkeypatch.setenv(name, value)
    with pytest.raises(running.NotStarted, match="the store is broken"), cloud():
        pass


# The real server


@pytest.fixture
def real(home: Path, data: Path) -> Command:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command, *rest = arguments
        kept = environment(home)
        del kept["GUREUM_STAND_IN"]
        return subprocess.run(
            [sys.executable, "-m", "gureum.cli", command, "--data", str(data), *rest],
            env=kept,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def identity(data: Path) -> str:
    """Who root is, asked with the key in the data directory; its secret lies sealed in the store."""
    import boto3

    server, key = running.find(data), running.credentials(data)
    assert server is not None
    assert key is not None
    sts = boto3.client(
        "sts",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret_access_key,
    )
    return str(sts.get_caller_identity()["Arn"])


def test_a_cloud_moves_by_its_backup(real: Command, data: Path, tmp_path: Path) -> None:
    up = real("up", "--detach", "--port", "0")
    assert up.returncode == 0, up.stderr
    root = identity(data)
    assert root.endswith(":root")
    assert real("reset", "--yes").returncode == 0
    assert identity(data) == root
    assert real("doctor").returncode == 0
    assert real("down").returncode == 0
    for name, with_key in [("without.tar", []), ("with.tar.gz", ["--with-root-key"])]:
        assert real("backup", str(tmp_path / name), *with_key).returncode == 0
    data.rename(tmp_path / "elsewhere")

    # Sealed records without the key that opens them: told at the start, and no new key made in silence.
    assert real("restore", str(tmp_path / "without.tar")).returncode == 0
    locked = real("up", "--detach", "--port", "0")
    assert locked.returncode == 1
    assert running.ROOT_KEY in locked.stderr
    assert "Traceback" not in locked.stderr
    assert not (data / running.ROOT_KEY).exists()

    assert real("restore", str(tmp_path / "with.tar.gz"), "--replace").returncode == 0
    assert real("up", "--detach", "--port", "0").returncode == 0
    assert identity(data) == root


def test_private_clouds_are_apart_and_come_back_after_a_kill(gureum_cloud: Callable[..., Any]) -> None:
    one, other = gureum_cloud(), gureum_cloud(services=("sts",))
    assert one.endpoint != other.endpoint
    sts = one.client("sts")
    before = sts.get_caller_identity()["Account"]
    one.kill()
    assert other.client("sts").get_caller_identity()["Account"]
    one.restart()
    assert sts.get_caller_identity()["Account"] == before
