"""The composition root: the one module that names every service and every driver, and puts them together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import ssl
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvloop

from gureum import __version__, running
from gureum.gateway.admin import Admin
from gureum.gateway.authenticate import DEFAULT_ACCOUNT, Authenticator
from gureum.gateway.authorise import Authoriser
from gureum.gateway.door import Door
from gureum.gateway.http import Connection, Server
from gureum.gateway.inlets import Inlets
from gureum.gateway.route import Routes
from gureum.kernel import ids
from gureum.kernel.drivers import Drivers
from gureum.kernel.durable import Syncer
from gureum.kernel.home import Home
from gureum.kernel.listening import Listening
from gureum.kernel.reconcile import Reconciliation
from gureum.kernel.registry import Offered, Registry
from gureum.kernel.seal import Seal
from gureum.kernel.sqlite import SqliteStore
from gureum.kernel.store import Store
from gureum.kernel.workloads import WORKLOADS, owner
from gureum.options import Options, is_loopback

log = logging.getLogger("gureum")

SERVICES: tuple[Offered, ...] = (
    Offered("iam"),
    Offered("sts"),
    Offered("organizations", wakes=True),
    Offered("account"),
    Offered("resourcegroupstaggingapi", wakes=True),
    Offered("sqs"),
    Offered("kms", wakes=True),
    Offered("s3", wakes=True),
    Offered("logs"),
    Offered("ecs", wakes=True),
    Offered("cloudtrail", wakes=True),
)


class Cloud:
    """One running cloud: its home, door and long work."""

    def __init__(self, options: Options, loop: asyncio.AbstractEventLoop) -> None:
        self.options = options
        self.started = time.time()
        chosen = SERVICES
        if options.services is not None:
            chosen = tuple(s for s in SERVICES if s.name in options.services or s.name in {"iam", "sts"})
        self.registry = Registry(chosen)
        syncer = Syncer(options.durability)
        store = _store(options, syncer)
        self.home = Home(options.data, store, syncer, _seal(options.data, store), loop)
        from gureum.services.iam.identities import IamIdentities
        from gureum.services.iam.issuer import Issuers
        from gureum.services.organizations.memberships import OrganizationMemberships

        identities = IamIdentities(self.home)
        authenticator = Authenticator(self.home, identities, enforced=options.auth == "enforced")
        self.door = Door(
            self.home,
            self.registry,
            Routes(frozenset(self.registry.offered)),
            authenticator,
            Authoriser(self.home, identities, OrganizationMemberships(self.home)),
        )
        self.inlets = Inlets(self.home, self.registry, self.door.accept, options.data / "spool")
        makers = {
            "gureum.engines.containers.port.Containers": self._containers,
            "gureum.engines.saml.port.Saml": _saml,
            "gureum.engines.web.port.Web": _web,
        }
        self.drivers = self.home.engines = Drivers(makers)
        admin = Admin(
            self.door,
            authenticator,
            self.health,
            self.drivers.look,
            self.reset,
            open_to_all=options.auth == "open",
        )
        self.door.mounts += [admin.take, Issuers(self.home).take]
        self.reconciliation = Reconciliation(self.home, need_service=self.registry.has)
        self.listening = Listening(self.home)
        self.keep_root_key()

    def _containers(self) -> Any:
        """The container engine: Docker or Podman where one is, else sandboxes. What no record knows ends here."""
        from gureum.engines.containers.bubblewrap.driver import Bubblewrap
        from gureum.engines.containers.docker.driver import Docker

        installation = str(self.options.data.resolve())
        driver: Any = Docker(self.options.data, installation, self.inlets.serve)
        if driver.fingerprint().state == "absent":
            driver.close()
            driver = Bubblewrap(self.options.data, installation, self.inlets.serve)
        for handle in driver.recover():
            service = owner(handle.name)
            known = self.registry.has(service) and service in WORKLOADS
            if not known or not WORKLOADS[service].known(self.home, handle.name):
                log.info("ending %s: no record knows it", handle.name)
                driver.destroy(handle)
        return driver

    def keep_root_key(self) -> None:
        """The root user's access key, made on the first start and put back after a reset."""
        from gureum.services.iam.identities import ensure_root_key

        known = running.credentials(self.options.data)
        if known is None:
            local = is_loopback(self.options.host)
            known = running.Credentials(
                account_id=DEFAULT_ACCOUNT,
                access_key_id="test" if local else ids.unique("AKIA", 16),
                secret_access_key="test" if local else ids.secret(),
            )
            running.keep_credentials(self.options.data, known)
            if not local:
                print(f"root access key: {known.access_key_id}\nroot secret key: {known.secret_access_key}")
        ensure_root_key(self.home, known.account_id, known.access_key_id, known.secret_access_key)

    def health(self) -> dict[str, Any]:
        """What `GET /_gureum/health` says."""
        return {
            "version": __version__,
            "pid": os.getpid(),
            "started": self.started,
            "durability": self.options.durability,
            "auth": self.options.auth,
            "services": sorted(self.registry.offered),
            "engines": self.drivers.health(self.home.pool),
            "failing": [
                {"record": "/".join(f.key), "failures": f.failures, "error": f.error}
                for f in self.reconciliation.failing.values()
            ]
            + [{"listener": name, "error": error} for name, error in self.listening.failing.items()],
        }

    def reset(self) -> None:
        """Empty everything; only the root key is put back."""
        self.home.clear()
        self.keep_root_key()


def serve(options: Options) -> None:
    """Serve until SIGTERM or SIGINT, on a data directory that the caller has claimed (`running.claim`)."""
    logging.basicConfig(
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        filename=options.log_file,
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(options))


async def _serve(options: Options) -> None:
    loop = asyncio.get_running_loop()
    cloud = Cloud(options, loop)
    spool = options.data / "spool"
    _empty(spool)
    server = Server(cloud.door.accept, spool, lambda: _tls(options.data))
    listening = await loop.create_server(lambda: Connection(server), options.host, options.port, backlog=1024)
    port: int = listening.sockets[0].getsockname()[1]
    cloud.home.endpoint = f"http://127.0.0.1:{port}"
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    announced = running.announce(options.data, options.host, port)
    log.info("Gureum %s answers at %s", __version__, announced.endpoint)
    cloud.registry.wake()
    work = [
        loop.create_task(_guard(run, name))
        for run, name in ((cloud.reconciliation.run, "reconciliation"), (cloud.listening.run, "listening"))
    ]
    await stopped.wait()
    listening.close()
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
    server.close()
    cloud.inlets.close()
    await loop.run_in_executor(None, cloud.home.close)
    await loop.run_in_executor(None, cloud.drivers.close)


def _tls(data: Path) -> ssl.SSLContext:
    from gureum.gateway import tls  # X.509 costs 40 ms that a start need not pay

    return tls.context(data / "tls")


async def _guard(run: Callable[[], Awaitable[None]], name: str) -> None:
    """Keep a worker alive: what breaks it is logged, and it starts again."""
    while True:
        try:
            await run()
        except Exception:
            log.exception("%s broke; it starts again", name)
            await asyncio.sleep(1.0)


def _saml() -> Any:
    from gureum.engines.saml.signed import Signed

    return Signed()


def _web() -> Any:
    from gureum.engines.web.direct import Direct

    return Direct()


def _store(options: Options, syncer: Syncer) -> Store:
    if options.store is None:
        return SqliteStore(options.data / "records.db", syncer)
    from gureum.kernel.postgres import PostgresStore

    return PostgresStore(options.store)


def _seal(data: Path, store: Store) -> Seal:
    """The root key that seals secrets. A new store gets one; a lost one is not replaced in silence."""
    path = data / running.ROOT_KEY
    if path.exists() or store.last_event():
        return Seal.load(path)
    return Seal.create(path)


def _empty(spool: Path) -> None:
    spool.mkdir(parents=True, exist_ok=True)
    for left in spool.iterdir():
        with contextlib.suppress(OSError):
            left.unlink()
