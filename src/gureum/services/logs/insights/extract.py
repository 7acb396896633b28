"""The parse and json commands: fields out of a text."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator

from gureum.services.logs.insights.compile import Scope, compile_expression, compile_structure
from gureum.services.logs.insights.nodes import Parse
from gureum.services.logs.insights.row import Row, descend
from gureum.services.logs.insights.values import Value, plain, read_json, text
from gureum.services.logs.regex import Regex

Stage = Callable[[Iterator[Row]], Iterator[Row]]

_LOGFMT = re.compile(r'([^\s="]+)(?:=(?:"((?:[^"\\]|\\.)*)"|([^\s"]*)))?')


def glob_values(known: str, pieces: tuple[str, ...]) -> list[str] | None:
    """What stands at the wildcards of a glob: each takes as little as it can, the last one to the end of the text.

    The first fixed text may stand anywhere. As each piece is found as early as can be, no later place could do
    better, so nothing is tried twice.
    """
    at = known.find(pieces[0])
    if at < 0:
        return None
    at += len(pieces[0])
    values = []
    for index, piece in enumerate(pieces[1:], 1):
        if not piece and index == len(pieces) - 1:
            values.append(known[at:])
            return values
        end = known.find(piece, at)
        if end < 0:
            return None
        values.append(known[at:end])
        at = end + len(piece)
    return values


def _logfmt(known: str) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for match in _LOGFMT.finditer(known):
        quoted = match[2]
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else match[3]
        found[match[1]] = value if value is not None else "true"
    return found


def _csv(known: str) -> list[str]:
    return next(csv.reader([known], skipinitialspace=True), [])


def parse_stage(command: Parse, scope: Scope) -> Stage:
    """Adds the fields that the text holds; a row whose text does not hold them stays as it is."""
    structured = command.mode == "json"
    source = (compile_structure if structured else compile_expression)(command.source, scope)
    names, pattern = command.names, command.pattern
    scope.defined.update(name for name in names if name)
    if command.multi:
        return _multi_stage(source, pattern, names)

    def values_of(known: str) -> list[Value] | None:
        match command.mode:
            case "glob":
                return list(found) if (found := glob_values(known, pattern)) is not None else None
            case "regex":
                return list(caught) if (caught := pattern.groups(known)) is not None else None
            case "logfmt":
                return [_logfmt(known)]
            case "csv":
                return list(_csv(known))
        return [plain(descend(read_json(known), pattern))]

    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            value = source(row)
            if structured and isinstance(value, dict | list):
                row.values[names[0]] = plain(descend(value, pattern))
            elif (known := text(value)) is not None and (found := values_of(known)) is not None:
                for name, part in zip(names, found, strict=False):
                    if name and part is not None:
                        row.values[name] = part
            yield row

    return stage


def _multi_stage(source: Callable[[Row], Value], regex: Regex, names: tuple[str, ...]) -> Stage:
    def stage(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            known = text(source(row))
            matches = regex.all_groups(known) if known is not None else []
            if not matches:
                yield row
            for groups in matches:
                copy = row
                for name, part in zip(names, groups, strict=False):
                    if name and part is not None:
                        copy = copy.with_value(name, part)
                yield copy

    return stage
