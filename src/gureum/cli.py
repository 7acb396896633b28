"""The `gureum` command: reads the line, hands over to `gureum.commands`.

Each command's module is imported when it is chosen: `up` should answer its first call within a second.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from gureum.commands import Refused
from gureum.options import HOST, PORT, BadOption, data_directory


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="gureum", description="A cloud that you own: the AWS API on one endpoint."
    )
    top.add_argument("--version", action="store_true", help="print the version and exit")
    commands = top.add_subparsers(dest="command", metavar="COMMAND")
    _serving(commands)
    _reaching(commands)
    _keeping(commands)
    return top


def _command(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, target: str, text: str
) -> argparse.ArgumentParser:
    """A command that `target` ("module:function") carries out, with the option all of them have."""
    made = commands.add_parser(name, help=text, description=text)
    made.set_defaults(target=target)
    made.add_argument(
        "--data", type=Path, default=data_directory(), metavar="DIR", help="where state lives (%(default)s)"
    )
    return made


def _serving(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    up = _command(commands, "up", "serving:up", "start the cloud")
    up.add_argument("--port", type=int, default=PORT, help="default %(default)s; 0 takes a free one")
    up.add_argument("--host", default=HOST, help="address to listen on (%(default)s)")
    up.add_argument("--auth", default="enforced", help="enforced (default) or open: believe any signature")
    up.add_argument(
        "--durability",
        default="fsync",
        help="what outlives: write, a killed process; fsync (default), power loss too",
    )
    up.add_argument("--services", metavar="A,B", help="only these services")
    up.add_argument("--store", metavar="URL", help="postgresql://… instead of SQLite in the data directory")
    up.add_argument("--i-know", action="store_true", help="permit --auth open on an address others can reach")
    up.add_argument("--detach", action="store_true", help="return once it answers; it goes on by itself")
    up.add_argument("--log-file", type=Path, metavar="FILE", help="where --detach writes the log")
    down = _command(commands, "down", "serving:down", "stop the cloud; what it keeps stays")
    down.add_argument("--kill", action="store_true", help="end it at once; nothing acknowledged is lost")
    down.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="default %(default)s")
    status = _command(commands, "status", "serving:status", "say whether it runs, and where")
    status.add_argument("--json", action="store_true", help="the server's own words")
    logs = _command(commands, "logs", "serving:logs", "print the log of a server started with --detach")
    logs.add_argument("-f", "--follow", action="store_true", help="go on printing what is added")
    logs.add_argument("-n", "--lines", type=int, default=50, help="how many of the last lines (%(default)s)")


def _reaching(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    env = _command(commands, "env", "access:env", 'print settings for AWS clients: eval "$(gureum env)"')
    env.add_argument(
        "--write-profile",
        nargs="?",
        const="gureum",
        metavar="NAME",
        help="write a profile (default gureum) for the AWS CLI and SDKs; other profiles stay as they are",
    )
    env.add_argument("--replace", action="store_true", help="even when NAME is a profile of yours already")


def _keeping(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = _command(
        commands, "doctor", "care:doctor", "say of each engine whether it works, and what mends it"
    )
    doctor.add_argument("--json", action="store_true", help="the server's own words")
    reset = _command(commands, "reset", "care:reset", "remove everything in the running cloud")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    backup = _command(
        commands, "backup", "archive:backup", "write a stopped cloud's data to a .tar or .tar.gz"
    )
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--with-root-key", action="store_true", help="include the keys that open its secrets")
    backup.add_argument("--force", action="store_true", help="overwrite FILE")
    restore = _command(commands, "restore", "archive:restore", "put a backup into the data directory")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument(
        "--replace", action="store_true", help="even when the directory has data: it is moved"
    )
    bench = _command(commands, "bench", "bench:bench", "measure the running cloud")
    bench.add_argument("--seconds", type=float, default=3.0, help="for each operation (%(default)s)")
    bench.add_argument("--connections", type=int, default=8, help="at once (%(default)s)")


def main(line: Sequence[str] | None = None) -> int:
    """Carries out one command line; the exit code: 0 done, 1 not done, 2 not understood."""
    reader = parser()
    chosen = reader.parse_args(line)
    if chosen.version:
        from gureum import __version__

        print(f"gureum {__version__}")
        return 0
    if chosen.command is None:
        reader.print_help()
        return 2
    chosen.data = chosen.data.expanduser().absolute()
    module, _, function = chosen.target.partition(":")
    try:
        return int(getattr(importlib.import_module(f"gureum.commands.{module}"), function)(chosen))
    except BadOption as wrong:
        print(f"gureum: {wrong}", file=sys.stderr)
        return 2
    except Refused as wrong:
        print(f"gureum: {wrong}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
