#!/usr/bin/env python3
"""Holds the rules of the house that no other tool holds; what each is for stands in `tools/house/`.

A line that must break one carries `# house: allow RULE: reason`. Exit code 1 when something is found.

    tools/check_house.py [--root DIR]
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from house import imports, members, names, services, sizes
from house.source import Finding, Source, sources, text_files

ROOT = Path(__file__).resolve().parent.parent


def findings(root: Path) -> Iterator[Finding]:
    files = sources(root / "src" / "gureum")
    by_path = {source.path: source for source in files}
    for finding in all_rules(root, files):
        source = by_path.get(finding.path)
        if source is None or not source.waived(finding):
            yield finding


def all_rules(root: Path, files: list[Source]) -> Iterator[Finding]:
    for source in files:
        for rule in (sizes, imports, names):
            yield from rule.check(source)
    belonging = sorted((source for source in files if source.service), key=lambda source: source.place)
    for service, group in groupby(belonging, key=lambda source: source.service or ""):
        package = list(group)
        yield from services.check(service, package)
        yield from members.check(package)
    for path in text_files(root):
        yield from names.words(path)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, default=ROOT)
    root = parser.parse_args(arguments).root.resolve()
    found = sorted(findings(root), key=lambda f: (f.path, f.line))
    for finding in found:
        print(f"{finding.path.relative_to(root)}:{finding.line}: {finding.rule}: {finding.text}")
    if found:
        counts = Counter(finding.rule for finding in found)
        print(f"{len(found)} found: " + ", ".join(f"{n} {rule}" for rule, n in sorted(counts.items())))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
