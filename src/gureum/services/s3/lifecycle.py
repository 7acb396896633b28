"""Lifecycle rules: which of them are about an object, and what is due when. Pure.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from typing import Any, NamedTuple
from urllib.parse import quote

from gureum.services.s3.records import Bucket, Entry

DAY = 86400.0
_CLASSES = (
    "STANDARD",
    "REDUCED_REDUNDANCY",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ONEZONE_IA",
    "GLACIER_IR",
    "GLACIER",
    "DEEP_ARCHIVE",
)
Rule = Mapping[str, Any]


class Due(NamedTuple):
    """Something that a rule asks for: when (epoch seconds), and the storage class to move to ("" to expire)."""

    at: float
    storage_class: str
    rule: str


def matches(rule: Rule, key: str, tags: Mapping[str, str], size: int) -> bool:
    """Whether a rule is enabled and its filter includes an object."""
    if rule.get("Status") != "Enabled":
        return False
    if "Prefix" in rule and "Filter" not in rule:
        return key.startswith(rule["Prefix"] or "")
    chosen = rule.get("Filter") or {}
    both = chosen.get("And") or {}
    for part in (chosen, both):
        if not key.startswith(part.get("Prefix") or ""):
            return False
        if size <= part.get("ObjectSizeGreaterThan", -1):
            return False
        if "ObjectSizeLessThan" in part and size >= part["ObjectSizeLessThan"]:
            return False
    wanted = [*([chosen["Tag"]] if "Tag" in chosen else []), *(both.get("Tags") or [])]
    return all(tags.get(tag["Key"]) == tag.get("Value", "") for tag in wanted)


def of_current(rules: Iterable[Rule], key: str, entry: Entry) -> list[Due]:
    """What rules ask for of a current version, soonest first."""
    found = []
    for rule in rules:
        if not matches(rule, key, entry.tags, entry.size):
            continue
        name = rule.get("ID", "")
        expiration = rule.get("Expiration") or {}
        if (at := _when(expiration, entry.modified)) is not None:
            found.append(Due(at, "", name))
        for step in rule.get("Transitions") or ():
            if (at := _when(step, entry.modified)) is not None and _is_colder(
                step["StorageClass"], entry.storage_class
            ):
                found.append(Due(at, step["StorageClass"], name))
    return sorted(found)


def of_noncurrent(rules: Iterable[Rule], key: str, entry: Entry, since: float, newer: int) -> list[Due]:
    """What rules ask for of a version that has been noncurrent since a time and has so many newer ones."""
    found = []
    for rule in rules:
        if not matches(rule, key, entry.tags, entry.size):
            continue
        name = rule.get("ID", "")
        expiration = rule.get("NoncurrentVersionExpiration") or {}
        if "NoncurrentDays" in expiration and newer >= expiration.get("NewerNoncurrentVersions", 0):
            found.append(Due(midnight(since + expiration["NoncurrentDays"] * DAY), "", name))
        if entry.marker:
            continue
        for step in rule.get("NoncurrentVersionTransitions") or ():
            if newer >= step.get("NewerNoncurrentVersions", 0) and _is_colder(
                step["StorageClass"], entry.storage_class
            ):
                at = midnight(since + step.get("NoncurrentDays", 0) * DAY)
                found.append(Due(at, step["StorageClass"], name))
    return sorted(found)


def clears_markers(rules: Iterable[Rule], key: str, since: float, now: float) -> bool:
    """Whether a delete marker that hides nothing any more is to go."""
    for rule in rules:
        expiration = rule.get("Expiration") or {}
        if not matches(rule, key, {}, 0):
            continue
        if expiration.get("ExpiredObjectDeleteMarker"):
            return True
        if (at := _when(expiration, since)) is not None and at <= now:
            return True
    return False


def aborts_upload(rules: Iterable[Rule], key: str, started: float, now: float) -> bool:
    """Whether an unfinished upload has lain for too long."""
    for rule in rules:
        days = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
        if days and matches(rule, key, {}, 0) and midnight(started + days * DAY) <= now:
            return True
    return False


def expiration_header(bucket: Bucket, key: str, entry: Entry) -> str:
    """The `x-amz-expiration` header: when the object will expire, and by which rule."""
    rules = bucket.settings.get("Lifecycle", {}).get("Rules") or ()
    due = next((due for due in of_current(rules, key, entry) if not due.storage_class), None)
    if due is None:
        return ""
    return f'expiry-date="{formatdate(due.at, usegmt=True)}", rule-id="{quote(due.rule, safe="")}"'


def midnight(at: float) -> float:
    """S3 rounds what is due up to the next midnight UTC."""
    return math.ceil(at / DAY) * DAY


def _when(part: Mapping[str, Any], since: float) -> float | None:
    if "Date" in part:
        return float(part["Date"])
    if "Days" in part:
        return midnight(since + part["Days"] * DAY)
    return None


def _is_colder(wanted: str, now: str) -> bool:
    return wanted in _CLASSES and now in _CLASSES and _CLASSES.index(wanted) > _CLASSES.index(now)
