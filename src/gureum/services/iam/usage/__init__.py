"""When keys, users and roles were last used."""

from gureum.services.iam.usage.trail import (
    GLANCE_SECONDS,
    SEPARATOR,
    catch_up,
    of,
    password_used,
    role_used,
    signed_in,
)

__all__ = ["GLANCE_SECONDS", "SEPARATOR", "catch_up", "of", "password_used", "role_used", "signed_in"]
