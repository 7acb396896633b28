"""A policy document's text, checked: what IAM accepts of each kind of policy, and its words for what it refuses.

Sources: IAM User Guide, "Grammar of the IAM JSON policy language"; Organizations User Guide, "SCP syntax" and
"RCP syntax". The order of the checks, and so which of several faults is told, is IAM's as clients have met it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gureum.policy.conditions import BadCondition, BadValue, Condition, compile_condition
from gureum.policy.match import glob
from gureum.policy.principals import BadPrincipal, Named, compile_principal
from gureum.policy.variables import Variable, tokens

Kind = Literal["identity", "boundary", "session", "resource", "trust", "endpoint", "scp", "rcp"]
Fault = Literal["syntax", "version", "legacy", "sid", "principal", "action", "resource", "type"]

SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"
_POLICY_TYPE = "The provided policy document does not meet the requirements of the specified policy type."


class Malformed(ValueError):
    """A document that is refused.

    The text is IAM's for MalformedPolicyDocument (for control policies, Organizations'). `fault` says what was
    wrong, for services that have words of their own (S3's MalformedPolicy).
    """

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault: Fault = fault
        self.message = message


@dataclass(slots=True, frozen=True)
class Rules:
    """What one kind of policy may contain."""

    principal: Literal["forbidden", "required", "optional"]
    resource: Literal["forbidden", "required", "optional"] = "required"
    old_versions: bool = False
    plain_sids: bool = True
    arns: bool = True
    refusal: str = ""


_CONTROL = Rules(principal="forbidden", refusal=_POLICY_TYPE, plain_sids=False)
_ATTACHED = Rules(principal="forbidden")

RULES: dict[Kind, Rules] = {
    "identity": _ATTACHED,
    "boundary": _ATTACHED,
    "session": _ATTACHED,
    "trust": Rules(principal="required", resource="forbidden", old_versions=True, arns=False),
    "resource": Rules(
        principal="required", resource="optional", old_versions=True, plain_sids=False, arns=False
    ),
    "endpoint": Rules(principal="optional", old_versions=True, plain_sids=False, arns=False),
    "scp": _CONTROL,
    "rcp": Rules(principal="required", refusal=_POLICY_TYPE, plain_sids=False, arns=False),
}


@dataclass(slots=True, frozen=True)
class Document:
    """A checked document: its parts as written, with the principals and conditions compiled."""

    version: str
    id: str
    statements: tuple[Mapping[str, Any], ...]
    principals: tuple[Named | None, ...]
    conditions: tuple[Condition | None, ...]


def read(text: str, kind: Kind, *, arn_grammar: bool = True) -> Document:
    """Check a document of this kind. Raises Malformed.

    `arn_grammar=False` leaves out the checks on resource ARNs, as IAM's policy simulator does.
    """
    rules = RULES[kind]
    try:
        return _read(text, kind, rules, arn_grammar)
    except Malformed as error:
        if rules.refusal:
            raise Malformed(error.fault, rules.refusal) from None
        raise


def _read(text: str, kind: Kind, rules: Rules, arn_grammar: bool) -> Document:
    document = _load(text)
    version = document.get("Version", "2008-10-17")
    statements = _statements(document)
    conditions = tuple(_condition(one, version) for one in statements)
    if version != "2012-10-17" and not rules.old_versions:
        raise Malformed("version", "Policy document must be version 2012-10-17 or greater.")
    for statement in statements:
        if statement["Effect"] not in ("Allow", "Deny"):
            raise Malformed("legacy", LEGACY)
    _check_sids(statements, rules)
    principals = tuple(_principal(one, rules) for one in statements)
    for statement in statements:
        _check_present(statement, "Action", kind)
    for statement in statements:
        _check_resource_presence(statement, rules, kind)
    if rules.arns and arn_grammar:
        for resource in _each(statements, "Resource", "NotResource"):
            check_arn(resource)
    for action in _each(statements, "Action", "NotAction"):
        _check_action(action)
    _check_kind(statements, kind)
    return Document(version, document.get("Id", ""), statements, principals, conditions)


# --- syntax


def _load(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise Malformed("syntax", SYNTAX) from None
    _want(isinstance(document, dict) and document.keys() <= {"Version", "Id", "Statement"})
    _want(document.get("Version", "2008-10-17") in ("2008-10-17", "2012-10-17"))
    _want(isinstance(document.get("Id", ""), str))
    return dict(document)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an element is given twice")
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _want(truth: object) -> None:
    if not truth:
        raise Malformed("syntax", SYNTAX)


_ELEMENTS = frozenset(
    (
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    )
)


def _statements(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    found = as_list(document.get("Statement"))
    _want(found)
    for statement in found:
        _want(isinstance(statement, dict) and statement.keys() <= _ELEMENTS)
        effect = statement.get("Effect")
        _want(isinstance(effect, str) and effect.lower() in ("allow", "deny"))
        _want(isinstance(statement.get("Sid", ""), str))
        for name in ("Principal", "Action", "Resource"):
            _want(not (name in statement and f"Not{name}" in statement))
        for name in ("Action", "NotAction", "Resource", "NotResource"):
            _want(all(isinstance(value, str) for value in as_list(statement.get(name, []))))
        _want(isinstance(statement.get("Condition", {}), dict))
    return tuple(found)


def as_list(given: Any) -> list[Any]:
    """A value that may be given alone or in a list, as a list."""
    return given if isinstance(given, list) else [given]


def _condition(statement: Mapping[str, Any], version: str) -> Condition | None:
    if not (element := statement.get("Condition")):
        return None
    try:
        return compile_condition(element, variables=version == "2012-10-17")
    except BadValue:
        raise Malformed("legacy", LEGACY) from None
    except BadCondition:
        raise Malformed("syntax", SYNTAX) from None


# --- what each kind asks for


def _check_sids(statements: Iterable[Mapping[str, Any]], rules: Rules) -> None:
    seen: set[str] = set()
    for statement in statements:
        if not (sid := statement.get("Sid")):
            continue
        if rules.plain_sids and re.fullmatch(r"[0-9A-Za-z]*", sid) is None:
            raise Malformed(
                "sid",
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular "
                "expression [0-9A-Za-z]*",
            )
        if sid in seen:
            raise Malformed("sid", "Statement IDs (SID) in a single policy must be unique.")
        seen.add(sid)


def _principal(statement: Mapping[str, Any], rules: Rules) -> Named | None:
    name = next((name for name in ("Principal", "NotPrincipal") if name in statement), None)
    if name is None:
        if rules.principal == "required":
            raise Malformed("principal", "Missing required field Principal")
        return None
    if rules.principal == "forbidden":
        raise Malformed("principal", "Policy document should not specify a principal.")
    try:
        return compile_principal(statement[name], inverted=name == "NotPrincipal")
    except BadPrincipal as error:
        raise Malformed("principal", f"Invalid principal in policy: {error}") from None


def _check_present(statement: Mapping[str, Any], name: str, kind: Kind) -> None:
    if statement.get(name, statement.get(f"Not{name}", [])) == []:
        if name == "Action" and kind == "trust":
            raise Malformed("action", "Missing required field Action")
        fault: Fault = "action" if name == "Action" else "resource"
        raise Malformed(fault, f"Policy statement must contain {name.lower()}s.")


def _check_resource_presence(statement: Mapping[str, Any], rules: Rules, kind: Kind) -> None:
    given = next((name for name in ("Resource", "NotResource") if name in statement), None)
    if rules.resource == "forbidden":
        if given:
            raise Malformed("resource", f"Has prohibited field {given}")
    elif given or rules.resource == "required":
        _check_present(statement, "Resource", kind)


def _each(statements: Iterable[Mapping[str, Any]], *names: str) -> Iterable[str]:
    for statement in statements:
        for name in names:
            yield from as_list(statement.get(name, []))


# --- forms of single values

_ACCOUNT = re.compile(r"[0-9*?]*|aws")


def check_arn(resource: str) -> None:
    """Check a Resource of an identity-based policy. Raises Malformed with IAM's words."""
    if resource == "*":
        return
    scheme, *parts = resource.split(":", 5)
    if not parts:
        raise Malformed("resource", f'Resource {resource} must be in ARN format or "*".')
    partition, *rest = parts
    if re.fullmatch(r"aws(-[a-z-]+)?", partition) is None:
        shown = ":".join(["arn", partition, *rest, *["*"] * (4 - len(rest))])
        raise Malformed("resource", f'Partition "{partition}" is not valid for resource "{shown}".')
    if not rest or "*" in rest[0] or "?" in rest[0]:
        raise Malformed("resource", "Resource vendor must be fully qualified and cannot contain regexes.")
    service, region, account, *_ = [*rest, "", ""]
    if region and service == "iam":
        raise Malformed("resource", f"IAM resource {resource} cannot contain region information.")
    if region and not account and service == "s3":
        raise Malformed("resource", f"Resource {resource} can not contain region information.")
    too_short = len(rest) < 4 and "::" in resource
    if scheme != "arn" or not service or too_short or _ACCOUNT.fullmatch(account) is None:
        raise Malformed("legacy", LEGACY)


def _check_action(action: str) -> None:
    vendor, colon, name = action.partition(":")
    if action == "*":
        return
    if not colon:
        raise Malformed(
            "action", "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
        )
    if ":" in name:
        raise Malformed("action", "Actions/Condition can contain only one colon.")
    if re.fullmatch(r"[A-Za-z0-9.-]+", vendor) is None and vendor != "*":
        raise Malformed("action", f"Vendor {vendor} is not valid")


_TRUST_ACTIONS = (
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
)


def _check_kind(statements: Iterable[Mapping[str, Any]], kind: Kind) -> None:
    if kind == "trust":
        for action in _each(statements, "Action", "NotAction"):
            if not _is_trust_action(action):
                raise Malformed("action", "AssumeRole policy may only specify STS AssumeRole actions.")
    elif kind == "rcp":
        for statement in statements:
            if not _is_rcp(statement):
                raise Malformed("type", _POLICY_TYPE)


def _is_trust_action(action: str) -> bool:
    lower = action.lower()
    pattern = tokens(lower, wildcards=True, variables=False)
    test = glob(tuple(token for token in pattern if not isinstance(token, Variable)))
    return lower.startswith("sts:") and test is not None and any(map(test, _TRUST_ACTIONS))


def _is_rcp(statement: Mapping[str, Any]) -> bool:
    """RCPs deny, to everyone, actions that are named; the one that allows is RCPFullAWSAccess."""
    if statement.get("Principal") != "*" or "NotAction" in statement:
        return False
    if statement["Effect"] == "Allow":
        plain = {"Sid", "Effect", "Principal", "Action", "Resource"}
        return statement.keys() <= plain and statement["Action"] == statement["Resource"] == "*"
    return "*" not in as_list(statement["Action"])
