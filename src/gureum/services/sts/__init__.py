"""STS: who am I, and sessions that end by themselves."""

from gureum.services.sts import callers, roles, saml, sessions, tokens, web_identity
from gureum.services.sts.operations import ops

__all__ = ["callers", "ops", "roles", "saml", "sessions", "tokens", "web_identity"]
