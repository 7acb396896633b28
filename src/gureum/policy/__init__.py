"""The IAM policy language, pure: parse, match, evaluate. Imports the standard library alone.

policy = parse(text, "identity", "arn:aws:iam::111122223333:policy/Queues")
decision = evaluate(Request(principal, "sqs:SendMessage", (queue_arn,), "111122223333"), identity=[policy])
decision.allowed or raise_denied(decision.message(principal.arn, "sqs:SendMessage"))
"""

from gureum.policy.decision import Decision, Layer
from gureum.policy.document import Plan, Policy, Statement, parse
from gureum.policy.evaluate import Request, ResourceRules, evaluate, matching
from gureum.policy.principals import Grant, Named, Principal
from gureum.policy.syntax import Kind, Malformed
from gureum.policy.variables import Value

__all__ = [
    "Decision",
    "Grant",
    "Kind",
    "Layer",
    "Malformed",
    "Named",
    "Plan",
    "Policy",
    "Principal",
    "Request",
    "ResourceRules",
    "Statement",
    "Value",
    "evaluate",
    "matching",
    "parse",
]
