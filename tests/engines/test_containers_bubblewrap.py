"""The sandbox driver against the conformance suite."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gureum.engines.containers import conformance
from gureum.engines.containers.bubblewrap.driver import Bubblewrap
from gureum.engines.containers.bubblewrap.host import Bwrap
from gureum.engines.containers.conformance import *  # noqa: F403  (the checks)
from gureum.engines.containers.names import short

pytestmark = pytest.mark.skipif(
    Bwrap.find() is None or os.geteuid() != 0, reason="needs bubblewrap, and root for addresses and limits"
)


@pytest.fixture(scope="module")
def server() -> Iterator[conformance.Server]:
    server = conformance.Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, container_image: Path) -> Path:
    root = tmp_path_factory.mktemp("sandbox")
    driver = Bubblewrap(root, str(root), lambda door: door.socket.close)
    driver.images.load(container_image, "gureum/test:1")
    driver.close()
    return root


@pytest.fixture
def bench(root: Path, server: conformance.Server) -> Iterator[conformance.Bench]:
    def make() -> Bubblewrap:
        return Bubblewrap(root, str(root), server.serve)

    def leftovers() -> list[str]:
        found = [
            str(path) for folder in ("sandboxes", "sandbox-networks") for path in (root / folder).glob("*/*")
        ]
        found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/gureum/{short(str(root), 8)}/*/")]
        found += [path.name for path in Path("/sys/class/net").iterdir() if path.name.startswith("g")]
        found += subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout.split(
            "\n"
        )
        return [line for line in found if "gr" in line or line.startswith("/")]

    source = (
        "from pathlib import Path; from gureum.engines.containers.bubblewrap.driver import Bubblewrap\n"
        f"engine = Bubblewrap(Path({str(root)!r}), {str(root)!r}, lambda door: door.socket.close)\n"
    )
    bench = conformance.Bench(make, "gureum/test:1", leftovers, server, source)
    yield bench
    bench.close()
