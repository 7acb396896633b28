"""Which services have a service-linked role, what it is called and which of AWS's policies it has.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
"""

from __future__ import annotations

from typing import NamedTuple


class Linked(NamedTuple):
    """The role's name after `AWSServiceRoleFor`, its policy, and whether a suffix may make several."""

    name: str
    policy: str
    suffix: bool = False


LINKED: dict[str, Linked] = {
    "access-analyzer.amazonaws.com": Linked("AccessAnalyzer", "AccessAnalyzerServiceRolePolicy"),
    "autoscaling.amazonaws.com": Linked("AutoScaling", "AutoScalingServiceRolePolicy", suffix=True),
    "batch.amazonaws.com": Linked("Batch", "BatchServiceRolePolicy"),
    "cloudtrail.amazonaws.com": Linked("CloudTrail", "CloudTrailServiceRolePolicy"),
    "config.amazonaws.com": Linked("Config", "AWSConfigServiceRolePolicy"),
    "ecs.amazonaws.com": Linked("ECS", "AmazonECSServiceRolePolicy"),
    "ecs.application-autoscaling.amazonaws.com": Linked(
        "ApplicationAutoScaling_ECSService", "AWSApplicationAutoscalingECSServicePolicy"
    ),
    "dynamodb.application-autoscaling.amazonaws.com": Linked(
        "ApplicationAutoScaling_DynamoDBTable", "AWSApplicationAutoscalingDynamoDBTablePolicy"
    ),
    "eks.amazonaws.com": Linked("AmazonEKS", "AmazonEKSServiceRolePolicy"),
    "eks-nodegroup.amazonaws.com": Linked("AmazonEKSNodegroup", "AWSServiceRoleForAmazonEKSNodegroup"),
    "elasticache.amazonaws.com": Linked("ElastiCache", "ElastiCacheServiceRolePolicy"),
    "elasticfilesystem.amazonaws.com": Linked(
        "AmazonElasticFileSystem", "AmazonElasticFileSystemServiceRolePolicy"
    ),
    "elasticloadbalancing.amazonaws.com": Linked(
        "ElasticLoadBalancing", "AWSElasticLoadBalancingServiceRolePolicy"
    ),
    "events.amazonaws.com": Linked("CloudWatchEvents", "CloudWatchEventsServiceRolePolicy"),
    "guardduty.amazonaws.com": Linked("AmazonGuardDuty", "AmazonGuardDutyServiceRolePolicy"),
    "inspector2.amazonaws.com": Linked("AmazonInspector2", "AmazonInspector2ServiceRolePolicy"),
    "kafka.amazonaws.com": Linked("Kafka", "KafkaServiceRolePolicy"),
    "macie.amazonaws.com": Linked("AmazonMacie", "AmazonMacieServiceRolePolicy"),
    "mq.amazonaws.com": Linked("AmazonMQ", "AmazonMQServiceRolePolicy"),
    "ops.apigateway.amazonaws.com": Linked("APIGateway", "APIGatewayServiceRolePolicy"),
    "opensearchservice.amazonaws.com": Linked("AmazonOpenSearchService", "AmazonOpenSearchServiceRolePolicy"),
    "organizations.amazonaws.com": Linked("Organizations", "AWSOrganizationsServiceTrustPolicy"),
    "rds.amazonaws.com": Linked("RDS", "AmazonRDSServiceRolePolicy"),
    "redshift.amazonaws.com": Linked("Redshift", "AmazonRedshiftServiceLinkedRolePolicy"),
    "replication.dynamodb.amazonaws.com": Linked(
        "DynamoDBReplication", "DynamoDBReplicationServiceRolePolicy"
    ),
    "securityhub.amazonaws.com": Linked("SecurityHub", "AWSSecurityHubServiceRolePolicy"),
    "spot.amazonaws.com": Linked("EC2Spot", "AWSEC2SpotServiceRolePolicy"),
    "ssm.amazonaws.com": Linked("AmazonSSM", "AmazonSSMServiceRolePolicy"),
    "sso.amazonaws.com": Linked("SSO", "AWSSSOServiceRolePolicy"),
    "support.amazonaws.com": Linked("Support", "AWSSupportServiceRolePolicy"),
    "trustedadvisor.amazonaws.com": Linked("TrustedAdvisor", "AWSTrustedAdvisorServiceRolePolicy"),
}
