#!/usr/bin/env python3
"""Makes `.venv` from a lock file, and installs the base engines where that is possible.

Runs on a bare Python 3.11 before anything is installed, so: standard library alone. Safe to run again, to
interrupt, and to run twice at once. What cannot be done is said, with the command that does it.

    tools/prepare.py run|test
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
READY = VENV / "ready"
LOCKS = {"run": "requirements.lock", "test": "requirements-test.lock"}
DOCKER_SOCKETS = ("/var/run/docker.sock", "/run/podman/podman.sock")
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")


class Impossible(Exception):
    """What is missing and the command that brings it."""


def say(text: str) -> None:
    print(f"gureum: {text}", file=sys.stderr, flush=True)


held: list[int] = []  # the lock's handle, while this process has it


def run(*command: str | Path, **environment: str) -> int:
    """Runs it in sight of whoever waits: output goes to standard error, standard output is the command's.

    It holds the lock too, so that what a killed setup leaves running is waited for.
    """
    return subprocess.run(
        [str(part) for part in command],
        cwd=ROOT,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
        pass_fds=held,
        check=False,
    ).returncode


@contextmanager
def alone() -> Iterator[None]:
    """Holds the checkout: a second one waits, then finds the work done. Ends with the process, however it ends."""
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another setup is running; waiting for it …")
            fcntl.flock(handle, fcntl.LOCK_EX)
        held.append(handle)
        yield
    finally:
        held.clear()
        os.close(handle)


def is_ready(kind: str) -> bool:
    """True when the environment works and was made in this place from this very lock file."""
    stamp, place = READY / kind, READY / "place"
    return (
        os.access(PYTHON, os.X_OK)
        and stamp.is_file()
        and place.is_file()
        and stamp.read_bytes() == (ROOT / LOCKS[kind]).read_bytes()
        and place.read_text().rstrip("\n") == str(ROOT)
    )


def mark(kind: str) -> None:
    """Says that the work is done: written last, in one step, so that an interrupted setup is done again."""
    READY.mkdir(exist_ok=True)
    (READY / "place").write_text(f"{ROOT}\n")
    draft = READY / f".{kind}"
    shutil.copyfile(ROOT / LOCKS[kind], draft)
    draft.replace(READY / kind)


def make_environment(kind: str) -> None:
    """Raises Impossible."""
    lock = LOCKS[kind]
    usable = is_usable()
    shutil.rmtree(READY, ignore_errors=True)
    if not usable:
        make_empty()
    count = sum("==" in line for line in (ROOT / lock).read_text().splitlines())
    say(f"installing {count} packages from {lock} (about a minute the first time) …")
    if run(PYTHON, *PIP, "install", "--require-hashes", "--only-binary", ":all:", "-r", ROOT / lock):
        raise Impossible(f"the packages in {lock} could not be installed: pip says why above")
    if run(PYTHON, *PIP, "install", "--quiet", "--no-deps", "--no-build-isolation", "--editable", ROOT):
        raise Impossible("gureum itself could not be installed: pip says why above")
    mark(kind)


def is_usable() -> bool:
    """An environment with a working pip that was not made elsewhere: its scripts name the place they were made in."""
    place = READY / "place"
    if place.is_file() and place.read_text().rstrip("\n") != str(ROOT):
        return False
    return os.access(PYTHON, os.X_OK) and run(PYTHON, *PIP, "--version") == 0


def make_empty() -> None:
    if importlib.util.find_spec("ensurepip") is None:
        install_venv_module()
    say(f"making {VENV} with Python {sys.version.split()[0]} …")
    if run(sys.executable, "-m", "venv", "--clear", VENV):
        raise Impossible(f"{VENV} could not be made: Python says why above")


def install_venv_module() -> None:
    """Debian and Ubuntu split the module off Python; root can install it, anybody else is told how."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if can_apt():
        say(f"installing {package}: this Python cannot make environments without it …")
        if apt(package) == 0:
            return
    raise Impossible(
        f"this Python ({sys.executable}) cannot make environments: its modules venv and ensurepip are missing.\n"
        f"  Debian, Ubuntu:  sudo apt-get install {package}\n"
        "  elsewhere:       install a complete Python and set GUREUM_PYTHON to its path"
    )


def can_apt() -> bool:
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt(*packages: str) -> int:
    """apt-get's exit code; the package lists are brought up to date first only when it does not know a name."""
    install = ["apt-get", "install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300"]
    if code := run(*install, *packages, DEBIAN_FRONTEND="noninteractive"):
        say("bringing apt's package lists up to date …")
        if run("apt-get", "update", "-o", "DPkg::Lock::Timeout=300"):
            return code
        code = run(*install, *packages, DEBIAN_FRONTEND="noninteractive")
    return code


def base_engines(kind: str) -> list[str]:
    """The Debian packages that services stand on, from `packaging/engines-*.txt`; tests need both lists."""
    files = ["engines-run.txt"] + (["engines-test.txt"] if kind == "test" else [])
    lines = [line for name in files for line in (ROOT / "packaging" / name).read_text().splitlines()]
    return [name for line in lines if (name := line.partition("#")[0].strip())]


def install_engines(kind: str) -> None:
    """What can be had now; the rest is said and left: the cloud runs without, and `doctor` shows what is absent."""
    missing = [name for name in base_engines(kind) if not installed(name)]
    if not missing or os.environ.get("GUREUM_ENGINES") == "skip":
        return
    if kind == "run" and (socket := next((s for s in DOCKER_SOCKETS if Path(s).is_socket()), None)):
        say(f"containers will run on {socket}; installing no other engine")
        return
    command = f"apt-get install {' '.join(missing)}"
    if shutil.which("apt-get") is None:
        say("engines are not installed by this command on this system. Containers need Docker or Podman;")
        say("`gureum doctor` says what else is absent. Going on without.")
    elif os.geteuid() != 0:
        say("installing engines needs root. Services that need them will answer with an error until you run:")
        say(f"  sudo {command}")
    else:
        say(f"installing engines: {' '.join(missing)} …")
        if apt(*missing):
            say("some engines could not be installed (apt says why above); going on without. Later:")
            say(f"  {command}")


def installed(package: str) -> bool:
    asked = (
        subprocess.run(
            ["dpkg-query", "-W", "-f", "${db:Status-Status}", package],
            capture_output=True,
            text=True,
            check=False,
        )
        if shutil.which("dpkg-query")
        else None
    )
    return asked is not None and asked.stdout == "installed"


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in LOCKS:
        print(__doc__, file=sys.stderr)
        return 2
    kind = arguments[0]
    began = time.monotonic()
    try:
        with alone():
            if is_ready(kind):
                return 0
            install_engines(kind)
            make_environment(kind)
            if kind == "test":
                mark("run")  # what tests need contains what running needs
    except Impossible as wrong:
        say(str(wrong))
        return 1
    except KeyboardInterrupt:
        say("interrupted; run it again to go on")
        return 130
    say(f"ready after {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
