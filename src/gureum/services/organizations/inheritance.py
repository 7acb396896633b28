"""Management policies (tags, backup, ...): their operators, and how those down a tree become one. Pure.

https://docs.aws.amazon.com/organizations/latest/userguide/policy-operators.html
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_inheritance_mgmt.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

ASSIGN, APPEND, REMOVE = "@@assign", "@@append", "@@remove"
CONTROL = "@@operators_allowed_for_child_policies"
_SETTING = frozenset({ASSIGN, APPEND, REMOVE})
_CONTROLS = frozenset({"@@all", "@@none", *_SETTING})
_TAG_FIELDS: dict[str, frozenset[str]] = {
    "tag_key": frozenset({ASSIGN}),
    "tag_value": _SETTING,
    "enforced_for": _SETTING,
    "report_required_tag_for": _SETTING,
}


class Malformed(ValueError):
    """A document that is not one of its type."""


def read(content: str, top: frozenset[str], *, tags: bool = False) -> dict[str, Any]:
    """A checked document: one object whose keys are among `top`; for tag policies, tags and their fields.

    Raises Malformed.
    """
    try:
        document = msgspec.json.decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Malformed from None
    _want(isinstance(document, dict) and {key for key in document if not key.startswith("@@")} <= top)
    _want(any(not key.startswith("@@") for key in document))
    _check_node(document)
    if tags:
        _check_tags(document.get("tags"))
    return dict(document)


def _want(truth: object) -> None:
    if not truth:
        raise Malformed


def _check_node(node: Any) -> None:
    """A node holds other nodes, or a value set by operators; `@@` keys are operators of the right type alone."""
    _want(isinstance(node, dict))
    operators = {key for key in node if key.startswith("@@")}
    _want(operators <= _SETTING | {CONTROL})
    for key in operators & {APPEND, REMOVE}:
        _want(_is_list(node[key]))
    if ASSIGN in node:
        _want(isinstance(node[ASSIGN], str) or _is_list(node[ASSIGN]))
    if CONTROL in node:
        given = node[CONTROL]
        _want(_is_list(given) and given and set(given) <= _CONTROLS)
        _want(len(given) == 1 or not {"@@all", "@@none"} & set(given))
    children = node.keys() - operators
    _want(not (children and operators & _SETTING))
    for key in children:
        _check_node(node[key])


def _is_list(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _check_tags(node: Any) -> None:
    _want(isinstance(node, dict))
    for key, tag in node.items():
        if key.startswith("@@"):
            continue
        _want(len(key) <= 128)
        for name, value in tag.items():
            if name == CONTROL:
                continue
            _want(name in _TAG_FIELDS)
            _want({one for one in value if one != CONTROL} <= _TAG_FIELDS[name])
            if name == "tag_key" and ASSIGN in value:
                _want(isinstance(value[ASSIGN], str) and value[ASSIGN].lower() == key.lower())


# --- merging


@dataclass(slots=True)
class _Node:
    """A part of the policy in effect. `allowed` are the operators that those below may use on it."""

    value: str | list[str] | None = None
    children: dict[str, _Node] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)  # lower case → as first written
    allowed: frozenset[str] = _SETTING

    def child(self, name: str) -> _Node:
        known = self.names.setdefault(name.lower(), name)
        if known not in self.children:
            self.children[known] = _Node(allowed=self.allowed)
        return self.children[known]


def effective(levels: Iterable[Iterable[Mapping[str, Any]]]) -> dict[str, Any]:
    """The one policy that documents come to: those of each level of the tree, root first, in order of attachment.

    A level's own documents do not limit one another: child control operators hold for the levels below.
    """
    root = _Node()
    for level in levels:
        controls: list[tuple[_Node, frozenset[str]]] = []
        for document in level:
            _merge(root, document, controls)
        for node, allowed in controls:
            _narrow(node, allowed)
    shown = _show(root)
    return shown if isinstance(shown, dict) else {}


def _merge(node: _Node, given: Mapping[str, Any], controls: list[tuple[_Node, frozenset[str]]]) -> None:
    for key, value in given.items():
        if key == CONTROL:
            controls.append((node, _operators(value)))
        elif key in _SETTING:
            if key in node.allowed:
                _set(node, key, value)
        else:
            _merge(node.child(key), value, controls)


def _set(node: _Node, operator: str, value: str | list[str]) -> None:
    if operator == ASSIGN:
        node.value = list(value) if isinstance(value, list) else value
        return
    held = node.value if isinstance(node.value, list) else []
    if operator == APPEND:
        node.value = held + [one for one in value if one not in held]
    else:
        node.value = [one for one in held if one not in value]


def _operators(given: list[str]) -> frozenset[str]:
    if "@@all" in given:
        return _SETTING
    return frozenset() if "@@none" in given else frozenset(given)


def _narrow(node: _Node, allowed: frozenset[str]) -> None:
    """What a parent forbids no child allows again."""
    node.allowed = node.allowed & allowed
    for child in node.children.values():
        _narrow(child, allowed)


def _show(node: _Node) -> Any:
    """The node without operators; parts that hold nothing are left out."""
    if node.value is not None:
        return node.value
    shown = {name: _show(child) for name, child in node.children.items()}
    return {name: value for name, value in shown.items() if value not in ({}, None)}
