"""SQS: message queues."""

from gureum.kernel.operations import Operations

ops = Operations("sqs", invalid="InvalidParameterValue")
