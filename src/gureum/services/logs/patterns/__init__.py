"""Filter patterns: what metric filters, subscription filters, FilterLogEvents and Live Tail match events by."""

from gureum.services.logs.patterns.faults import Malformed
from gureum.services.logs.patterns.pattern import Pattern, compile, extract

__all__ = ["Malformed", "Pattern", "compile", "extract"]
