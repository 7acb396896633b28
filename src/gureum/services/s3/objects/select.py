"""Queries over one object in SQL: CSV, JSON or Parquet in, CSV or JSON out. DuckDB runs them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/selecting-content-from-objects.html
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.s3 import encryption, versions
from gureum.services.s3.content import read
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import malformed
from gureum.services.s3.objects.get import need_entry
from gureum.services.s3.operations import on_object, ops
from gureum.services.s3.records import object_arn

if TYPE_CHECKING:
    from gureum.api import s3 as api

_TABLE = re.compile(r"\bS3Object\b(\[\*\])?(\.\w+(\[\*\])?)?", re.IGNORECASE)
_BATCH = 2000
Row = tuple[Any, ...]


@ops.on(targets=on_object("GetObject"), keys=facts, data_event=True)
def select_object_content(ctx: Context, req: api.SelectObjectContentRequest) -> dict[str, Any]:
    """Run a query over an object. Faults: InvalidExpressionType, ParseInvalid..., MalformedXML."""
    bucket = versions.bucket_of(ctx, req)
    entry = need_entry(ctx, bucket, req, "POST")
    if req.get("ExpressionType") != "SQL":
        raise Fault(
            "InvalidExpressionType",
            "The ExpressionType is invalid. Only SQL expressions are supported.",
            status=400,
        )
    if "ScanRange" in req:
        raise Fault("UnsupportedScanRangeInput", "Scan range queries are not offered here.", status=400)
    arn = object_arn(bucket.name, req["Key"])
    key = encryption.key_of(ctx, entry.sse, req, arn)
    folder = ctx.home.folder / "spool"
    fd, name = tempfile.mkstemp(dir=folder)
    path = Path(name)
    try:
        with os.fdopen(fd, "wb") as file:
            for chunk in read(ctx.home, entry, key):
                file.write(chunk)
        names, rows = _query(path, req["Expression"], req["InputSerialization"])
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
    payload = list(_written(names, rows, req["OutputSerialization"]))
    progress = bool((req.get("RequestProgress") or {}).get("Enabled"))
    return {"Payload": _events(payload, entry.size, progress=progress)}


async def _events(payload: list[bytes], scanned: int, *, progress: bool) -> AsyncIterator[dict[str, Any]]:
    returned = 0
    for piece in payload:
        returned += len(piece)
        yield {"Records": {"Payload": piece}}
    details = {"BytesScanned": scanned, "BytesProcessed": scanned, "BytesReturned": returned}
    if progress:
        yield {"Progress": {"Details": details}}
    yield {"Stats": {"Details": details}}
    yield {"End": {}}


def _query(path: Path, expression: str, form: Mapping[str, Any]) -> tuple[list[str], list[Row]]:
    try:
        import duckdb
    except ImportError:
        raise Fault(
            "NotImplemented", "SelectObjectContent needs DuckDB: pip install duckdb.", status=501
        ) from None
    with duckdb.connect(":memory:") as database:
        try:
            source, values = _source(path, form)
            database.execute(f"CREATE TABLE s3object AS SELECT * FROM {source}", values)
        except duckdb.Error as error:
            raise Fault("InvalidDataSource", f"The object cannot be read: {error}", status=400) from None
        # From here on the query sees that table alone: no files, no settings.
        database.execute("SET enable_external_access=false")
        database.execute("SET lock_configuration=true")
        try:
            statements = database.extract_statements(_TABLE.sub("s3object", expression))
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise Fault("UnsupportedSyntax", "Only a single SELECT is supported.", status=400)
            found = database.execute(statements[0])
            return [column[0] for column in found.description or ()], found.fetchall()
        except duckdb.ParserException as error:
            raise Fault("ParseUnexpectedToken", str(error), status=400) from None
        except duckdb.Error as error:
            raise Fault("EvaluatorInvalidArguments", str(error), status=400) from None


def _source(path: Path, form: Mapping[str, Any]) -> tuple[str, list[Any]]:
    """The table function that reads the object, and its values."""
    packed = {"NONE": "none", "GZIP": "gzip"}.get(form.get("CompressionType", "NONE"))
    if packed is None:
        raise Fault(
            "InvalidCompressionFormat", "The file is not in a supported compression format.", status=400
        )
    if "Parquet" in form:
        return "read_parquet(?)", [str(path)]
    if "JSON" in form:
        lines = "newline_delimited" if form["JSON"].get("Type") == "LINES" else "auto"
        return "read_json_auto(?, format=?, compression=?)", [str(path), lines, packed]
    if "CSV" not in form:
        raise malformed()
    shape = form["CSV"]
    header = shape.get("FileHeaderInfo", "NONE")
    with path.open("rb") as raw:
        first = raw.read(65_536)
    if packed == "gzip":
        import zlib

        first = zlib.decompressobj(wbits=31).decompress(first)
    delimiter, quote = shape.get("FieldDelimiter", ","), shape.get("QuoteCharacter", '"')
    columns = next(
        csv.reader(io.StringIO(first.decode("utf-8", "replace")), delimiter=delimiter, quotechar=quote), []
    )
    names = columns if header == "USE" else [f"_{at}" for at in range(1, len(columns) + 1)]
    text = (
        "read_csv(?, all_varchar=true, auto_detect=false, header=?, delim=?, quote=?, escape=?, comment=?, "
        "compression=?, columns=?)"
    )
    values = [
        str(path),
        header != "NONE",
        delimiter,
        quote,
        shape.get("QuoteEscapeCharacter", quote),
        shape.get("Comments", ""),
        packed,
        dict.fromkeys(names, "VARCHAR"),
    ]
    return text, values


def _written(names: list[str], rows: list[Row], form: Mapping[str, Any]) -> Iterator[bytes]:
    """Records as the caller wants them, in batches."""
    for at in range(0, len(rows), _BATCH):
        batch = rows[at : at + _BATCH]
        if "JSON" in form:
            end = form["JSON"].get("RecordDelimiter", "\n").encode()
            encode = msgspec.json.Encoder(enc_hook=str).encode
            yield b"".join(encode(dict(zip(names, row, strict=True))) + end for row in batch)
            continue
        shape = form.get("CSV") or {}
        always = shape.get("QuoteFields") == "ALWAYS"
        text = io.StringIO()
        lines = csv.writer(
            text,
            delimiter=shape.get("FieldDelimiter", ","),
            quotechar=shape.get("QuoteCharacter", '"'),
            lineterminator=shape.get("RecordDelimiter", "\n"),
            quoting=csv.QUOTE_ALL if always else csv.QUOTE_MINIMAL,
        )
        lines.writerows(["" if value is None else value for value in row] for row in batch)
        yield text.getvalue().encode()
