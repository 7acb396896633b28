"""SQS: queues that keep messages until a receiver has dealt with them."""

from gureum.services.sqs import messages, move, moves, permissions, queues, receipts
from gureum.services.sqs.operations import ops

__all__ = ["messages", "move", "moves", "ops", "permissions", "queues", "receipts"]
