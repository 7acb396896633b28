"""Pulling from a registry, on loopback: Debian's docker-registry holds an image that skopeo puts there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from gureum.engines.containers.bubblewrap.images import SandboxImages
from gureum.engines.containers.docker import pause
from gureum.engines.containers.docker.driver import Docker
from gureum.engines.containers.port import EngineAbsent, ImageMissing, Images

_NEEDS = ("docker-registry", "skopeo", "podman")
pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(shutil.which(name) for name in _NEEDS),
    reason=f"needs root and {', '.join(_NEEDS)}",
)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a registry with app:1 in it."""
    root = tmp_path_factory.mktemp("registry")
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    (root / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {root}/data}}}}\n"
        f"http: {{addr: '{address}'}}\n"
    )
    (root / "image.tar").write_bytes(pause.archive())
    with subprocess.Popen(
        ["docker-registry", "serve", str(root / "config.yml")], stderr=subprocess.DEVNULL
    ) as process:
        copy = ["skopeo", "copy", "--insecure-policy", "--dest-tls-verify=false"]
        deadline = time.monotonic() + 10
        while subprocess.run(
            [*copy, f"docker-archive:{root}/image.tar", f"docker://{address}/app:1"],
            capture_output=True,
            check=False,
        ).returncode:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield address
        process.terminate()


@pytest.fixture(params=["bubblewrap", "podman"])
def images(
    request: pytest.FixtureRequest, tmp_path: Path, podman: Callable[..., AbstractContextManager[Docker]]
) -> Iterator[Images]:
    if request.param == "bubblewrap":
        yield SandboxImages(tmp_path, 1_000_000)
        return
    with podman(tmp_path, lambda door: door.socket.close) as driver:
        yield driver.images


def test_pull(images: Images, registry: str) -> None:
    image = images.pull(f"{registry}/app:1", insecure=True)
    assert image.entrypoint == ("/pause",) and image.architecture in ("amd64", "arm64")
    found = images.find(f"{registry}/app:1")
    assert found is not None and found.id == image.id
    images.remove(f"{registry}/app:1")
    assert images.find(f"{registry}/app:1") is None


def test_what_the_registry_lacks_is_named(images: Images, registry: str) -> None:
    with pytest.raises(ImageMissing, match=f"{registry}/nobody:1"):
        images.pull(f"{registry}/nobody:1", insecure=True)


def test_without_skopeo_the_sandbox_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineAbsent, match="skopeo"):
        SandboxImages(tmp_path, 0).pull("host/app:1")
