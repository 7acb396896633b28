"""AWS's own managed policies, from a file made by `tools/gen_aws_policies.py`. Read when first asked for."""

from __future__ import annotations

import base64
import gzip
import hashlib
import zlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from gureum.kernel import documents
from gureum.kernel.records import kind_of
from gureum.services.iam.records import Policy

_FILE = Path(__file__).with_name("aws_policies.json.gz")


class AwsPolicy(NamedTuple):
    """One of them. `version` is the number of the version in force, the only one known; times as ISO 8601."""

    arn: str
    name: str
    path: str
    created_at: str
    updated_at: str
    version: int
    packed: str

    @property
    def id(self) -> str:
        """A stable unique id. AWS's own are not in any public list, so it is made from the ARN."""
        digest = base64.b32encode(hashlib.sha256(self.arn.encode()).digest()).decode()
        return f"ANPA{digest[:17]}"

    @property
    def created(self) -> float:
        return datetime.fromisoformat(self.created_at).timestamp()

    @property
    def updated(self) -> float:
        return datetime.fromisoformat(self.updated_at).timestamp()

    @property
    def document(self) -> str:
        return _unpack(self.packed)


@cache
def everything() -> Mapping[str, AwsPolicy]:
    """All of them by ARN, in the order of their names."""
    data = documents.read(gzip.decompress(_FILE.read_bytes()))
    kind = kind_of(Policy)
    found: dict[str, AwsPolicy] = {}
    for name, (path, *rest) in data["policies"].items():
        arn = kind.arn("aws", "", {"path": path, "name": name})
        found[arn] = AwsPolicy(arn, name, path, *rest)
    return found


def find(arn: str) -> AwsPolicy | None:
    return everything().get(arn) if is_aws(arn) else None


def is_aws(arn: str) -> bool:
    """Whether an ARN is that of one of AWS's policies."""
    return arn.split(":", 5)[4:5] == ["aws"]


@lru_cache(maxsize=256)
def _unpack(packed: str) -> str:
    return zlib.decompress(base64.b85decode(packed)).decode()
