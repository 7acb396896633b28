"""The process that keeps one task: starts its containers, logs what they write, notes how they end.

Standard library only. It outlives the server, which finds it again by the socket in the task's folder; whatever
it knows is in `state.json` there. When it dies, its containers die with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import traceback
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Any

from .. import doors
from ..syscalls import CLONE_NEWNET, CLONE_NEWUSER, setns, unshare
from . import enter, relay, sandbox, wire
from .children import Children
from .pod import Pod


def supervise(folder: str, first: socket.socket) -> None:
    """Keep the task whose folder this is until it is destroyed; never returns."""
    try:
        Supervisor(Path(folder)).run(first)
    except BaseException as error:
        traceback.print_exc()
        with contextlib.suppress(OSError):
            wire.send(first, {"error": f"the supervisor failed: {error}"})
    os._exit(0)


class Supervisor:
    """See the module. One thread, one loop: everything it waits for is in its selector."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.task: dict[str, Any] = json.loads((folder / "task.json").read_text())
        self.ports: dict[str, int] = {}
        self._selector = selectors.DefaultSelector()
        self._children = Children(self._selector)
        self._ended = False
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        flock(lock, LOCK_EX | LOCK_NB)  # held as long as we live: that is how the driver knows
        self._place, self._above = wire.Place(folder), wire.Place(folder.parent)
        self._events = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    # --- the loop

    def run(self, first: socket.socket) -> None:
        """Prepare, then serve until destroyed."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        userns = self._enter_namespaces()
        self._pod = Pod(self.folder, self.task, userns, self._selector, self._children, self._save)
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.suppress(FileNotFoundError):
            (self.folder / "control.sock").unlink()
        control.bind(self._place.address("control.sock"))
        control.listen(64)
        self._selector.register(control, selectors.EVENT_READ, lambda: self._accept(control.accept()[0]))
        self._accept(first)
        self._save()
        wire.send(first, {"ready": os.getpid()})
        while not self._ended:
            for key, _ in self._selector.select(self._pod.until_next()):
                if self._selector.get_map().get(key.fd) is key:
                    key.data()
            self._pod.keep_times()

    def _enter_namespaces(self) -> int | None:
        """Take on the task's user and network namespaces; listen at published ports before that, on the host."""
        listeners = [(relay.listen(one["address"], one["host_port"]), one) for one in self.task["ports"]]
        for listener, one in listeners:
            self.ports[f"{one['container_port']}/tcp"] = listener.getsockname()[1]
        userns = None
        if self.task["uid_base"]:
            userns = sandbox.make_userns(self.task["uid_base"])
            self._enter_network(userns)
        else:
            user, group = os.getuid(), os.getgid()
            unshare(CLONE_NEWUSER | CLONE_NEWNET)
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/uid_map").write_text(f"0 {user} 1")
            Path("/proc/self/gid_map").write_text(f"0 {group} 1")
        doors.loopback_up()
        for name, value in (("ip_unprivileged_port_start", "0"), ("ping_group_range", "0 65535")):
            with contextlib.suppress(OSError):  # an old kernel, or a range that the user namespace lacks
                Path("/proc/sys/net/ipv4", name).write_text(value)
        if listeners:
            pairs = [(listener, one["container_port"]) for listener, one in listeners]
            relay.start(pairs, self.task["address"] or "127.0.0.1")
            for listener, _ in listeners:
                listener.close()
        return userns

    def _enter_network(self, userns: int) -> None:
        """Make a network namespace that the task's users own, and go there."""
        ready, done = os.pipe(), os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                setns(userns, CLONE_NEWUSER)
                unshare(CLONE_NEWNET)
                os.write(ready[1], b".")
                os.read(done[0], 1)
            finally:
                os._exit(0)
        os.close(ready[1])
        if not os.read(ready[0], 1):
            raise OSError("this kernel gives no network namespaces")
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        setns(fd, CLONE_NEWNET)
        os.write(done[1], b".")
        os.waitpid(pid, 0)
        for one in (fd, ready[0], *done):
            os.close(one)

    # --- control

    def _accept(self, line: socket.socket) -> None:
        self._selector.register(wire.widen(line), selectors.EVENT_READ, lambda: self._serve(line))

    def _drop(self, line: socket.socket) -> None:
        self._selector.unregister(line)
        line.close()

    def _serve(self, line: socket.socket) -> None:
        message, fds = wire.receive(line)
        if message is None:
            self._drop(line)
            return
        try:
            getattr(self, "do_" + message["do"])(line, message, fds)
        except OSError as error:
            with contextlib.suppress(OSError):
                wire.send(line, {"error": str(error)})
        finally:
            for fd in fds:
                with contextlib.suppress(OSError):
                    os.close(fd)

    def do_start(self, line: socket.socket, message: dict[str, Any], fds: list[int]) -> None:
        """Start one container, unless it was started before."""
        plan = message["plan"]
        error = "" if plan["name"] in self._pod.live else self._pod.start(plan)
        wire.send(line, {"error": error} if error else {"started": True})

    def do_stop(self, line: socket.socket, message: dict[str, Any], fds: list[int]) -> None:
        """Begin to stop."""
        self._pod.stop(message["only"])
        wire.send(line, {"stopping": True})

    def do_doors(self, line: socket.socket, message: dict[str, Any], fds: list[int]) -> None:
        sockets = doors.listen([(address, port) for address, port in message["places"]])
        wire.send(line, {"doors": len(sockets)}, tuple(one.fileno() for one in sockets))
        for one in sockets:
            one.close()

    def do_exec(self, line: socket.socket, message: dict[str, Any], fds: list[int]) -> None:
        """Run a command; this connection hears of it, and its end ends the command."""
        live = self._pod.live.get(message["container"])
        if live is None or not live.running:
            wire.send(line, {"error": "the container does not run"})
            return
        self._selector.unregister(line)
        told, child = wire.pair()

        def ended(code: int) -> None:
            self._forward(told, line, held)
            with contextlib.suppress(OSError):
                wire.send(line, {"exit": code})
            if line.fileno() >= 0 and line in self._selector.get_map():
                self._selector.unregister(line)
            line.close()

        held: dict[str, int] = {}
        words = (message["argv"], message["environment"], message["directory"], message["identity"])
        self._pod.enter(live, enter.plan_of(live.plan, *words), tuple(fds), child, message["tty"], ended)
        child.close()
        self._selector.register(told, selectors.EVENT_READ, lambda: self._forward(told, line, held))
        self._selector.register(line, selectors.EVENT_READ, lambda: self._abandon(line, held))

    def _forward(self, told: socket.socket, line: socket.socket, held: dict[str, int]) -> None:
        """Pass on what the forked child says."""
        while told.fileno() >= 0 and (message := self._receive_now(told)) is not None:
            said, fds = message
            if said is None:
                self._drop(told)
                return
            held.update({"pid": said["pid"]} if "pid" in said else {})
            if line.fileno() < 0:
                self._end(held)
            else:
                with contextlib.suppress(OSError):
                    wire.send(line, said, tuple(fds))
            for fd in fds:
                os.close(fd)

    @staticmethod
    def _receive_now(line: socket.socket) -> tuple[dict[str, Any] | None, list[int]] | None:
        line.setblocking(False)
        try:
            return wire.receive(line)
        except BlockingIOError:
            return None

    def _abandon(self, line: socket.socket, held: dict[str, int]) -> None:
        """The one who asked for the command is gone."""
        if wire.receive(line)[0] is None:
            self._selector.unregister(line)
            line.close()
            self._end(held)

    @staticmethod
    def _end(held: dict[str, int]) -> None:
        """Kill a command, once it is known who it is."""
        if "pid" in held:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(held["pid"], signal.SIGKILL)

    def do_destroy(self, line: socket.socket, message: dict[str, Any], fds: list[int]) -> None:
        """Kill everything; the closed connection says that it is done."""
        self._pod.kill()
        self._ended = True

    # --- what is written down

    def _save(self) -> None:
        """Write the state, whole or not at all, and tell the driver that there is news."""
        state = {
            "name": self.task["name"],
            "pid": os.getpid(),
            "ports": self.ports,
            "containers": self._pod.shown(),
        }
        fresh = self.folder / "state.new"
        with fresh.open("w") as file:
            json.dump(state, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / "state.json")
        with contextlib.suppress(OSError):  # no driver listens just now, or it has enough to read
            self._events.sendto(self.folder.name.encode(), self._above.address("events.sock"))
