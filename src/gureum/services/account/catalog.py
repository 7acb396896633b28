"""Account Management as data."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog, Column, Table

_REGIONS = "Every region can be used here, so there is nothing to switch."
_MAIL = "No mail or message is sent from here, so an address cannot be proven."

CATALOG = Catalog(
    service="account",
    title="Account Management",
    group="Management & governance",
    purpose={
        "en": "Whom to reach about an account, and the regions it can use.",
        "ko": "계정 담당자 연락처와 계정이 사용할 수 있는 리전입니다.",
    },
    tables=(
        Table(
            name="Region",
            title={"en": "Regions", "ko": "리전"},
            list="ListRegions",
            items="Regions",
            id="RegionName",
            describe="GetRegionOptStatus",
            columns=(
                Column(member="RegionName", title={"en": "Region", "ko": "리전"}),
                Column(member="RegionOptStatus", title={"en": "Status", "ko": "상태"}, kind="status"),
            ),
        ),
    ),
    absent={
        "EnableRegion": _REGIONS,
        "DisableRegion": _REGIONS,
        "StartPrimaryEmailUpdate": _MAIL,
        "AcceptPrimaryEmailUpdate": _MAIL,
        "GetPrimaryEmail": "Organizations keeps the address: see its DescribeAccount.",
        "GetPrimaryEmailUpdateStatus": _MAIL,
        "SendPhoneNumberVerification": _MAIL,
        "VerifyPhoneNumber": _MAIL,
        "PutAccountName": "Organizations keeps the name, as it was given when the account was made.",
        "GetGovCloudAccountInformation": "There is no second partition.",
    },
)
