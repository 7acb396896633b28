"""What is known of an object, by name. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.services.s3 import encryption, versions
from gureum.services.s3.checksums import MEMBERS
from gureum.services.s3.facts import facts
from gureum.services.s3.faults import invalid_argument
from gureum.services.s3.objects.get import need_entry
from gureum.services.s3.operations import ops, target
from gureum.services.s3.records import Entry

if TYPE_CHECKING:
    from gureum.api import s3 as api
    from gureum.kernel.operations import Target

_NAMES = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})
_MOST_PARTS = 1000


def _both(_account: str, _region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    version = "Version" if req.get("VersionId") else ""
    return tuple(
        target(f"s3:GetObject{version}{what}", req["Bucket"], req["Key"]) for what in ("", "Attributes")
    )


@ops.on(targets=_both, keys=facts, data_event=True)
def get_object_attributes(ctx: Context, req: api.GetObjectAttributesRequest) -> dict[str, Any]:
    """The attributes that the request lists."""
    bucket = versions.bucket_of(ctx, req)
    entry = need_entry(ctx, bucket, req, "GET")
    if entry.sse.kind == "customer":
        encryption.key_of(ctx, entry.sse, req, "")
    wanted = {name.strip() for item in req["ObjectAttributes"] for name in item.split(",")}
    if not wanted or not wanted <= _NAMES:
        raise invalid_argument(
            "Invalid attribute name specified.", "x-amz-object-attributes", ",".join(wanted)
        )
    answer: dict[str, Any] = {"LastModified": entry.modified}
    if bucket.versioning:
        answer["VersionId"] = entry.version_id
    if "ETag" in wanted:
        answer["ETag"] = entry.etag
    if "StorageClass" in wanted:
        answer["StorageClass"] = entry.storage_class
    if "ObjectSize" in wanted:
        answer["ObjectSize"] = entry.size
    if "Checksum" in wanted and entry.checksums:
        answer["Checksum"] = {MEMBERS[name]: value for name, value in entry.checksums.items()}
        answer["Checksum"]["ChecksumType"] = entry.checksum_type
    if "ObjectParts" in wanted and entry.parts:
        answer["ObjectParts"] = _parts(entry, req)
    return answer


def _parts(entry: Entry, req: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"TotalPartsCount": len(entry.parts)}
    algorithm = next(iter(entry.checksums), "")
    if not any(part.checksum for part in entry.parts):
        return found
    after, most = int(req.get("PartNumberMarker") or 0), min(req.get("MaxParts", _MOST_PARTS), _MOST_PARTS)
    rest = [part for part in entry.parts if part.number > after]
    page = rest[:most]
    found |= {
        "PartNumberMarker": after,
        "MaxParts": most,
        "IsTruncated": len(rest) > most,
        "Parts": [
            {"PartNumber": part.number, "Size": part.size, MEMBERS[algorithm]: part.checksum} for part in page
        ],
    }
    if page:
        found["NextPartNumberMarker"] = page[-1].number
    return found
