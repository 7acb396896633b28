"""What configuration documents must be like. Each check raises S3's fault."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gureum.kernel.faults import Fault
from gureum.services.s3.faults import invalid_argument, invalid_request, malformed

_METHODS = frozenset({"GET", "PUT", "POST", "DELETE", "HEAD"})
_ARCHIVES = frozenset(
    {"GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING"}
)
_EVENTS = frozenset(
    {
        "s3:ReducedRedundancyLostObject",
        "s3:ObjectCreated:*",
        "s3:ObjectCreated:Put",
        "s3:ObjectCreated:Post",
        "s3:ObjectCreated:Copy",
        "s3:ObjectCreated:CompleteMultipartUpload",
        "s3:ObjectRemoved:*",
        "s3:ObjectRemoved:Delete",
        "s3:ObjectRemoved:DeleteMarkerCreated",
        "s3:ObjectRestore:*",
        "s3:ObjectRestore:Post",
        "s3:ObjectRestore:Completed",
        "s3:ObjectRestore:Delete",
        "s3:Replication:*",
        "s3:Replication:OperationFailedReplication",
        "s3:Replication:OperationNotTracked",
        "s3:Replication:OperationMissedThreshold",
        "s3:Replication:OperationReplicatedAfterThreshold",
        "s3:LifecycleTransition",
        "s3:IntelligentTiering",
        "s3:ObjectAcl:Put",
        "s3:LifecycleExpiration:*",
        "s3:LifecycleExpiration:Delete",
        "s3:LifecycleExpiration:DeleteMarkerCreated",
        "s3:ObjectTagging:*",
        "s3:ObjectTagging:Put",
        "s3:ObjectTagging:Delete",
        "s3:ObjectAnnotation:*",
        "s3:ObjectAnnotation:Put",
        "s3:ObjectAnnotation:Delete",
        "s3:ObjectRetention:Put",
    }
)
_LONGEST_ID = 255
_ARN = re.compile(r"arn:aws[a-z-]*:(sqs|sns|lambda):[a-z0-9-]+:\d{12}:.+")
_HOST = re.compile(r"[A-Za-z0-9.:-]*")
_MOST_RULES = 1000
Document = Mapping[str, Any]


def cors(wanted: Document | None) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html"""
    rules = (wanted or {}).get("CORSRules") or []
    if not 1 <= len(rules) <= 100:
        raise malformed()
    for rule in rules:
        if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
            raise malformed()
        for method in rule["AllowedMethods"]:
            if method not in _METHODS:
                raise invalid_request(
                    f"Found unsupported HTTP method in CORS config. Unsupported method is {method}"
                )
        for origin in rule["AllowedOrigins"]:
            if origin.count("*") > 1:
                raise invalid_request(f'AllowedOrigin "{origin}" can not have more than one wildcard.')
        if not all(name.isprintable() for name in rule.get("ExposeHeaders") or ()):
            raise invalid_request("ExposeHeader holds control characters.")
        for header in rule.get("AllowedHeaders") or ():
            if header.count("*") > 1:
                raise invalid_request(f'AllowedHeader "{header}" can not have more than one wildcard.')


def website(wanted: Document | None) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketWebsite.html"""
    wanted = wanted or {}
    places = [wanted.get("RedirectAllRequestsTo") or {}]
    places += [rule.get("Redirect") or {} for rule in wanted.get("RoutingRules") or ()]
    for place in places:
        if not _HOST.fullmatch(place.get("HostName", "")):
            raise malformed()
        if place.get("Protocol", "http") not in {"http", "https"}:
            raise invalid_request("Invalid protocol, protocol can be http or https.")
        code = place.get("HttpRedirectCode", "301")
        if not code.isdigit() or not 301 <= int(code) <= 399:
            raise invalid_request(f"The provided HTTP redirect code ({code}) is not valid.")
    everything = wanted.get("RedirectAllRequestsTo")
    if everything is not None:
        if len(wanted) > 1 or not everything.get("HostName"):
            raise malformed()
        return
    suffix = (wanted.get("IndexDocument") or {}).get("Suffix")
    if not suffix:
        raise invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument",
            "null",
        )
    if "/" in suffix:
        raise invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix)
    for rule in wanted.get("RoutingRules") or ():
        redirect = rule.get("Redirect")
        if not redirect or ("ReplaceKeyWith" in redirect and "ReplaceKeyPrefixWith" in redirect):
            raise invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")


def lifecycle(wanted: Document | None) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_LifecycleRule.html"""
    rules = (wanted or {}).get("Rules") or []
    if not 1 <= len(rules) <= _MOST_RULES:
        raise malformed()
    names = [rule["ID"] for rule in rules if rule.get("ID")]
    if len(set(names)) < len(names):
        raise invalid_argument("Rule ID must be unique. Found same ID for more than one rule", "ID", names)
    for rule in rules:
        _lifecycle_rule(rule)


def _lifecycle_rule(rule: Document) -> None:
    if rule.get("Status") not in {"Enabled", "Disabled"} or ("Filter" in rule) == ("Prefix" in rule):
        raise malformed()
    if len(rule.get("ID", "")) > _LONGEST_ID:
        raise invalid_argument("ID length should not exceed allowed limit of 255", "ID", rule["ID"])
    actions = (
        "Expiration",
        "Transitions",
        "NoncurrentVersionExpiration",
        "NoncurrentVersionTransitions",
        "AbortIncompleteMultipartUpload",
    )
    if not any(rule.get(name) for name in actions):
        raise invalid_request("At least one action needs to be specified in a rule")
    expiration = rule.get("Expiration")
    if expiration is not None and len(expiration) != 1:
        raise malformed()
    for part in (expiration or {}, *(rule.get("Transitions") or ())):
        if "Days" in part and part["Days"] < (1 if part is expiration else 0):
            raise invalid_argument(
                "'Days' for Expiration action must be a positive integer", "Days", part["Days"]
            )
        if "Date" in part and part["Date"] % 86400:
            raise invalid_argument("'Date' must be at midnight GMT", "Date", part["Date"])
    for step in (*(rule.get("Transitions") or ()), *(rule.get("NoncurrentVersionTransitions") or ())):
        if step.get("StorageClass") not in _ARCHIVES:
            raise malformed()
        if step["StorageClass"] in {"STANDARD_IA", "ONEZONE_IA"} and step.get("Days", 30) < 30:
            raise invalid_argument(
                f"'Days' in Transition action must be greater than or equal to 30 for storageClass "
                f"'{step['StorageClass']}'",
                "Days",
                step["Days"],
            )
    both = (rule.get("Filter") or {}).get("And")
    chosen = set(rule.get("Filter") or {}) - {"And"}
    if len(chosen) > 1 or (both is not None and chosen):
        raise malformed()


def replication(wanted: Document | None) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html"""
    rules = (wanted or {}).get("Rules") or []
    if not 1 <= len(rules) <= _MOST_RULES or not (wanted or {}).get("Role"):
        raise malformed()
    for rule in rules:
        destination = (rule.get("Destination") or {}).get("Bucket", "")
        if rule.get("Status") not in {"Enabled", "Disabled"} or not destination.startswith("arn:"):
            raise malformed()
        if "Filter" in rule and ("Priority" not in rule or "DeleteMarkerReplication" not in rule):
            raise invalid_request(
                "Priority and DeleteMarkerReplication must be specified for this version of Cross Region "
                "Replication configuration schema. Please refer to S3 Developer Guide for more information."
            )
    marks = [rule["Priority"] for rule in rules if "Priority" in rule]
    if len(set(marks)) < len(marks):
        raise invalid_request(f"Found duplicate priority {marks[0]}")


def notification(wanted: Document) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html"""
    names: list[str] = []
    for items in wanted.values():
        for one in items if isinstance(items, list) else ():
            names += [one["Id"]] if one.get("Id") else []
            arn = next((value for name, value in one.items() if name.endswith("Arn")), "")
            if not _ARN.fullmatch(arn):
                raise invalid_argument("The ARN could not be parsed", "arn", arn)
            if not one.get("Events"):
                raise malformed()
            for event in one["Events"]:
                if event not in _EVENTS:
                    raise invalid_argument("The event is not supported for notifications", "Event", event)
            rules = ((one.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ()
            kinds = [rule.get("Name", "").lower() for rule in rules]
            if any(kind not in {"prefix", "suffix"} for kind in kinds):
                raise invalid_argument(
                    "filter rule name must be either prefix or suffix", "FilterRule.Name", kinds
                )
            if len(set(kinds)) < len(kinds):
                raise Fault(
                    "InvalidArgument",
                    "Cannot specify more than one prefix rule in a filter.",
                    status=400,
                )
    if len(set(names)) < len(names):
        raise invalid_argument("Configuration ids must be unique", "Id", names)
