"""CloudTrail: who did what, looked up or delivered to a bucket."""

from gureum.services.cloudtrail import deliver, digest, logging, lookup, selectors, signing, tagging, trails
from gureum.services.cloudtrail.operations import ops

__all__ = ["deliver", "digest", "logging", "lookup", "ops", "selectors", "signing", "tagging", "trails"]
