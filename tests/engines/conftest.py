"""What tests of several engines share."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from gureum.engines.containers.docker.driver import Docker
from gureum.engines.containers.port import Doors

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))


@pytest.fixture(scope="session")
def container_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A docker archive with busybox, Python and boto3."""
    import test_image

    out = tmp_path_factory.mktemp("image") / "image.tar"
    out.write_bytes(test_image.build())
    return out


@contextmanager
def _podman(root: Path, doors: Doors, socket: str = "") -> Iterator[Docker]:
    driver = Docker(root / "data", str(root), doors, socket=socket, store=root / "store")
    yield driver
    for handle in driver.recover():
        driver.destroy(handle)
    driver.close()
    # Podman mounts its store's overlay folder on itself, and nobody unmounts it.
    subprocess.run(["umount", str(root / "store" / "graph" / "overlay")], check=False, capture_output=True)
    shutil.rmtree(driver._engine._service.runtime, ignore_errors=True)


@pytest.fixture(scope="session")
def podman() -> Callable[..., AbstractContextManager[Docker]]:
    """A driver on a Podman with a store of its own below a folder, which is gone afterwards."""
    return _podman
