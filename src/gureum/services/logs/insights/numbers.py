"""Functions of numbers, addresses and instants, and those of any value."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from gureum.services.logs.insights.strings import ANY, Function, of_text
from gureum.services.logs.insights.times import Instant
from gureum.services.logs.insights.values import Value, number, text, truth

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def of_number(function: Callable[[int | float], Value]) -> Function:
    """A function of one number, missing where there is none or the result has no value."""

    def applied(value: Value) -> Value:
        known = number(value)
        if known is None:
            return None
        try:
            return function(known)
        except (ValueError, OverflowError):
            return None

    return applied


def _pick(choose: Callable[[list[int | float]], Value]) -> Function:
    def picked(*values: Value) -> Value:
        known = [found for value in values if (found := number(value)) is not None]
        return choose(known) if known else None

    return picked


def _round(value: Value, digits: Value = 0) -> Value:
    known, places = number(value), number(digits)
    if known is None or places is None or not math.isfinite(known):
        return None
    scale = 10 ** max(-15, min(int(places), 15))
    rounded = math.floor(abs(known) * scale + 0.5) / scale * (1 if known >= 0 else -1)
    return int(rounded) if rounded == int(rounded) else rounded


def _haversine(*degrees: Value) -> Value:
    known = [number(value) for value in degrees]
    if any(value is None for value in known):
        return None
    lat1, lon1, lat2, lon2 = (math.radians(value or 0) for value in known)
    inner = math.sin((lat2 - lat1) / 2) ** 2
    inner += math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(inner)))


@lru_cache(maxsize=4096)
def _address(value: str) -> Address | None:
    try:
        return ipaddress.ip_address(value)
    except ValueError:
        return None


@lru_cache(maxsize=256)
def _network(value: str) -> Network | None:
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def _is_address(*versions: int) -> Function:
    def check(value: Value) -> Value:
        known = _address(text(value) or "")
        return known is not None and known.version in versions

    return check


def _in_subnet(*versions: int) -> Function:
    def check(value: Value, subnet: Value) -> Value:
        known, network = _address(text(value) or ""), _network(text(subnet) or "")
        if known is None or network is None or known.version not in versions:
            return False
        return known.version == network.version and known in network

    return check


_PRIVATE = tuple(ipaddress.ip_network(block) for block in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _of_address(test: Callable[[Address], bool]) -> Function:
    def check(value: Value) -> Value:
        known = _address(text(value) or "")
        return known is not None and test(known)

    return check


def _is_private(address: Address) -> bool:
    return any(address.version == block.version and address in block for block in _PRIVATE)


def _ipv4_number(known: str) -> Value:
    address = _address(known)
    return int(address) if address is not None and address.version == 4 else None


def _case(*arguments: Value) -> Value:
    pairs = len(arguments) // 2 * 2
    for at in range(0, pairs, 2):
        if truth(arguments[at]):
            return arguments[at + 1]
    return arguments[-1] if len(arguments) % 2 else None


def _coalesce(*arguments: Value) -> Value:
    return next((value for value in arguments if value is not None), None)


def _to_integer(bits: int) -> Callable[[int | float], Value]:
    def convert(known: int | float) -> Value:
        whole = int(known)
        return whole if -(2 ** (bits - 1)) <= whole < 2 ** (bits - 1) else None

    return convert


_UNIX = datetime(1970, 1, 1, tzinfo=UTC)
_JAVA = {
    "yyyy": "%Y", "uuuu": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d",
    "HH": "%H", "H": "%H", "hh": "%I", "mm": "%M", "ss": "%S", "SSS": "%f", "SSSSSS": "%f", "a": "%p", "EEE": "%a",
    "EEEE": "%A", "XXX": "%z", "XX": "%z", "X": "%z", "Z": "%z", "DDD": "%j",
}  # fmt: skip


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name.upper() != "UTC" else UTC
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return None


@lru_cache(maxsize=64)
def _strptime(pattern: str) -> str | None:
    """A pattern of Java's DateTimeFormatter as one of strptime, None where it has letters not known here."""
    out, at = "", 0
    while at < len(pattern):
        if pattern[at] == "'":
            end = pattern.find("'", at + 1)
            if end < 0:
                return None
            out, at = out + (pattern[at + 1 : end].replace("%", "%%") or "'"), end + 1
            continue
        end = at
        while end < len(pattern) and pattern[end] == pattern[at]:
            end += 1
        run = pattern[at:end]
        if run[0].isalpha() and run not in _JAVA:
            return None
        out, at = out + (_JAVA[run] if run[0].isalpha() else run.replace("%", "%%")), end
    return out


def _parse_date(value: Value, pattern: Value, zone: Value = "UTC") -> Value:
    known, form, where = text(value), _strptime(text(pattern) or ""), _zone(text(zone) or "")
    if known is None or form is None or where is None:
        return None
    try:
        moment = datetime.strptime(known, form)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=where)
    return (moment - _UNIX) // timedelta(milliseconds=1)


def _format_date(value: Value, pattern: Value, zone: Value = "UTC") -> Value:
    known, form, where = number(value), text(pattern), _zone(text(zone) or "")
    if known is None or form is None or where is None:
        return None
    try:
        return (_UNIX + timedelta(milliseconds=int(known))).astimezone(where).strftime(form)
    except (OverflowError, ValueError):
        return None


FUNCTIONS: dict[str, tuple[int, int, Function]] = {
    "abs": (1, 1, of_number(abs)),
    "ceil": (1, 1, of_number(math.ceil)),
    "floor": (1, 1, of_number(math.floor)),
    "round": (1, 2, _round),
    "sqrt": (1, 1, of_number(math.sqrt)),
    "log": (1, 1, of_number(math.log)),
    "greatest": (1, ANY, _pick(max)),
    "least": (1, ANY, _pick(min)),
    "haversine": (4, 4, _haversine),
    "tonumber": (1, 1, number),
    "toint": (1, 1, of_number(_to_integer(32))),
    "tolong": (1, 1, of_number(_to_integer(64))),
    "todouble": (1, 1, of_number(float)),
    "isnumeric": (1, 1, lambda value: number(value) is not None),
    "ispresent": (1, 1, lambda value: value is not None),
    "coalesce": (1, ANY, _coalesce),
    "if": (3, 3, lambda condition, yes, no: yes if truth(condition) else no),
    "case": (2, 21, _case),
    "frommillis": (1, 1, of_number(lambda known: Instant(int(known)))),
    "tomillis": (1, 1, of_number(int)),
    "parsedate": (2, 3, _parse_date),
    "formatdate": (2, 3, _format_date),
    "strftime": (2, 3, _format_date),
    "isvalidip": (1, 1, _is_address(4, 6)),
    "isvalidipv4": (1, 1, _is_address(4)),
    "isvalidipv6": (1, 1, _is_address(6)),
    "isipinsubnet": (2, 2, _in_subnet(4, 6)),
    "isipv4insubnet": (2, 2, _in_subnet(4)),
    "isipv6insubnet": (2, 2, _in_subnet(6)),
    "ipv4tonumber": (1, 1, of_text(_ipv4_number)),
    "isprivateip": (1, 1, _of_address(_is_private)),
    "ispublicip": (1, 1, _of_address(lambda address: address.is_global)),
    "isreservedip": (1, 1, _of_address(lambda address: address.is_reserved)),
}
