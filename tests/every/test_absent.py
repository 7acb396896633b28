"""What is not built says so, in the caller's protocol, and changes nothing."""

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("name", "call", "params"),
    [
        ("ec2", "describe_instances", {}),
        ("dynamodb", "list_tables", {}),
        ("lambda", "list_functions", {}),
        ("route53", "list_hosted_zones", {}),
        ("cloudwatch", "list_metrics", {}),
        ("sns", "list_topics", {}),
    ],
)
def test_a_service_that_is_not_built_answers_so(gureum, name, call, params):
    client = gureum.client(name)
    if gureum.health()["services"].count(name):
        pytest.fail(f"{name} is built by now: put another one here")
    with pytest.raises(ClientError) as refused:
        getattr(client, call)(**params)
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "not built" in refused.value.response["Error"]["Message"]


def test_an_operation_that_is_not_built_answers_so(gureum, service):
    absent = [name for name in service.model.operations if name not in service.ops.handlers]
    simple = [name for name in absent if not service.model.members(name)]
    from botocore import xform_name

    for name in simple[:3]:
        client = gureum.client(service.name)
        with pytest.raises(ClientError) as refused:
            getattr(client, xform_name(name))()
        assert refused.value.response["Error"]["Code"] == "NotImplemented", name
