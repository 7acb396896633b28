"""Logs Insights QL: the query language over log events, parsed and run over a stream of them."""

from gureum.services.logs.insights.faults import Malformed
from gureum.services.logs.insights.parse import parse
from gureum.services.logs.insights.row import Event
from gureum.services.logs.insights.run import Outcome, Statistics, run

__all__ = ["Event", "Malformed", "Outcome", "Statistics", "parse", "run"]
