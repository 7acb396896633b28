"""STS: who am I, and sessions that end by themselves."""

from gureum.services.sts import sessions

__all__ = ["sessions"]
