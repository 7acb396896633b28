"""S3: objects in buckets, kept on disk, versioned, encrypted, guarded and passed on."""

from gureum.services.s3.buckets import access, buckets, configurations, configuring, documents
from gureum.services.s3.multipart import complete, parts, uploads
from gureum.services.s3.objects import (
    annotations,
    attributes,
    copy,
    delete,
    get,
    list,
    list_versions,
    marks,
    put,
    restore,
    select,
)
from gureum.services.s3.operations import ops
from gureum.services.s3.web import entrance
from gureum.services.s3.work import access_logs, clear, notify, replicate, sweep

__all__ = [
    "access",
    "access_logs",
    "annotations",
    "attributes",
    "buckets",
    "clear",
    "complete",
    "configurations",
    "configuring",
    "copy",
    "delete",
    "documents",
    "entrance",
    "get",
    "list",
    "list_versions",
    "marks",
    "notify",
    "ops",
    "parts",
    "put",
    "replicate",
    "restore",
    "select",
    "sweep",
    "uploads",
]
