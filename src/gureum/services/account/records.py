"""Whom to reach about an account. Both kinds stand for the account itself, whose ARN they have.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsaccountmanagement.html
"""

from __future__ import annotations

from typing import Literal

from gureum.kernel.records import Record, resource


@resource(
    "account",
    arn="account",
    key=("type",),
    scope="account",
    missing=("ResourceNotFoundException", "No contact of the inputted alternate contact type found."),
    tagged=False,
)
class AlternateContact(Record):
    type: Literal["BILLING", "OPERATIONS", "SECURITY"]
    name: str
    title: str
    email: str
    phone: str


@resource(
    "account",
    arn="account",
    key=("kind",),
    scope="account",
    missing=("ResourceNotFoundException", "No contact information found for the account."),
    tagged=False,
)
class ContactInformation(Record):
    """The primary contact, in the members of AWS's structure; `kind` is always "primary"."""

    members: dict[str, str]
    kind: str = "primary"
