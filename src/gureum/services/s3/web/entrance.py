"""Which requests are no modelled operation, and who answers them."""

from __future__ import annotations

from gureum.kernel.message import Request
from gureum.kernel.visit import Take
from gureum.services.s3.operations import ops
from gureum.services.s3.web.cors import dress, preflight
from gureum.services.s3.web.forms import upload
from gureum.services.s3.web.hosts import rewrite, site
from gureum.services.s3.web.site import serve


def outside(request: Request) -> Take | None:
    """Preflights, web sites and forms."""
    if request.method == "OPTIONS":
        return preflight
    if site(request) is not None:
        return serve
    if request.method == "POST" and request.headers.get("content-type", "").startswith("multipart/form-data"):
        return upload
    return None


ops.rewrite = rewrite
ops.outside = outside
ops.dress = dress
