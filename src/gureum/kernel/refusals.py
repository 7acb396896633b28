"""Refusals sealed into text, for those alone to read who may call STS's DecodeAuthorizationMessage.

https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html
"""

from __future__ import annotations

import base64
import zlib
from typing import Protocol

import msgspec

from gureum.kernel.principal import Principal
from gureum.kernel.seal import Seal, SealBroken

_CONTEXT = "authorization failure"


class Decision(Protocol):
    """What a refusal tells (`gureum.policy.Decision`)."""

    @property
    def explicit(self) -> bool: ...
    @property
    def policy(self) -> str: ...
    @property
    def sid(self) -> str: ...
    @property
    def resource(self) -> str: ...


def encode(seal: Seal, decision: Decision, principal: Principal, action: str) -> str:
    """The decision as a sealed text."""
    matched = [{"sourcePolicyId": decision.policy, "statementId": decision.sid, "effect": "DENY"}]
    told = {
        "allowed": False,
        "explicitDeny": decision.explicit,
        "matchedStatements": {"items": matched if decision.explicit else []},
        "failures": {"items": []},
        "context": {
            "principal": {"id": principal.user_id, "name": principal.name, "arn": principal.arn},
            "action": action,
            "resource": decision.resource,
            "conditions": {"items": []},
        },
    }
    packed = zlib.compress(msgspec.json.encode(told))
    return base64.urlsafe_b64encode(seal.seal(packed, _CONTEXT)).decode().rstrip("=")


def decode(seal: Seal, text: str) -> str:
    """The decision in a sealed text, as JSON. Raises ValueError for what is none."""
    sealed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    try:
        return zlib.decompress(seal.open(sealed, _CONTEXT)).decode()
    except (SealBroken, zlib.error) as error:
        raise ValueError(str(error)) from None
