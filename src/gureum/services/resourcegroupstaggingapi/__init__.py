"""The Resource Groups Tagging API: tags of all services' resources in one place."""

from gureum.services.resourcegroupstaggingapi import reports, resources, tagging

__all__ = ["reports", "resources", "tagging"]
