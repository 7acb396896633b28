"""An image that the container engine has, for every test that runs tasks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))

IMAGE = "gureum/test:1"


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an image with busybox, Python and boto3 in the engine's own store."""
    import test_image
    from gureum.engines.containers.docker.driver import Docker

    folder = tmp_path_factory.mktemp("image")
    driver = Docker(folder, str(folder), lambda door: door.socket.close)
    try:
        if driver.images.find(IMAGE) is None:
            (folder / "image.tar").write_bytes(test_image.build(IMAGE))
            driver.images.load(folder / "image.tar", IMAGE)
    finally:
        driver.close()
    return IMAGE
