"""Write src/gureum/gateway/routes.json: what the router must know of every service before its model is loaded.

python tools/gen_routes.py [--check]
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from gureum.kernel.models import load, services

TARGET = Path(__file__).parent.parent / "src/gureum/gateway/routes.json"


def index() -> dict[str, dict[str, object]]:
    """Per service: the name it signs with, its endpoint prefix, target prefix, protocols and API version."""
    found = {}
    for name in services():
        meta = load(name).metadata
        found[name] = {
            "signing": meta.signing_name,
            "endpoint": meta.endpoint_prefix,
            "target": meta.target_prefix,
            "protocols": meta.protocols,
            "version": meta.api_version,
        }
    return found


def main() -> int:
    text = msgspec.json.format(msgspec.json.encode(index()), indent=0) + b"\n"
    if "--check" in sys.argv:
        if not TARGET.exists() or TARGET.read_bytes() != text:
            print("routes.json is out of date: run python tools/gen_routes.py")
            return 1
        return 0
    TARGET.write_bytes(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
