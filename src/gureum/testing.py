"""A private cloud for tests: a real server in its own process, on its own port, in its own directory.

With the package installed pytest has two fixtures: `gureum`, one cloud for the whole run, and `gureum_cloud`,
which starts another with any options, for a test that kills it or needs it empty:

    def test_queue(gureum):
        sqs = gureum.client("sqs")
        url = sqs.create_queue(QueueName="jobs")["QueueUrl"]

    def test_nothing_lost(gureum_cloud):
        cloud = gureum_cloud(durability="fsync")
        ...
        cloud.kill()
        cloud.restart()
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gureum import running
from gureum.options import REGION, Options

START_SECONDS = 60.0
STOP_SECONDS = 30.0


class Cloud:
    """One running server and the ways to reach it. `data`: its directory, kept over `kill` and `restart`."""

    def __init__(self, options: Options) -> None:
        self.data = options.data
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._server: running.Server | None = None
        self._session: Any = None

    @property
    def server(self) -> running.Server:
        """Raises RuntimeError when it was killed or stopped."""
        if self._server is None:
            raise RuntimeError("this cloud is not running: call restart()")
        return self._server

    @property
    def endpoint(self) -> str:
        return self.server.endpoint

    @property
    def pid(self) -> int:
        return self.server.pid

    @property
    def credentials(self) -> running.Credentials:
        """The root user's key. Raises RuntimeError when the server has written none."""
        if (found := running.credentials(self.data)) is None:
            raise RuntimeError(f"the server wrote no {running.CREDENTIALS} into {self.data}")
        return found

    def session(self, **changes: Any) -> Any:
        """A `boto3.Session` signed in as root; keyword arguments as boto3's change user or region."""
        import boto3

        key = self.credentials
        chosen = {
            "aws_access_key_id": key.access_key_id,
            "aws_secret_access_key": key.secret_access_key,
            "region_name": REGION,
        } | changes
        return boto3.Session(**chosen)

    def client(self, service: str, **changes: Any) -> Any:
        """A boto3 client on this cloud as root. It does not retry, so that a test sees the first answer.

        Keyword arguments as boto3's `client`: other keys, a session token, a region, a `config` of its own.
        """
        from botocore.config import Config

        if self._session is None:
            self._session = self.session()
        # Slow to no purpose otherwise: legacy retries hide a fault behind seconds of waiting.
        plain = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)
        config = plain.merge(changes.pop("config")) if "config" in changes else plain
        return self._session.client(service, **({"endpoint_url": self.endpoint, "config": config} | changes))

    def health(self) -> dict[str, Any]:
        """What `GET /_gureum/health` says."""
        return running.ask(self.server, "/_gureum/health")

    def log(self) -> str:
        """The end of what the server has logged."""
        return running.tail(self._options.log_file or self.data / running.LOG, lines=200)

    def start(self) -> None:
        """Starts the server and waits until it answers. Raises gureum.running.NotStarted."""
        if self._process is not None:
            return
        self._process = running.spawn(self._options)
        try:
            self._server = running.wait_until_ready(self._process, self._options, START_SECONDS)
        except BaseException:
            self._end(signal.SIGKILL)
            raise
        # The same address again after a restart: clients made before keep working.
        self._options = dataclasses.replace(self._options, port=self._server.port)

    def kill(self) -> None:
        """`kill -9`: nothing is flushed, nothing is closed."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends the server as an operator does. Raises RuntimeError when it does not end in time."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Starts it again on the same data, port and options, ending it first when it still runs."""
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> None:
        process, self._process, self._server = self._process, None, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise RuntimeError(f"the server did not end within {STOP_SECONDS:.0f} s:\n{self.log()}") from None


@contextlib.contextmanager
def cloud(**choices: Any) -> Iterator[Cloud]:
    """A cloud without pytest, for as long as the block lasts. `choices` are fields of gureum.options.Options.

    Its directory is made for it and removed with it, unless `data` names one.
    """
    made = None if "data" in choices else Path(tempfile.mkdtemp(prefix="gureum-"))
    # A test process is killed, not the machine's power: waiting for the disc would only make tests slow.
    defaults: dict[str, Any] = {"port": 0, "durability": "write", "data": made}
    one = Cloud(Options(**(defaults | choices)))
    try:
        one.start()
        yield one
    finally:
        try:
            one.stop()
        finally:
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="session")
def gureum() -> Iterator[Cloud]:
    """One private cloud for the whole run. Use names of your own in it: other tests share it."""
    with cloud() as shared:
        yield shared


@pytest.fixture
def gureum_cloud() -> Iterator[Callable[..., Cloud]]:
    """Starts private clouds: `gureum_cloud(auth="open", …)` with the fields of gureum.options.Options."""
    with contextlib.ExitStack() as opened:
        yield lambda **choices: opened.enter_context(cloud(**choices))
