"""Stands in for `gureum.app` in processes that tests of the commands start: a server that can misbehave.

`GUREUM_STAND_IN` says how: "well", "deaf" (does not end on SIGTERM), "dead" (ends at once), "taken" (its port is
taken). Commands must cope with each; a server that works could not show that.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HEALTH = {
    "version": "0.1.0",
    "services": ["sqs", "sts"],
    "engines": [
        {
            "port": "containers",
            "driver": "podman",
            "state": "absent",
            "why": "no podman",
            "mend": "apt-get install podman",
        },
        {"port": "records", "driver": "sqlite", "state": "healthy", "why": "", "mend": ""},
    ],
}
KEY = {"account_id": "000000000000", "access_key_id": "AKIASTANDIN", "secret_access_key": "se'cret"}


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, HEALTH) if self.path in {"/_gureum/health", "/_gureum/doctor"} else self.answer(
            404, {}
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        signed = self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 Credential=AKIASTANDIN/")
        if self.path == "/_gureum/reset" and signed:
            (self.server.data / "was-reset").touch()
            self.answer(200, {})
        elif self.path == "/" and signed and os.environ["GUREUM_STAND_IN"] != "deaf":
            self.answer(200, {"QueueUrl": "http://127.0.0.1/000000000000/bench"})
        else:
            self.answer(403, {"message": "not signed"})

    def answer(self, status: int, body: dict[str, object]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


def serve(options) -> None:
    from gureum import running

    match os.environ["GUREUM_STAND_IN"]:
        case "deaf":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        case "dead":
            print("the store is broken")
            sys.exit(3)
        case "taken":
            raise OSError(errno.EADDRINUSE, "Address already in use")
    server = ThreadingHTTPServer((options.host, options.port), Page)
    server.daemon_threads = True
    server.data = options.data
    Path(options.data, running.CREDENTIALS).write_text(json.dumps(KEY))
    running.announce(options.data, options.host, server.server_port)
    server.serve_forever()


if "GUREUM_STAND_IN" in os.environ:
    app = types.ModuleType("gureum.app")
    app.serve = serve
    app.SERVICES = [types.SimpleNamespace(name=name) for name in HEALTH["services"]]
    sys.modules["gureum.app"] = app
