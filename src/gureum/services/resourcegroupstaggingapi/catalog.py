"""The Resource Groups Tagging API as data."""

from __future__ import annotations

from gureum.kernel.catalog import Catalog, Column, Table

CATALOG = Catalog(
    service="resourcegroupstaggingapi",
    title="Resource Groups Tagging API",
    group="Management & governance",
    purpose={
        "en": "Find resources of all services by their tags, and tag many of them at once.",
        "ko": "모든 서비스의 리소스를 태그로 찾고, 한 번에 여러 리소스에 태그를 지정합니다.",
    },
    tables=(
        Table(
            name="Resource",
            title={"en": "Tagged resources", "ko": "태그가 지정된 리소스"},
            list="GetResources",
            items="ResourceTagMappingList",
            id="ResourceARN",
            arn_from="ResourceARN",
            columns=(
                Column(member="ResourceARN", title={"en": "ARN", "ko": "ARN"}),
                Column(member="Tags", title={"en": "Tags", "ko": "태그"}, kind="tags"),
            ),
        ),
    ),
    absent={
        "ListRequiredTags": "The CloudFormation types that a tag policy's resource types stand for are not known here.",
    },
)
