"""Names, sources and resource types: what CloudTrail makes of them. Pure."""

from __future__ import annotations

import re
from typing import Any

_ALLOWED = re.compile(r"[A-Za-z0-9._-]+")
_DOUBLED = re.compile(r"[._-]{2}")
_ADDRESS = re.compile(r"\d{1,3}(\.\d{1,3}){3}")

# https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html (global service events)
GLOBAL_SERVICES = frozenset({"iam", "organizations", "cloudfront", "route53", "account"})
GLOBAL_REGION = "us-east-1"

DEFAULT_SELECTORS: tuple[dict[str, Any], ...] = (
    {
        "ReadWriteType": "All",
        "IncludeManagementEvents": True,
        "DataResources": [],
        "ExcludeManagementEventSources": [],
    },
)

# (service, first word of the resource part) → type; "" where the resource part is the name alone.
_TYPES = {
    ("cloudtrail", "trail"): "AWS::CloudTrail::Trail",
    ("dynamodb", "table"): "AWS::DynamoDB::Table",
    ("ecr", "repository"): "AWS::ECR::Repository",
    ("ecs", "cluster"): "AWS::ECS::Cluster",
    ("ecs", "service"): "AWS::ECS::Service",
    ("ecs", "task-definition"): "AWS::ECS::TaskDefinition",
    ("iam", "group"): "AWS::IAM::Group",
    ("iam", "instance-profile"): "AWS::IAM::InstanceProfile",
    ("iam", "mfa"): "AWS::IAM::MfaDevice",
    ("iam", "oidc-provider"): "AWS::IAM::OIDCProvider",
    ("iam", "policy"): "AWS::IAM::Policy",
    ("iam", "role"): "AWS::IAM::Role",
    ("iam", "saml-provider"): "AWS::IAM::SAMLProvider",
    ("iam", "user"): "AWS::IAM::User",
    ("kms", "alias"): "AWS::KMS::Alias",
    ("kms", "key"): "AWS::KMS::Key",
    ("lambda", "function"): "AWS::Lambda::Function",
    ("logs", "log-group"): "AWS::Logs::LogGroup",
    ("secretsmanager", "secret"): "AWS::SecretsManager::Secret",
    ("sns", ""): "AWS::SNS::Topic",
    ("sqs", ""): "AWS::SQS::Queue",
    ("states", "stateMachine"): "AWS::StepFunctions::StateMachine",
}
_NAMED_BY_ARN = frozenset({"kms"})


def wrong_name(name: str) -> str:
    """Why a trail may not have this name; "" where it may.

    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-trail-naming-requirements.html
    """
    has = f"Specified name length: {len(name)} characters."
    if len(name) < 3:
        return f"Trail name too short. Minimum allowed length: 3 characters. {has}"
    if len(name) > 128:
        return f"Trail name too long. Maximum allowed length: 128 characters. {has}"
    if not name[0].isalnum():
        return "Trail name must starts with a letter or number."
    if not name[-1].isalnum():
        return "Trail name must ends with a letter or number."
    if not _ALLOWED.fullmatch(name):
        return (
            "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), "
            "hyphens (-), and underscores (_)."
        )
    if _DOUBLED.search(name):
        return "Trail name cannot have adjacent periods, underscores or dashes."
    if _ADDRESS.fullmatch(name):
        return "Trail name must not be in IP address format."
    return ""


def resource_type(arn: str) -> str:
    """CloudTrail's type of a resource; "" where it names none."""
    _, _, service, _, _, rest = (arn.split(":", 5) + [""] * 6)[:6]
    if service == "s3":
        return "AWS::S3::Object" if "/" in rest else "AWS::S3::Bucket"
    words = re.split(r"[:/]", rest, maxsplit=1)
    return _TYPES.get((service, words[0] if len(words) == 2 else ""), "")


def resource_name(arn: str) -> str:
    """The name by which a resource is looked up: the last part of its ARN, or the ARN (KMS keys, S3 objects)."""
    _, _, service, _, _, rest = (arn.split(":", 5) + [""] * 6)[:6]
    if service in _NAMED_BY_ARN or (service == "s3" and "/" in rest):
        return arn
    return re.split(r"[:/]", rest.removesuffix(":*"))[-1] or arn
