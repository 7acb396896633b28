"""IAM: who may do what. Users, groups, roles, policies and access keys."""

from gureum.kernel.operations import Operations

ops = Operations("iam")
