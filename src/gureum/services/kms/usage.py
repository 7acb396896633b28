"""When a key was last used: read from the record of calls.

Source: KMS API reference, GetKeyLastUsage: the last successful cryptographic operation, each key of a
multi-Region set by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gureum.kernel.context import Context
from gureum.kernel.listening import Calls
from gureum.services.kms import finding
from gureum.services.kms.facts import Facts
from gureum.services.kms.operations import CRYPTOGRAPHIC, ops
from gureum.services.kms.records import Key

if TYPE_CHECKING:
    from gureum.api import kms as api


@ops.on(Key, "KeyId", look=finding.key("GetKeyLastUsage"), keys=Facts)
def get_key_last_usage(ctx: Context, req: api.GetKeyLastUsageRequest) -> api.GetKeyLastUsageResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyLastUsage.html

    Tracking begins with the key, or with the oldest call that is still on record.
    """
    key, arn = ctx.need(Key), ctx.targets[0].arn
    since = key.created
    oldest = 0.0
    for called in ctx.part(Calls).newest_first(management=True):
        oldest = called.at
        if called.at < key.created:
            break
        if called.operation in CRYPTOGRAPHIC and arn in called.resources and called.error is None:
            return {
                "KeyId": key.id,
                "KeyLastUsage": {
                    "Operation": called.operation,  # type: ignore[typeddict-item]
                    "Timestamp": called.at,
                    "CloudTrailEventId": called.id,
                    "KmsRequestId": called.request_id,
                },
                "TrackingStartDate": since,
                "KeyCreationDate": key.created,
            }
    return {
        "KeyId": key.id,
        "KeyLastUsage": {},
        "TrackingStartDate": max(since, oldest),
        "KeyCreationDate": key.created,
    }
