"""IAM's paging: one form for all its lists. https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListUsers.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gureum.kernel.context import Context
from gureum.kernel.pages import Pager, Paginator


def page(ctx: Context, req: Mapping[str, Any], result: str, size: int = 100) -> Pager:
    """The pager of a list whose entries are in the member `result`: 100 a page, up to 1,000 when asked."""
    names = Paginator("Marker", "Marker", "MaxItems", result, "IsTruncated")
    return ctx.page(req, max(size, req.get("MaxItems", 0)) if "MaxItems" in req else size, names)
