"""Buckets as hosts: `bucket.s3.localhost`, `bucket.localhost`, and the hosts of web sites.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
"""

from __future__ import annotations

import re
from functools import lru_cache

from gureum.kernel.message import Request

_SITE = re.compile(r"(.+?)\.s3-website[.-].+")
_VIRTUAL = re.compile(r"(.+?)\.s3(?:-accelerate|-fips)?[.-](?!website).+")
_LOCAL = re.compile(r"(?!s3[.-]|s3\.?localhost)(.+)\.localhost")


def rewrite(request: Request) -> None:
    """Put the bucket that the host names into the path, where the model has it."""
    host = request.headers.get("host", "")
    if (bucket := _bucket(host)) is not None:
        request.path = f"/{bucket}{request.path}"


def site(request: Request) -> str | None:
    """The bucket whose web site a request is for."""
    return _site(request.headers.get("host", ""))


def bucket_of_path(request: Request) -> str:
    """The bucket that a (rewritten) path names."""
    return request.path[1:].partition("/")[0]


@lru_cache(maxsize=4096)
def _site(host: str) -> str | None:
    found = _SITE.fullmatch(host.partition(":")[0].lower())
    return found.group(1) if found is not None else None


@lru_cache(maxsize=4096)
def _bucket(host: str) -> str | None:
    name = host.partition(":")[0].lower()
    if _SITE.fullmatch(name):
        return None
    found = _VIRTUAL.fullmatch(name) or _LOCAL.fullmatch(name)
    return found.group(1) if found is not None else None
