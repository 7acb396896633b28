"""Bridges and addresses for tasks, where the server is root. Without it a task has only its own loopback.

networks/<network>/network.json      its name and address block
networks/<network>/<address>         taken; the content is the task's id
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import threading
from pathlib import Path

import msgspec

from ..names import short
from ..port import BadTask, EngineFailed
from ..spec import Network

IPTABLES = "sudo apt-get install -y --no-install-recommends iproute2 iptables"
_POOL = ipaddress.ip_network("10.192.0.0/12")  # blocks of networks that name none: seldom used elsewhere
_PREFIX = 22
_PRIVATE = ("gr+", "docker+", "br-+", "podman+", "virbr+")  # bridges of this host: no way out leads over them


class Seat(msgspec.Struct, frozen=True):
    """A task's place in a network."""

    network: str  # fingerprint
    address: str
    prefix: int
    gateway: str
    mac: str

    @property
    def bridge(self) -> str:
        return f"gr{self.network}"

    @property
    def card(self) -> str:
        """The host's end of the task's cable."""
        return f"gv{short(self.network + self.address, 10)}"


class _Block(msgspec.Struct):
    name: str
    cidr: str
    egress: bool


class Networks:
    """All networks of an installation. Raises `EngineFailed` with the words of `ip` or `iptables`."""

    def __init__(self, folder: Path, installation: str) -> None:
        self._folder, self._installation = folder, installation
        self._lock = threading.Lock()

    @staticmethod
    def able() -> bool:
        """Whether tasks can have addresses here."""
        return os.geteuid() == 0 and shutil.which("ip") is not None and shutil.which("nsenter") is not None

    @staticmethod
    def guarded() -> bool:
        """Whether bridges can be kept apart by rules and have a way out."""
        return shutil.which("iptables") is not None

    def take(self, network: Network, task: str) -> Seat:
        """Reserve an address for the task. Raises `BadTask` when the wanted one is taken or there is none left."""
        key = short(self._installation + network.name, 8)
        with self._lock:
            block = self._block(key, network)
            cidr = ipaddress.ip_network(block.cidr)
            gateway = cidr[1]
            wanted = [ipaddress.ip_address(network.address)] if network.address else iter(cidr.hosts())
            for address in wanted:
                if address == gateway:
                    continue
                try:
                    with (self._folder / key / str(address)).open("x") as file:
                        file.write(task)
                except FileExistsError:
                    if (self._folder / key / str(address)).read_text() != task:
                        continue
                mac = "0a:" + ":".join(f"{byte:02x}" for byte in bytes.fromhex(short(key + str(address), 10)))
                return Seat(key, str(address), cidr.prefixlen, str(gateway), mac)
            raise BadTask(f"{network.address or 'every address'} of network {network.name} is taken")

    def attach(self, seat: Seat, pid: int) -> None:
        """Plug the task's network namespace, that of process `pid`, into its bridge."""
        with self._lock:
            block = msgspec.json.decode(
                (self._folder / seat.network / "network.json").read_bytes(), type=_Block
            )
            if not Path("/sys/class/net", seat.bridge).exists():
                self._make_bridge(seat, block)
        if Path("/sys/class/net", seat.card).exists():  # left by a task that died
            _run(["ip", "link", "del", seat.card])
        _run(
            ["ip", "-batch", "-"],
            f"link add {seat.card} type veth peer name eth0 address {seat.mac} netns {pid}\n"
            f"link set {seat.card} master {seat.bridge} up\n",
        )
        _run(
            ["nsenter", f"--net=/proc/{pid}/ns/net", "ip", "-batch", "-"],
            f"addr add {seat.address}/{seat.prefix} dev eth0\nlink set eth0 up\nroute add default via {seat.gateway}\n",
        )

    def give_back(self, seat: Seat) -> None:
        """Unplug and free the address, and remove the bridge after its last task."""
        with self._lock:
            if Path("/sys/class/net", seat.card).exists():
                _run(["ip", "link", "del", seat.card], patient=True)
            folder = self._folder / seat.network
            (folder / seat.address).unlink(missing_ok=True)
            if not folder.is_dir() or any(one.name != "network.json" for one in folder.iterdir()):
                return
            block = msgspec.json.decode((folder / "network.json").read_bytes(), type=_Block)
            if Path("/sys/class/net", seat.bridge).exists():
                _run(["ip", "link", "del", seat.bridge], patient=True)
                for table, rule in _rules(seat.bridge, block):
                    _iptables(table, "-D", rule, patient=True)
            shutil.rmtree(folder)

    def _block(self, key: str, network: Network) -> _Block:
        file = self._folder / key / "network.json"
        if file.exists():
            return msgspec.json.decode(file.read_bytes(), type=_Block)
        cidr = ipaddress.ip_network(network.cidr) if network.cidr else self._free_block()
        for other in self._taken():
            if other.version == cidr.version and other.overlaps(cidr):
                raise BadTask(f"{cidr} overlaps {other}, which this host uses already")
        block = _Block(network.name, str(cidr), network.egress)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(block))
        return block

    def _free_block(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
        taken = self._taken()
        for candidate in _POOL.subnets(new_prefix=_PREFIX):
            if not any(other.version == 4 and other.overlaps(candidate) for other in taken):
                return candidate
        raise EngineFailed(f"no address block is left in {_POOL}")

    def _taken(self) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
        """The blocks of our networks and of the host's routes."""
        words = [line.split()[0] for line in _run(["ip", "-4", "route"]).splitlines() if line.strip()]
        taken = [ipaddress.ip_network(word) for word in words if word[0].isdigit()]
        for file in self._folder.glob("*/network.json"):
            taken.append(ipaddress.ip_network(msgspec.json.decode(file.read_bytes(), type=_Block).cidr))
        return taken

    def _make_bridge(self, seat: Seat, block: _Block) -> None:
        bridge = seat.bridge
        _run(
            ["ip", "-batch", "-"],
            f"link add {bridge} type bridge forward_delay 0\n"
            f"addr add {seat.gateway}/{seat.prefix} dev {bridge}\nlink set {bridge} up\n",
        )
        if self.guarded():
            for table, rule in _rules(bridge, block):
                _iptables(table, "-D", rule, patient=True)  # left from before a reboot or crash
                _iptables(table, "-I", rule)
            if block.egress:
                Path("/proc/sys/net/ipv4/ip_forward").write_text("1")


def _rules(bridge: str, block: _Block) -> list[tuple[str, list[str]]]:
    """Rules, each put before the former. Nothing passes between bridges; egress leaves by other ways only."""
    rules = [
        ("filter", ["FORWARD", "-i", bridge, "-j", "DROP"]),
        ("filter", ["FORWARD", "-o", bridge, "-j", "DROP"]),
        ("filter", ["FORWARD", "-i", bridge, "-o", bridge, "-j", "ACCEPT"]),
    ]
    if block.egress:
        related = ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED"]
        rules[2:2] = [
            ("filter", ["FORWARD", "-i", bridge, "-j", "ACCEPT"]),
            *(("filter", ["FORWARD", "-i", bridge, "-o", other, "-j", "DROP"]) for other in _PRIVATE),
            ("filter", ["FORWARD", "-o", bridge, *related, "-j", "ACCEPT"]),
        ]
        masquerade = ["POSTROUTING", "-s", block.cidr, "!", "-o", bridge, "-j", "MASQUERADE"]
        rules.append(("nat", masquerade))
    return rules


def _iptables(table: str, verb: str, rule: list[str], *, patient: bool = False) -> None:
    _run(["iptables", "-w", "-t", table, verb, *rule], patient=patient)


def _run(command: list[str], text: str = "", *, patient: bool = False) -> str:
    told = subprocess.run(command, input=text, capture_output=True, text=True, check=False)  # noqa: S603
    if told.returncode != 0 and not patient:
        raise EngineFailed(f"{' '.join(command)}: {told.stderr.strip()}")
    return told.stdout
