"""AWS Account Management: whom to reach about an account, and the regions it can use."""

from gureum.services.account import contacts, information, regions

__all__ = ["contacts", "information", "regions"]
