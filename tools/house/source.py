"""What every rule works on: a parsed file, and a finding."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

WAIVER = re.compile(r"#\s*house:\s*allow\s+([a-z-]+)(?::\s*(\S.*))?")


@dataclass(frozen=True)
class Finding:
    """A rule broken at a line. `rule` is the word that a waiver names."""

    path: Path
    line: int
    rule: str
    text: str


class Source:
    """One Python file below `src/gureum`. `place` is its path there: `services/sqs/queues.py`."""

    def __init__(self, path: Path, package: Path) -> None:
        self.path = path
        self.place = path.relative_to(package).as_posix()
        self.text = path.read_text()
        self.lines = self.text.splitlines()

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, str(self.path))

    def under(self, *folders: str) -> bool:
        return any(self.place == folder or self.place.startswith(f"{folder}/") for folder in folders)

    @property
    def service(self) -> str | None:
        """The service package it belongs to, if any."""
        parts = self.place.split("/")
        return parts[1] if parts[0] == "services" and len(parts) > 2 else None

    def finding(self, line: int, rule: str, text: str) -> Finding:
        return Finding(self.path, line, rule, text)

    def waived(self, finding: Finding) -> bool:
        """A line may carry `# house: allow RULE: reason`; for the size of a file, any of its first 30 lines."""
        near = self.lines[:30] if finding.rule == "long-file" else self.lines[finding.line - 1 : finding.line]
        return any((m := WAIVER.search(line)) and m[1] == finding.rule and m[2] for line in near)


def sources(package: Path) -> list[Source]:
    return [Source(path, package) for path in sorted(package.rglob("*.py"))]


def text_files(root: Path) -> Iterator[Path]:
    """Every file that is, or would be, in the repository."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"],
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        yield from (p for p in sorted(root.rglob("*")) if p.is_file() and ".venv" not in p.parts)
        return
    for name in sorted(listed.stdout.decode().split("\0")):
        if name and (path := root / name).is_file():
            yield path
