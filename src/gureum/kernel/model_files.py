"""Where service models lie on disk: botocore's bundled data, found without importing botocore, and our own."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import re
from pathlib import Path
from typing import Any, TypeVar

import msgspec

_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,62}\Z")
OWN = Path(__file__).parents[1] / "services"

T = TypeVar("T")


class UnknownService(LookupError):
    """No model of that name is known."""


def folders(service: str) -> tuple[Path, ...]:
    """The folders that may hold a service's model, in the order in which they are looked through: our own,
    then botocore's newest API version. Raises UnknownService for what is no service's name."""
    if not _SERVICE.match(service):
        raise UnknownService(service)
    versions = sorted(path for path in (_data() / service).glob("*") if path.is_dir())
    return (OWN / service.replace("-", "_"), *versions[-1:])


def services() -> tuple[str, ...]:
    """The names of all services that have a model, sorted."""
    own = {path.parent.name.replace("_", "-") for path in OWN.glob("*/model.json")}
    return tuple(sorted(own | {path.name for path in _data().iterdir() if path.is_dir()}))


def model(service: str, kind: type[T]) -> tuple[T, Path]:
    """A service's model decoded as `kind`, and its folder. Raises UnknownService."""
    own, *bundled = folders(service)
    if (text := read(own, "model")) is not None:
        return msgspec.json.decode(text, type=kind), own
    if not bundled or (text := read(bundled[0], "service-2")) is None:
        raise UnknownService(service)
    extras = [read(bundled[0], "service-2.sdk-extras"), read(own, "model.extras")]
    if not any(extras):
        return msgspec.json.decode(text, type=kind), bundled[0]
    merged = msgspec.json.decode(text)
    for extra in filter(None, extras):
        merged = merge(merged, msgspec.json.decode(extra)["merge"])
    return msgspec.convert(merged, type=kind), bundled[0]


def beside(folder: Path, stem: str) -> dict[str, Any]:
    """A further file of a model's folder; empty where there is none."""
    text = read(folder, stem)
    return msgspec.json.decode(text, type=dict[str, Any]) if text else {}


def read(folder: Path, stem: str) -> bytes | None:
    """The bytes of `<stem>.json` or `<stem>.json.gz`; None where there is neither."""
    plain = folder / f"{stem}.json"
    if plain.is_file():
        return plain.read_bytes()
    packed = folder / f"{stem}.json.gz"
    return gzip.decompress(packed.read_bytes()) if packed.is_file() else None


def merge(base: Any, extra: Any) -> Any:
    """`extra` laid over `base`, dictionaries by key, anything else replaced (botocore's rule for extras)."""
    if not (isinstance(base, dict) and isinstance(extra, dict)):
        return extra
    return base | {key: merge(base.get(key), value) for key, value in extra.items()}


@functools.cache
def _data() -> Path:
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise UnknownService("botocore, which carries the service models, is not installed")
    return Path(spec.origin).parent / "data"
