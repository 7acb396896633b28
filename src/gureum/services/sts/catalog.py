"""STS as data. It keeps nothing, so it has neither tables nor CloudFormation types."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog

UNREAD = {"AssumeRole.ExternalId": "it is the condition key sts:ExternalId, which the front door reads"}

CATALOG = Catalog(
    service="sts",
    title="Security Token Service",
    group="Security, identity, and compliance",
    purpose={
        "en": "Sessions that end by themselves: of roles, of users, and of those whom a provider vouches for.",
        "ko": "스스로 만료되는 세션입니다. 역할, 사용자, 외부 자격 증명 공급자가 보증하는 사람이 사용합니다.",
    },
    unread=UNREAD,
    absent={
        "AssumeRoot": "root sessions are Organizations' privilege; the root key of each account is at hand here",
        "GetDelegatedAccessToken": "trades in tokens of AWS's own product partners",
    },
)
