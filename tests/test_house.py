"""The house's own checks must be able to fail: each rule is shown breaking, and not breaking."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
SQS = 'from gureum.kernel.operations import Operations\nops = Operations("sqs")\n'


def house(root: Path) -> list[tuple[str, str]]:
    """(place below src/gureum or root, rule) of everything found."""
    done = subprocess.run(
        [sys.executable, TOOLS / "check_house.py", "--root", root],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    lines = [line.split(": ") for line in done.stdout.splitlines() if " found: " not in line]
    assert done.returncode == bool(lines)
    return sorted((place.rsplit(":", 1)[0].removeprefix("src/gureum/"), rule) for place, rule, *_ in lines)


def build(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "src" / "gureum" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return root


@pytest.mark.parametrize(
    ("place", "text", "rule"),
    [
        ("kernel/a.py", "x = 1\n" * 421, "long-file"),
        ("kernel/a.py", "def f():\n" + "    x = 1\n" * 60, "long-function"),
        ("kernel/a.py", "import json\n", "wire-format"),
        ("gateway/a.py", "from xml.etree import ElementTree\n", "wire-format"),
        ("services/sqs/a.py", "import subprocess\n", "outside-world"),
        ("services/sqs/a.py", "def f():\n    import asyncio\n", "outside-world"),
        ("services/sqs/a.py", "import time\ntime.sleep(1)\n", "outside-world"),
        ("services/sqs/a.py", "from time import sleep\n", "outside-world"),
        ("services/sqs/a.py", "SEEN = {}\n", "module-state"),
        ("services/sqs/a.py", "SEEN: dict[str, int] = defaultdict(int)\n", "module-state"),
        ("services/sqs/a.py", "from gureum.engines.containers.podman import Podman\n", "behind-the-port"),
        ("services/sqs/a.py", "import gureum.engines.containers\n", "behind-the-port"),
        ("services/sqs/a.py", "x = f'arn:aws:sqs:{1}'\n", "hand-made-arn"),
        ("engines/a.py", "x = 'arn:aws:sqs:%s' % 1\n", "hand-made-arn"),
        ("console/a.py", "x = 'arn:{}'.format(1)\n", "hand-made-arn"),
        ("policy/a.py", "import msgspec\n", "pure"),
        ("policy/a.py", "from gureum.kernel import ids\n", "pure"),
        ("services/sqs/rules.py", "import msgspec\n", "pure"),
        ("services/sqs/a.py", "from gureum.api import sqs\n", "run-time-stub"),
        ("kernel/utils.py", "", "empty-name"),
        ("kernel/queue_helpers.py", "", "empty-name"),
        ("kernel/store_v2.py", "", "empty-name"),
        ("kernel/a.py", "class QueueManager: ...\n", "empty-name"),
        ("kernel/a.py", "class BaseQueue: ...\n", "empty-name"),
        ("kernel/a.py", "class TokenProvider: ...\n", "empty-name"),
        ("kernel/a.py", "class QueueImpl: ...\n", "empty-name"),
        ("kernel/a.py", "def send_v2(): ...\n", "empty-name"),
    ],
)
def test_what_the_house_refuses(tmp_path: Path, place: str, text: str, rule: str) -> None:
    build(tmp_path, {"services/sqs/__init__.py": '"""Queues."""\n', place: text})
    assert house(tmp_path) == [(place, rule)]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("kernel/a.py", "x = 1\n" * 420),
        ("kernel/a.py", "def f():\n" + '    """Said\n' + "\n" * 50 + '    """\n' + "    x = 1\n" * 59),
        ("gateway/wire/a.py", "import json\n"),
        ("kernel/models.py", "import json\n"),
        ("policy/a.py", "import json\nfrom gureum.policy import b\n"),
        ("kernel/a.py", "import sqlite3\nx = f'arn:aws:{1}'\nSEEN = {}\n"),
        ("services/sqs/a.py", "x = 'arn:aws:iam::aws:policy/ReadOnlyAccess'\nLIMITS = {'a': 1}\n"),
        ("services/sqs/a.py", "from gureum.engines.containers.port import Containers\n"),
        (
            "services/sqs/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from gureum.api import sqs\n",
        ),
        ("services/sqs/records.py", "class CapacityProvider: ...\n"),
        ("kernel/a.py", "class Basement: ...\nclass Managed: ...\n"),
        ("kernel/a.py", "class QueueManager: ...  # house: allow empty-name: AWS's own noun\n"),
    ],
)
def test_what_the_house_lets_be(tmp_path: Path, place: str, text: str) -> None:
    build(tmp_path, {"services/sqs/__init__.py": '"""Queues."""\n', place: text})
    assert house(tmp_path) == []


def test_a_waiver_needs_its_reason_and_its_own_rule(tmp_path: Path) -> None:
    build(
        tmp_path,
        {
            "kernel/a.py": "class QueueManager: ...  # house: allow empty-name\n",
            "kernel/b.py": "class QueueManager: ...  # house: allow long-file: no\n",
        },
    )
    assert house(tmp_path) == [("kernel/a.py", "empty-name"), ("kernel/b.py", "empty-name")]


@pytest.mark.parametrize("host", ["pypi" + ".org", "registry.npmjs" + ".org", "files.pythonhosted" + ".org"])
def test_words_that_do_not_belong_are_found_in_any_file(tmp_path: Path, host: str) -> None:
    build(tmp_path, {"__init__.py": ""})
    (tmp_path / "README.md").write_text(f"fine\nhttps://{host}/simple\n")
    assert house(tmp_path) == [("README.md", "word")]


# One service package as a whole

CREATE = """
    from gureum.services.sqs.ops import ops
    @ops.on("*")
    def create_queue(ctx, req):
        name = req["QueueName"]
        return made(ctx, name, req)
    def made(ctx, name, req):
        return req.get("Attributes")
"""
SHAPE = {"services/sqs/ops.py": SQS, "services/sqs/queues.py": CREATE}


def test_a_service_has_its_files_and_imports_what_registers(tmp_path: Path) -> None:
    build(tmp_path, {"services/sqs/__init__.py": '"""Queues."""\n', **SHAPE})
    assert ("services/sqs/__init__.py", "service-shape") in house(tmp_path)
    build(tmp_path, {"services/sqs/catalog.py": 'UNREAD = {"CreateQueue.tags": "none"}\n'})
    assert house(tmp_path) == [("services/sqs/queues.py", "service-shape")]
    build(tmp_path, {"services/sqs/__init__.py": '"""Queues."""\nfrom gureum.services.sqs import queues\n'})
    assert house(tmp_path) == []
    build(tmp_path, {"services/sqs/__init__.py": "from . import queues\n"})
    assert house(tmp_path) == [("services/sqs/__init__.py", "service-shape")]
    build(tmp_path, {"services/sqs/__init__.py": '"""Queues."""\nfrom . import queues\n'})
    build(
        tmp_path,
        {"services/sqs/queues.py": CREATE + "    @resource('sqs', arn='{name}')\n    class Queue: ...\n"},
    )
    assert house(tmp_path) == [("services/sqs/queues.py", "service-shape")]


def unread(root: Path, handler: str, catalog: str = "") -> list[str]:
    """The members that are said never to be read."""
    build(
        root,
        {
            "services/sqs/__init__.py": '"""Queues."""\nfrom gureum.services.sqs import queues\n',
            "services/sqs/catalog.py": catalog,
            "services/sqs/queues.py": SQS + textwrap.dedent(handler),
        },
    )
    done = subprocess.run(
        [sys.executable, TOOLS / "check_house.py", "--root", root],
        capture_output=True,
        text=True,
        check=False,
    )
    return [
        line.partition("unread-member: ")[2] for line in done.stdout.splitlines() if "unread-member: " in line
    ]


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        ("return req['QueueName'], req.get('Attributes'), req.get('tags')", []),
        ("return req['QueueName']", ["Attributes", "tags"]),
        ("return {'Attributes': 1, 'QueueName': 2, 'tags': 3}", ["Attributes", "QueueName", "tags"]),
        ("req['tags'] = 1; return 'Attributes' in req, req['QueueName']", ["tags"]),
        ("return store(ctx, **req)", []),
        ("return {**req}", []),
        ("return [req.get(n) for n in ('QueueName', 'tags')], req.get('Attributes')", []),
        ("return [req.get(n) for n in NAMES]", ["Attributes"]),
        ("return deep(ctx, req)", ["tags"]),
        ("return unknown(ctx, 'QueueName')", ["Attributes", "QueueName", "tags"]),
        ("return tagged(req, 'tags'), req['QueueName'], req['Attributes']", []),
    ],
)
def test_members_that_no_handler_reads(tmp_path: Path, body: str, missing: list[str]) -> None:
    rest = """
    NAMES = ("QueueName", "tags")
    def deep(ctx, asked):
        return deeper(asked) + asked["QueueName"]
    def deeper(asked):
        return asked.get("Attributes")
    """
    handler = f"@ops.on('*')\ndef create_queue(ctx, req):\n    {body}\n" + textwrap.dedent(rest)
    assert unread(tmp_path, handler) == [f"CreateQueue takes {name} and never reads it" for name in missing]


def test_naming_a_member_as_the_resource_reads_it(tmp_path: Path) -> None:
    assert (
        unread(tmp_path, "@ops.on(Queue, 'QueueUrl', by=place)\ndef delete_queue(ctx, req):\n    pass\n")
        == []
    )


def test_a_pager_reads_what_the_models_paginator_names(tmp_path: Path) -> None:
    handler = "@ops.on('*')\ndef list_queues(ctx, req):\n    return ctx.page({})\n"
    assert unread(tmp_path, handler.format("req")) == ["ListQueues takes QueueNamePrefix and never reads it"]
    assert len(unread(tmp_path, handler.format("{}"))) == 3
    own = "NAMES = Paginator('MaxResults', 'NextToken')\n" + handler.format("req, 5, NAMES")
    assert unread(tmp_path, own) == ["ListQueues takes QueueNamePrefix and never reads it"]


def test_a_waiver_covers_one_member_and_may_not_be_left_behind(tmp_path: Path) -> None:
    handler = "@ops.on('*')\ndef delete_queue(ctx, req):\n    pass\n"
    assert unread(tmp_path, handler, 'UNREAD = {"DeleteQueue.QueueUrl": "why"}') == []
    assert unread(tmp_path, handler, 'UNREAD = {"*.QueueUrl": "why"}') == []
    left = unread(tmp_path, handler, 'UNREAD = {"*.QueueUrl": "why", "DeleteQueue.Gone": "why"}')
    assert left == ["UNREAD names DeleteQueue.Gone, which is read or is not there: remove it"]


# Imports between rooms


@pytest.mark.parametrize(
    ("place", "text", "contract"),
    [
        ("kernel/a.py", "import gureum.services", "Imports go down only"),
        ("engines/a.py", "import gureum.gateway", "Imports go down only"),
        ("services/one/__init__.py", "import gureum.services.two", "Services never import one another"),
        ("gateway/a.py", "import gureum.services.one", "The door works from the registry"),
        ("services/one/__init__.py", "import socket", "Services reach the world through ports alone"),
        ("policy/__init__.py", "import gureum.kernel", "The policy language knows no other room"),
    ],
)
def test_import_contracts_can_fail(tmp_path: Path, place: str, text: str, contract: str) -> None:
    shutil.copy(ROOT / ".importlinter", tmp_path)
    rooms = ["commands", "gateway", "services", "services/one", "services/two", "engines", "policy", "kernel"]
    modules = ["cli.py", "testing.py", "running.py", "options.py", "__init__.py"]
    build(tmp_path, dict.fromkeys([*(f"{room}/__init__.py" for room in rooms), *modules], ""))

    def kept() -> subprocess.CompletedProcess[str]:
        # Not the installed package: the path of the one built here comes first.
        run = [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as c; c()",
            "--no-cache",
        ]
        env = os.environ | {"PYTHONPATH": str(tmp_path / "src")}
        return subprocess.run(run, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    assert kept().returncode == 0, kept().stdout
    build(tmp_path, {place: text})
    broken = kept()
    assert broken.returncode == 1
    assert f"{contract}" in broken.stdout.partition("Broken contracts")[2]


# Setting up a machine


@pytest.fixture
def prepare(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module("prepare")


def test_a_python_without_venv_is_mended_by_root_and_told_to_others(
    prepare: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(prepare, "apt", lambda *names: asked.append(names) or 0)
    monkeypatch.setattr(prepare, "can_apt", lambda: True)
    prepare.install_venv_module()
    package = f"python3.{sys.version_info.minor}-venv"
    assert asked == [(package,)]
    monkeypatch.setattr(prepare, "can_apt", lambda: False)
    with pytest.raises(prepare.Impossible, match=f"sudo apt-get install {package}"):
        prepare.install_venv_module()


def test_engines_that_cannot_be_installed_are_told_and_left(
    prepare: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(prepare, "DOCKER_SOCKETS", ())
    monkeypatch.setattr(prepare, "installed", lambda name: name != "podman")
    monkeypatch.delenv("GUREUM_ENGINES", raising=False)
    monkeypatch.setattr(prepare, "apt", lambda *names: 100)
    monkeypatch.setattr(prepare.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(prepare.os, "geteuid", lambda: 1000)
    prepare.install_engines("run")
    assert "sudo apt-get install podman\n" in capsys.readouterr().err
    monkeypatch.setattr(prepare.os, "geteuid", lambda: 0)
    prepare.install_engines("run")
    assert "could not be installed" in capsys.readouterr().err
    monkeypatch.setenv("GUREUM_ENGINES", "skip")
    prepare.install_engines("run")
    assert capsys.readouterr().err == ""


def test_an_environment_is_ready_only_for_this_lock_file_in_this_place(
    prepare: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in {
        "ROOT": tmp_path,
        "READY": tmp_path / "ready",
        "PYTHON": Path(sys.executable),
    }.items():
        monkeypatch.setattr(prepare, name, value)
    (tmp_path / "requirements.lock").write_text("a==1\n")
    assert not prepare.is_ready("run")
    prepare.mark("run")
    assert prepare.is_ready("run")
    (tmp_path / "requirements.lock").write_text("a==2\n")
    assert not prepare.is_ready("run")
    prepare.mark("run")
    (tmp_path / "ready" / "place").write_text("/elsewhere\n")
    assert not prepare.is_ready("run")
    assert not prepare.is_usable()


def test_lock_files_pin_every_package_by_hash_and_agree() -> None:
    pins = []
    for name in ("requirements.lock", "requirements-test.lock"):
        entries = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
        pinned = [entry for entry in entries if entry and not entry.startswith("#")]
        assert all("==" in entry and "--hash=sha256:" in entry for entry in pinned)
        pins.append({entry.split()[0] for entry in pinned})
    assert pins[0] < pins[1]


# The generated stubs


def test_stubs_say_what_the_model_says(tmp_path: Path) -> None:
    sys.path.insert(0, str(TOOLS))
    try:
        import gen_api
    finally:
        sys.path.remove(str(TOOLS))
    text = gen_api.render("lambda")
    assert text == gen_api.render("lambda")
    assert "AWS.SimpleQueueService.NonExistentQueue" in gen_api.render("sqs")
    assert "InvokeInput = InvocationRequest" in text
    assert gen_api.identifier("lambda") == "lambda_"
    assert gen_api.identifier("eks-auth") == "eks_auth"
    with pytest.raises(gen_api.model_files.UnknownService):
        gen_api.render("no-such-service")

    # The checker itself is the judge: what is right passes, each wrong line is seen.
    (tmp_path / "stub.pyi").write_text(text)
    (tmp_path / "use.py").write_text(
        textwrap.dedent("""
            import stub
            def good(req: stub.InvokeInput) -> stub.DeleteFunctionOutput:
                name: str = req["FunctionName"]
                return {"StatusCode": len(name)}
            def bad(req: stub.InvokeInput) -> stub.DeleteFunctionOutput:
                req["Nothing"]
                return {"StatusCode": "x"}
            code: stub.ErrorCode = "NotOne"
        """)
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path / "cache", "use.py"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert [line.split(":")[1] for line in done.stdout.splitlines()[:-1]] == ["7", "8", "9"], done.stdout
