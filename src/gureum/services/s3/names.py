"""Names of buckets. https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")
_HEADS = ("xn--", "sthree-")
_TAILS = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def is_bucket_name(name: str) -> bool:
    """Whether a general purpose bucket may have this name."""
    return (
        _NAME.fullmatch(name) is not None
        and ".." not in name
        and ".-" not in name
        and "-." not in name
        and _ADDRESS.fullmatch(name) is None
        and not name.startswith(_HEADS)
        and not name.endswith(_TAILS)
    )
