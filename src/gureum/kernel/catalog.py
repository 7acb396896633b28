"""What a service says of itself as data: read by the console, by CloudFormation and by the coverage page."""

from __future__ import annotations

from typing import Literal

import msgspec

Words = dict[Literal["en", "ko"], str]
"""A text in both languages."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a table: a member of the shown resource (dots lead inwards) and how it is drawn."""

    member: str
    title: Words
    kind: Literal["text", "time", "bytes", "number", "status", "link", "tags"] = "text"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of resource in the console.

    `list`, `describe`, `create`, `update`, `delete` are operations; `items` is where the list answer keeps its
    entries, `id` the member by which the others name one (as they spell it), `id_from` the member of an entry
    that gives it (default: `id`; "" where entries are plain strings). `parent` names the table whose resource
    this one belongs to, `parent_id` the member that names that parent in the operations here.
    """

    name: str
    title: Words
    list: str
    items: str
    id: str
    id_from: str | None = None
    columns: tuple[Column, ...] = ()
    describe: str = ""
    create: str = ""
    update: str = ""
    delete: str = ""
    arn_from: str = ""
    parent: str = ""
    parent_id: str = ""


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudFormation type: which operations make, read, change and remove it.

    `renames` maps property names to input members where they differ; `ref` and `attributes` say which members of
    the answers `Ref` and `Fn::GetAtt` give.
    """

    type: str
    create: str
    delete: str
    id: str
    read: str = ""
    update: str = ""
    renames: dict[str, str] = {}
    ref: str = ""
    attributes: dict[str, str] = {}


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A CloudWatch metric that the service measures."""

    namespace: str
    name: str
    unit: str
    dimensions: tuple[str, ...]


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """A service as the console's home page, CloudFormation and the coverage page see it."""

    service: str
    title: str
    group: str
    purpose: Words
    tables: tuple[Table, ...] = ()
    cloudformation: tuple[Resource, ...] = ()
    metrics: tuple[Metric, ...] = ()
    detail_types: tuple[str, ...] = ()
    absent: dict[str, str] = {}
    """Operations that are left out on purpose, with the reason: shown on the coverage page."""
    unread: dict[str, str] = {}
    """Input members (`Operation.Member`) that the service has no use for, with the reason: the module's `UNREAD`."""
