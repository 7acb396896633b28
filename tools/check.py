#!/usr/bin/env python3
"""Every check of the house, in order, then the tests; what `gureum test` runs.

All checks run even when one fails, and the last lines say which did. With paths, those tests alone.

    tools/check.py [PATH…] [pytest options]
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PYTHON = sys.executable

CHECKS: dict[str, list[str | Path]] = {
    "ruff check": [BIN / "ruff", "check", "src", "tests", "tools"],
    "ruff format": [BIN / "ruff", "format", "--check", "src", "tests", "tools"],
    "mypy": [BIN / "mypy"],
    "imports": [BIN / "lint-imports"],
    "house": [PYTHON, "tools/check_house.py"],
    "api stubs": [PYTHON, "tools/gen_api.py", "--check"],
}


def passes(name: str, command: list[str | Path]) -> bool:
    print(f"── {name}", flush=True)
    began = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode
    print(
        f"── {name}: {'passed' if code == 0 else f'FAILED ({code})'}, {time.monotonic() - began:.1f} s",
        flush=True,
    )
    return code == 0


def main(arguments: list[str]) -> int:
    if arguments:
        # Paths are the caller's, from where the caller stands.
        os.execv(PYTHON, [PYTHON, "-m", "pytest", *arguments])
    failed = [name for name, command in CHECKS.items() if not passes(name, command)]
    if failed:
        print(f"── failed so far: {', '.join(failed)}; the tests run all the same", flush=True)
    workers = ["-n", "auto", "--maxprocesses", "4", "--dist", "loadfile"]
    tests = subprocess.run([PYTHON, "-m", "pytest", *workers], cwd=ROOT, check=False).returncode
    if failed:
        print(f"FAILED checks: {', '.join(failed)}", file=sys.stderr)
    return tests or bool(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
