"""What becomes of a deleted user or role in trust policies: its ARN gives way to its unique id.

So a namesake that is made later is not trusted in its place.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

from msgspec.structs import replace

from gureum.kernel.context import Context
from gureum.services.iam.records import Role


def untrust(ctx: Context, arn: str, unique_id: str) -> None:
    """Put the unique id in place of an ARN in the trust policies of the account's roles."""
    table, named = ctx.table(Role), f'"{arn}"'
    for role in list(table.scan()):
        if named in role.trust:
            table.put(replace(role, trust=role.trust.replace(named, f'"{unique_id}"')))
