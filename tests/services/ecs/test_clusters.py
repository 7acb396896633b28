"""Clusters, their settings and tags, the account's settings, and who may pass a role."""

from __future__ import annotations

import json
import uuid

import pytest
from botocore.exceptions import ClientError

from .conftest import NETWORK


def test_a_cluster_lives_and_dies(ecs):
    name = f"c-{uuid.uuid4().hex[:8]}"
    made = ecs.create_cluster(
        clusterName=name,
        tags=[{"key": "a", "value": "1"}],
        settings=[{"name": "containerInsights", "value": "enabled"}],
        capacityProviders=["FARGATE"],
        defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1, "base": 2}],
    )["cluster"]
    assert made["status"] == "ACTIVE" and made["tags"] == [{"key": "a", "value": "1"}]
    assert ecs.create_cluster(clusterName=name)["cluster"]["clusterArn"] == made["clusterArn"]
    assert made["clusterArn"] in ecs.list_clusters()["clusterArns"]
    told = ecs.describe_clusters(clusters=[name, "none"], include=["SETTINGS", "STATISTICS", "TAGS"])
    assert told["failures"][0]["reason"] == "MISSING"
    one = told["clusters"][0]
    assert one["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert {"name": "runningFargateTasksCount", "value": "0"} in one["statistics"]
    ecs.update_cluster_settings(cluster=name, settings=[{"name": "containerInsights", "value": "disabled"}])
    ecs.tag_resource(resourceArn=made["clusterArn"], tags=[{"key": "b", "value": "2"}])
    ecs.untag_resource(resourceArn=made["clusterArn"], tagKeys=["a"])
    assert ecs.list_tags_for_resource(resourceArn=made["clusterArn"])["tags"] == [{"key": "b", "value": "2"}]
    assert ecs.delete_cluster(cluster=made["clusterArn"])["cluster"]["status"] == "INACTIVE"
    assert made["clusterArn"] not in ecs.list_clusters()["clusterArns"]
    with pytest.raises(ClientError, match="Cluster not found"):
        ecs.delete_cluster(cluster=name)
    with pytest.raises(ClientError, match="Cluster not found"):
        ecs.tag_resource(resourceArn=made["clusterArn"], tags=[{"key": "b", "value": "2"}])


def test_capacity_providers_are_fargates(ecs):
    shown = ecs.describe_capacity_providers()["capacityProviders"]
    assert [one["name"] for one in shown] == ["FARGATE", "FARGATE_SPOT"]
    assert ecs.describe_capacity_providers(capacityProviders=["x"])["failures"][0]["reason"] == "MISSING"
    with pytest.raises(ClientError, match="'mine' was not found"):
        ecs.create_cluster(clusterName="never", capacityProviders=["mine"])
    with pytest.raises(ClientError, match="Identifier contains invalid characters"):
        ecs.create_cluster(clusterName="a b")


def test_account_settings(gureum_cloud):
    ecs = gureum_cloud().client("ecs")
    assert ecs.list_account_settings()["settings"] == []
    effective = {
        one["name"]: one["value"]
        for page in ecs.get_paginator("list_account_settings").paginate(effectiveSettings=True)
        for one in page["settings"]
    }
    assert effective["taskLongArnFormat"] == "enabled"
    ecs.put_account_setting_default(name="containerInsights", value="enabled")
    told = ecs.list_account_settings(name="containerInsights", effectiveSettings=True)["settings"]
    assert told[0]["value"] == "enabled" and told[0]["principalArn"].endswith(":root")
    ecs.delete_account_setting(name="containerInsights")
    told = ecs.list_account_settings(name="containerInsights", effectiveSettings=True)["settings"]
    assert told[0]["value"] == "disabled"
    with pytest.raises(ClientError, match="Invalid value for setting"):
        ecs.put_account_setting(name="awsvpcTrunking", value="enabled")


def test_a_role_is_passed_only_by_those_who_may(gureum, ecs, cluster, define):
    iam = gureum.client("iam")
    name = f"u-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=name)
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    user = gureum.client(
        "ecs", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    role = "arn:aws:iam::000000000000:role/unpassed"
    definition = define(task={"taskRoleArn": role})
    asked = {"cluster": cluster, "launchType": "FARGATE", "networkConfiguration": NETWORK}
    for call, change in (
        (user.run_task, {"taskDefinition": definition}),
        (user.create_service, {"taskDefinition": definition, "serviceName": "x", "desiredCount": 0}),
    ):
        with pytest.raises(ClientError) as caught:
            call(**asked, **change)
        answer = caught.value.response
        assert answer["Error"]["Code"] == "AccessDeniedException"
        assert "iam:PassRole" in answer["Error"]["Message"] and role in answer["Error"]["Message"]
    assert ecs.list_tasks(cluster=cluster)["taskArns"] == []
    pass_it = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role}
    pass_it["Condition"] = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}  # type: ignore[assignment]
    policy["Statement"].append(pass_it)  # type: ignore[attr-defined]
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(policy))
    assert user.create_service(**asked, taskDefinition=definition, serviceName="x", desiredCount=0)["service"]


def test_what_is_not_built_says_so(ecs):
    with pytest.raises(ClientError) as caught:
        ecs.start_task(cluster="x", containerInstances=["i"], taskDefinition="f")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
