"""Contacts, regions and what is known of an account, for itself and for members of an organization."""

import time

import pytest
from botocore.exceptions import ClientError

from gureum.testing import cloud

ADDRESS = {
    "FullName": "Hana Kim",
    "AddressLine1": "1 Han River Road",
    "City": "Seoul",
    "PostalCode": "04524",
    "CountryCode": "KR",
    "PhoneNumber": "+82-2-123",
}
CONTACT = {
    "AlternateContactType": "SECURITY",
    "Name": "Sora",
    "Title": "Guard",
    "EmailAddress": "sora@example.com",
    "PhoneNumber": "+82 2 123",
}


@pytest.fixture(scope="module")
def place():
    with cloud(auth="open") as shared:
        yield shared


def as_root(place, account, service="account"):
    return place.client(service, aws_access_key_id=account, aws_secret_access_key="any")


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_alternate_contacts(place):
    client = as_root(place, "500000000001")
    missing = (
        "ResourceNotFoundException",
        "No contact of the inputted alternate contact type found.",
        404,
    )
    assert refused(client.get_alternate_contact, AlternateContactType="SECURITY") == missing
    client.put_alternate_contact(**CONTACT)
    assert client.get_alternate_contact(AlternateContactType="SECURITY")["AlternateContact"] == CONTACT
    assert refused(client.get_alternate_contact, AlternateContactType="BILLING") == missing
    other = as_root(place, "500000000002")
    assert refused(other.get_alternate_contact, AlternateContactType="SECURITY") == missing
    client.delete_alternate_contact(AlternateContactType="SECURITY")
    assert refused(client.delete_alternate_contact, AlternateContactType="SECURITY") == missing
    bad = CONTACT | {"EmailAddress": "nowhere"}
    assert refused(client.put_alternate_contact, **bad)[0] == "ValidationException"


def test_the_primary_contact(place):
    client = as_root(place, "500000000003")
    assert refused(client.get_contact_information)[0] == "ResourceNotFoundException"
    client.put_contact_information(ContactInformation=ADDRESS)
    assert client.get_contact_information()["ContactInformation"] == ADDRESS


def test_regions(place):
    client = as_root(place, "500000000004")
    listed = [
        one
        for page in client.get_paginator("list_regions").paginate(PaginationConfig={"PageSize": 7})
        for one in page["Regions"]
    ]
    assert len(listed) == len({one["RegionName"] for one in listed}) == 34
    assert client.get_region_opt_status(RegionName="us-east-1")["RegionOptStatus"] == "ENABLED_BY_DEFAULT"
    optional = client.list_regions(RegionOptStatusContains=["ENABLED"])["Regions"]
    assert {one["RegionOptStatus"] for one in optional} == {"ENABLED"}
    assert refused(client.get_region_opt_status, RegionName="moon-1")[0] == "ValidationException"


def test_the_management_account_reaches_its_members(place):
    management = "500000000005"
    organizations, client = as_root(place, management, "organizations"), as_root(place, management)
    assert refused(client.get_account_information, AccountId="500000000009")[0] == "AccessDeniedException"
    organizations.create_organization()
    asked = organizations.create_account(AccountName="team", Email="team5@example.com")["CreateAccountStatus"]
    end = time.monotonic() + 15
    while asked["State"] == "IN_PROGRESS" and time.monotonic() < end:
        asked = organizations.describe_create_account_status(CreateAccountRequestId=asked["Id"])[
            "CreateAccountStatus"
        ]
    member = asked["AccountId"]
    denied = (
        f"User: arn:aws:iam::{management}:root is not authorized to perform: account:PutAlternateContact "
    )
    assert refused(client.put_alternate_contact, AccountId=member, **CONTACT) == (
        "AccessDeniedException",
        f"{denied}(Your organization must first enable trusted access with AWS Account Management.)",
        403,
    )
    organizations.enable_aws_service_access(ServicePrincipal="account.amazonaws.com")
    client.put_alternate_contact(AccountId=member, **CONTACT)
    own = as_root(place, member)
    assert own.get_alternate_contact(AlternateContactType="SECURITY")["AlternateContact"] == CONTACT
    assert refused(client.put_alternate_contact, AccountId=management, **CONTACT)[1] == (
        f"{denied}(The management account can only be managed using the standalone context from the management "
        "account.)"
    )
    assert refused(own.get_contact_information, AccountId=management)[0] == "AccessDeniedException"
    known = own.get_account_information()
    assert (known["AccountId"], known["AccountName"], known["AccountState"]) == (member, "team", "ACTIVE")
    assert known["AccountCreatedDate"] == asked["CompletedTimestamp"]
