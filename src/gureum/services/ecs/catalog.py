"""ECS as data."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog, Column, Resource, Table

UNREAD = {
    "RunTask.referenceId": "AWS keeps it for its own use and shows it nowhere",
    "ListTasks.daemonName": "daemons belong to managed instances, which are not built",
}

_STATUS = Column(member="status", title={"en": "Status", "ko": "상태"}, kind="status")

CATALOG = Catalog(
    service="ecs",
    title="Elastic Container Service",
    group="Containers",
    purpose={
        "en": "Runs containers on Fargate and keeps services of them running.",
        "ko": "Fargate에서 컨테이너를 실행하고 서비스를 계속 유지합니다.",
    },
    tables=(
        Table(
            name="Cluster",
            title={"en": "Clusters", "ko": "클러스터"},
            list="ListClusters",
            items="clusterArns",
            id="cluster",
            id_from="",
            describe="DescribeClusters",
            create="CreateCluster",
            update="UpdateCluster",
            delete="DeleteCluster",
            columns=(
                _STATUS,
                Column(
                    member="runningTasksCount",
                    title={"en": "Running tasks", "ko": "실행 중인 태스크"},
                    kind="number",
                ),
                Column(member="activeServicesCount", title={"en": "Services", "ko": "서비스"}, kind="number"),
            ),
        ),
        Table(
            name="TaskDefinition",
            title={"en": "Task definitions", "ko": "태스크 정의"},
            list="ListTaskDefinitions",
            items="taskDefinitionArns",
            id="taskDefinition",
            id_from="",
            describe="DescribeTaskDefinition",
            create="RegisterTaskDefinition",
            delete="DeregisterTaskDefinition",
            columns=(_STATUS,),
        ),
        Table(
            name="Service",
            title={"en": "Services", "ko": "서비스"},
            list="ListServices",
            items="serviceArns",
            id="service",
            id_from="",
            describe="DescribeServices",
            create="CreateService",
            update="UpdateService",
            delete="DeleteService",
            parent="Cluster",
            parent_id="cluster",
            columns=(
                _STATUS,
                Column(member="desiredCount", title={"en": "Desired", "ko": "목표 수"}, kind="number"),
                Column(member="runningCount", title={"en": "Running", "ko": "실행 수"}, kind="number"),
            ),
        ),
        Table(
            name="Task",
            title={"en": "Tasks", "ko": "태스크"},
            list="ListTasks",
            items="taskArns",
            id="task",
            id_from="",
            describe="DescribeTasks",
            create="RunTask",
            delete="StopTask",
            parent="Cluster",
            parent_id="cluster",
            columns=(
                Column(member="lastStatus", title={"en": "Status", "ko": "상태"}, kind="status"),
                Column(member="taskDefinitionArn", title={"en": "Task definition", "ko": "태스크 정의"}),
                Column(member="startedAt", title={"en": "Started", "ko": "시작 시각"}, kind="time"),
            ),
        ),
    ),
    cloudformation=(
        Resource(
            type="AWS::ECS::Cluster",
            create="CreateCluster",
            read="DescribeClusters",
            update="UpdateCluster",
            delete="DeleteCluster",
            id="cluster",
            ref="cluster.clusterName",
            attributes={"Arn": "cluster.clusterArn"},
        ),
        Resource(
            type="AWS::ECS::TaskDefinition",
            create="RegisterTaskDefinition",
            read="DescribeTaskDefinition",
            delete="DeregisterTaskDefinition",
            id="taskDefinition",
            ref="taskDefinition.taskDefinitionArn",
            attributes={"TaskDefinitionArn": "taskDefinition.taskDefinitionArn"},
        ),
        Resource(
            type="AWS::ECS::Service",
            create="CreateService",
            read="DescribeServices",
            update="UpdateService",
            delete="DeleteService",
            id="service",
            ref="service.serviceArn",
            attributes={"ServiceArn": "service.serviceArn", "Name": "service.serviceName"},
        ),
        Resource(
            type="AWS::ECS::ClusterCapacityProviderAssociations",
            create="PutClusterCapacityProviders",
            update="PutClusterCapacityProviders",
            delete="PutClusterCapacityProviders",
            id="cluster",
        ),
    ),
    detail_types=("ECS Task State Change", "ECS Service Action", "ECS Deployment State Change"),
    unread=UNREAD,
    absent={
        "StartTask": "it places tasks on EC2 instances by name, and the EC2 launch type is not built",
        "ExecuteCommand": "it needs Session Manager's data channel, which is not built",
        "CreateTaskSet": "it belongs to external and blue/green deployments, which are not built",
        "PutAttributes": "attributes belong to EC2 container instances, which are not built",
    },
)
