#!/usr/bin/env python3
"""Writes docs/coverage.md from the code: per service and operation what is built and what is absent.

tools/coverage.py [--check]
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from gureum.app import SERVICES
from gureum.kernel.catalog import Catalog
from gureum.kernel.models import load
from gureum.kernel.operations import OPERATIONS
from gureum.kernel.registry import Registry

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "coverage.md"
HEAD = """# Coverage

Written by `tools/coverage.py` from the code. **Built** does its job for real; what is **absent** answers
`501 NotImplemented` in the caller's protocol and changes nothing. Nothing stands between the two.

"""


def page() -> str:
    """The whole page."""
    registry = Registry(SERVICES)
    rows, parts = [], []
    for offered in sorted(SERVICES, key=lambda service: service.name):
        registry.get(offered.name)
        model, built = load(offered.name), OPERATIONS[offered.name].handlers
        absent = [name for name in sorted(model.operations) if name not in built]
        catalog: Catalog = importlib.import_module(f"{offered.module}.catalog").CATALOG
        rows.append(
            f"| [{catalog.title}](#{offered.name}) | `{offered.name}` | {len(built)} | {len(absent)} |"
        )
        parts.append(
            f"## {offered.name}\n{catalog.purpose['en']}\n\n**Built ({len(built)}):** {', '.join(sorted(built))}\n"
        )
        if absent:
            told = [f"{name} ({catalog.absent[name]})" if name in catalog.absent else name for name in absent]
            parts.append(f"**Absent ({len(absent)}):** {', '.join(told)}\n")
    table = "| service | name | built | absent |\n|---|---|---|---|\n" + "\n".join(rows) + "\n\n"
    return HEAD + table + "\n".join(parts)


def main() -> int:
    text = page()
    if "--check" in sys.argv:
        if not PAGE.exists() or PAGE.read_text() != text:
            print("docs/coverage.md is out of date: run tools/coverage.py")
            return 1
        return 0
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
