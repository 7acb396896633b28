"""Regular expressions that cannot be made slow: RE2's syntax, matched in time linear in the text."""

from gureum.services.logs.regex.pattern import Regex
from gureum.services.logs.regex.syntax import BadRegex

__all__ = ["BadRegex", "Regex"]
