"""Key pairs are slow to make, so the tests of KMS's cryptography share one of each spec."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from gureum.services.kms.crypto.pairs import KeyPair
from gureum.services.kms.crypto.specs import SPECS
from gureum.testing import Cloud


@cache
def _pair(name: str) -> KeyPair:
    return KeyPair.generate(SPECS[name])


@pytest.fixture(scope="session")
def pair() -> Callable[[str], KeyPair]:
    return _pair


@pytest.fixture
def kms(gureum: Cloud) -> Any:
    """KMS as root, in us-east-1."""
    return gureum.client("kms")


@pytest.fixture
def refused() -> Callable[..., tuple[str, str, int]]:
    """Code, message and HTTP status of the refusal of a call."""

    def of(call: Callable[..., Any], **params: Any) -> tuple[str, str, int]:
        with pytest.raises(ClientError) as caught:
            call(**params)
        answer = caught.value.response
        return (
            answer["Error"]["Code"],
            answer["Error"]["Message"],
            answer["ResponseMetadata"]["HTTPStatusCode"],
        )

    return of


@pytest.fixture
def user(gureum: Cloud) -> Callable[..., Any]:
    """Makes an IAM user with a policy, and gives its ARN and a KMS client that signs as it."""
    iam = gureum.client("iam")

    def made(*statements: dict[str, Any]) -> tuple[str, Any]:
        name = f"kms-{uuid.uuid4().hex[:12]}"
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        if statements:
            document = {"Version": "2012-10-17", "Statement": list(statements)}
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        session = gureum.session(
            aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
        )
        config = Config(retries={"total_max_attempts": 1})
        return arn, session.client("kms", endpoint_url=gureum.endpoint, config=config)

    return made
