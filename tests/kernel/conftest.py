"""A home without a front door, for the kernel's own tests."""

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from gureum.kernel.clock import Clock
from gureum.kernel.durable import Syncer
from gureum.kernel.home import Home
from gureum.kernel.listening import Listening
from gureum.kernel.reconcile import Reconciliation
from gureum.kernel.seal import Seal
from gureum.kernel.sqlite import SqliteStore


class RunningHome:
    """A home whose loop, reconcilers and listeners run in a thread of their own."""

    def __init__(self, folder):
        self.folder = folder
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        self._ready.wait(10)

    async def _run(self):
        loop = asyncio.get_running_loop()
        key = self.folder / "root.key"
        seal = Seal.load(key) if key.exists() else Seal.create(key)
        syncer = Syncer("write")
        self.home = Home(
            self.folder, SqliteStore(self.folder / "records.db", syncer), syncer, seal, loop, Clock()
        )
        self.reconciliation = Reconciliation(self.home)
        self.listening = Listening(self.home)
        self._stop = asyncio.Event()
        tasks = [loop.create_task(self.reconciliation.run()), loop.create_task(self.listening.run())]
        self._ready.set()
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await loop.run_in_executor(None, self.home.close)

    def stop(self):
        if self._thread.is_alive():
            self.home.loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory):
    """A PostgreSQL of the tests' own, on a socket in a folder that only its user enters."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert programs, "PostgreSQL is missing: apt-get install postgresql"
    folder = Path(tempfile.mkdtemp(prefix="gureum-pg-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    run = {
        "user": user,
        "check": True,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
        "cwd": folder,
    }
    data = folder / "data"
    subprocess.run([programs[-1] / "initdb", "-D", data, "-A", "trust", "-U", "gureum", "--no-sync"], **run)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run(
        [programs[-1] / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], **run
    )
    yield f"postgresql://gureum@/postgres?host={folder}"
    subprocess.run([programs[-1] / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **run)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server):
    """An empty database."""
    import psycopg

    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(postgres_server, autocommit=True) as db:
        db.execute(f"CREATE DATABASE {name}")
    return postgres_server.replace("/postgres?", f"/{name}?")


@pytest.fixture
def start_home(tmp_path):
    """Start a home on the test's folder; call it again after `stop` for a restart."""
    tmp_path.chmod(0o700)
    homes = []

    def start():
        homes.append(RunningHome(tmp_path))
        return homes[-1]

    yield start
    for home in homes:
        with contextlib.suppress(RuntimeError):
            home.stop()
