#!/usr/bin/env python3
"""Make IAM's file of AWS's own managed policies from the copy that moto ships (Apache-2.0).

    pip download --no-deps moto==5.2.5
    tools/gen_aws_policies.py moto-5.2.5-py3-none-any.whl

Each document is compressed by itself, so that the running cloud holds 1 MB of text and opens what it needs.
"""

from __future__ import annotations

import ast
import base64
import gzip
import json
import sys
import zipfile
import zlib
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "src/gureum/services/iam/aws_policies.json.gz"
SOURCE = "moto/iam/aws_managed_policies.py"


def main(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tree = ast.parse(archive.read(SOURCE))
        dated = "{:04}-{:02}-{:02}".format(*archive.getinfo(SOURCE).date_time[:3])
    text = next(node.value for node in tree.body if isinstance(node, ast.Assign))
    assert isinstance(text, ast.Constant) and isinstance(text.value, str)
    found: dict[str, dict[str, Any]] = json.loads(text.value)
    policies = {
        name: [
            one["Path"],
            one["CreateDate"],
            one["UpdateDate"],
            int(one["DefaultVersionId"][1:]),
            pack(one["Document"]),
        ]
        for name, one in sorted(found.items())
    }
    whole = {"source": wheel.name, "dated": dated, "policies": policies}
    raw = json.dumps(whole, separators=(",", ":")).encode()
    TARGET.write_bytes(gzip.compress(raw, 9, mtime=0))
    print(f"{len(policies)} policies of {dated}: {len(raw)} bytes, {TARGET.stat().st_size} packed")


def pack(document: Any) -> str:
    plain = json.dumps(document, separators=(",", ":")).encode()
    return base64.b85encode(zlib.compress(plain, 9)).decode()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
