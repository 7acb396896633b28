"""How AWS clients reach the cloud: environment variables, or a profile in the AWS files."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import tempfile
from pathlib import Path

from gureum import running
from gureum.commands import Refused
from gureum.commands.serving import found
from gureum.options import REGION

MARK = "# Written by `gureum env --write-profile`."


def env(chosen: argparse.Namespace) -> int:
    server = found(chosen.data)
    key = running.credentials(chosen.data)
    if key is None:
        raise Refused(f"the server has written no root key into {chosen.data}")
    if chosen.write_profile:
        return _write_profile(chosen.write_profile, server, key, chosen.replace)
    settings = {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
    }
    for name, value in settings.items():
        print(f"export {name}={shlex.quote(value)}")
    # One left over from elsewhere would be sent along with this key and be refused.
    print("unset AWS_SESSION_TOKEN")
    return 0


def _write_profile(name: str, server: running.Server, key: running.Credentials, replace: bool) -> int:
    if not re.fullmatch(r"[A-Za-z0-9_.@+-]+", name):
        raise Refused(f"{name!r}: a profile's name has letters, digits and _ . @ + - only")
    home = Path.home() / ".aws"
    config = Path(os.environ.get("AWS_CONFIG_FILE") or home / "config").expanduser()
    secrets = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials").expanduser()
    header = "default" if name == "default" else f"profile {name}"
    changes = [
        (config, header, {"region": REGION, "output": "json", "endpoint_url": server.endpoint}),
        (
            secrets,
            name,
            {"aws_access_key_id": key.access_key_id, "aws_secret_access_key": key.secret_access_key},
        ),
    ]
    # Both are judged before either is written.
    texts = [(path, with_section(path, header, values, replace)) for path, header, values in changes]
    for path, text in texts:
        _write(path, text)
        print(f"Wrote profile {name} to {path}")
    print(f"Use it: aws --profile {name} sts get-caller-identity")
    return 0


def with_section(path: Path, header: str, values: dict[str, str], replace: bool) -> str:
    """The file's text with that section set, everything else as it was.

    Raises Refused when a section of that name is there that this command did not write.
    """
    text = path.read_text() if path.exists() else ""
    body = f"[{header}]\n{MARK}\n" + "".join(f"{name} = {value}\n" for name, value in values.items())
    sections = re.split(r"(?m)^(?=\[)", text)
    for place, section in enumerate(sections):
        if not re.match(rf"\[\s*{re.escape(header)}\s*\]", section):
            continue
        if MARK not in section and not replace:
            raise Refused(f"{path} has a [{header}] of your own: choose another NAME, or add --replace")
        after = "\n" if place < len(sections) - 1 else ""
        return "".join([*sections[:place], body, after, *sections[place + 1 :]])
    gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
    return text + gap + body


def _write(path: Path, text: str) -> None:
    """Replaces the file in one step, readable by its owner alone; a symbolic link stays one."""
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
