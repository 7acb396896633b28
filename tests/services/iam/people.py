"""Users and roles for tests, and what a refusal says."""

import json
import uuid

import pytest
from botocore.exceptions import ClientError

ACCOUNT = "000000000000"


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions, resource="*", **more):
    return {"Effect": "Deny", "Action": list(actions), "Resource": resource, **more}


def trust(principal, action="sts:AssumeRole", **more):
    return policy({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def unique(word):
    return f"{word}-{uuid.uuid4().hex[:8]}"


def refused(call, **params):
    """Code, message and HTTP status of a refusal."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def keys_of(answer):
    """boto3's arguments for the credentials in an answer of IAM or STS."""
    found = answer.get("Credentials") or answer["AccessKey"]
    keys = {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}
    return {**keys, "aws_session_token": found["SessionToken"]} if "SessionToken" in found else keys


class Person:
    """A user with a key: `client` signs as it."""

    def __init__(self, cloud, *documents, tags=None, path="/", boundary=None, iam=None):
        self.cloud, self.name = cloud, unique("user")
        self.iam = iam or cloud.client("iam")
        extra = {"Tags": [{"Key": k, "Value": v} for k, v in tags.items()]} if tags else {}
        if boundary:
            extra["PermissionsBoundary"] = boundary
        made = self.iam.create_user(UserName=self.name, Path=path, **extra)["User"]
        self.arn, self.id = made["Arn"], made["UserId"]
        for at, document in enumerate(documents):
            self.iam.put_user_policy(UserName=self.name, PolicyName=f"p{at}", PolicyDocument=document)
        self.keys = keys_of(self.iam.create_access_key(UserName=self.name))

    def client(self, service):
        return self.cloud.client(service, **self.keys)


def session(cloud, answer):
    """A function that makes clients which sign with the credentials in an answer of STS."""
    return lambda service: cloud.client(service, **keys_of(answer))
