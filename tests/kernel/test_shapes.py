"""Validation in AWS's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gureum.kernel import models, shapes
from gureum.kernel.shapes import ALL, Rules


def check(service: str, operation: str, params: dict, rules: Rules = shapes.STRICT) -> str | None:
    model = models.load(service)
    return shapes.validator(model, model.operations[operation], rules)(params)


def test_a_valid_input_passes() -> None:
    assert check("sqs", "SendMessage", {"QueueUrl": "u", "MessageBody": "b"}) is None
    assert check("sqs", "ListQueues", {}) is None


@pytest.mark.parametrize("missing", [{}, {"MessageBody": None}])
def test_a_required_member(missing: dict) -> None:
    assert check("sqs", "SendMessage", {"QueueUrl": "u", **missing}) == (
        "1 validation error detected: Value null at 'messageBody' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_several_errors_are_counted_and_joined() -> None:
    text = check("sqs", "SendMessage", {})
    assert text == (
        "2 validation errors detected: Value null at 'queueUrl' failed to satisfy constraint: Member must not be "
        "null; Value null at 'messageBody' failed to satisfy constraint: Member must not be null"
    )


def test_length_range_pattern_and_enum() -> None:
    assert check("kms", "CreateAlias", {"AliasName": "", "TargetKeyId": "k"}) == (
        "2 validation errors detected: Value '' at 'aliasName' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1; Value '' at 'aliasName' failed to satisfy constraint: Member must "
        "satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
    )
    assert check("kinesis", "CreateStream", {"StreamName": "s", "ShardCount": 0}) == (
        "1 validation error detected: Value '0' at 'shardCount' failed to satisfy constraint: Member must have "
        "value greater than or equal to 1"
    )
    text = check("dynamodb", "ListTables", {"ExclusiveStartTableName": "a!b"})
    assert text is not None
    assert text.startswith(
        "1 validation error detected: Value 'a!b' at 'exclusiveStartTableName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
    )
    assert check("sts", "AssumeRole", {"RoleArn": "x" * 20, "RoleSessionName": "s" * 65}) == (
        f"1 validation error detected: Value '{'s' * 65}' at 'roleSessionName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )


def test_paths_into_lists_and_maps() -> None:
    schema = [{"AttributeName": "a", "KeyType": "HASH"}, {"AttributeName": "b"}]
    assert check("dynamodb", "CreateTable", {"TableName": "table", "KeySchema": schema}) == (
        "1 validation error detected: Value null at 'keySchema.2.member.keyType' failed to satisfy constraint: "
        "Member must not be null"
    )
    assert check("dynamodb", "BatchGetItem", {"RequestItems": {"Some-Table": {"Keys": []}}}) == (
        "1 validation error detected: Value '[]' at 'requestItems.Some-Table.member.keys' failed to satisfy "
        "constraint: Member must have length greater than or equal to 1"
    )


def test_scalars_in_lists_and_maps_are_reported_of_the_whole() -> None:
    text = check(
        "acm", "RequestCertificate", {"DomainName": "a.bc", "SubjectAlternativeNames": ["ok.com", "~"]}
    )
    assert text is not None
    assert text.startswith(
        "1 validation error detected: Value '[ok.com, ~]' at 'subjectAlternativeNames' failed to satisfy "
        "constraint: Member must satisfy constraint: [Member must have length less than or equal to 253, Member "
        "must have length greater than or equal to 1, Member must satisfy regular expression pattern: "
    )
    text = check("dynamodb", "BatchWriteItem", {"RequestItems": {"table": []}})
    assert text == (
        "1 validation error detected: Value '{table=[]}' at 'requestItems' failed to satisfy constraint: Map value "
        "must satisfy constraint: [Member must have length less than or equal to 25, Member must have length "
        "greater than or equal to 1]"
    )


def test_sensitive_values_are_not_repeated() -> None:
    text = check("cognito-idp", "SignUp", {"ClientId": "c", "Username": "u", "Password": "p" * 300})
    assert text is not None
    assert "ppp" not in text
    assert (
        "Value at 'password' failed to satisfy constraint: Member must have length less than or equal to"
        in text
    )


def test_a_service_may_enforce_less_and_say_less() -> None:
    params = {"KeyId": "k", "KeySpec": "AES_512"}
    assert "enum value set: [AES_256, AES_128]" in (check("kms", "GenerateDataKey", params) or "")
    assert check("kms", "GenerateDataKey", params, Rules(ALL - {"enum"})) is None
    assert check("kms", "GenerateDataKey", {}, Rules(echo=False)) == (
        "1 validation error detected: Value at 'keyId' failed to satisfy constraint: Member must not be null"
    )
    assert check("kms", "GenerateDataKey", {}, Rules(frozenset())) is None


def test_a_blob_is_measured_in_bytes_even_in_a_file() -> None:
    class Body:
        size = 5000

    text = "Member must have length less than or equal to 4096"
    assert text in (check("kms", "Encrypt", {"KeyId": "k", "Plaintext": b"x" * 5000}) or "")
    assert text in (check("kms", "Encrypt", {"KeyId": "k", "Plaintext": Body()}) or "")
    assert check("kms", "Encrypt", {"KeyId": "k", "Plaintext": b"x" * 4096}) is None


def test_shapes_that_contain_themselves() -> None:
    nested: dict = {"Dimensions": {"Key": "NOSUCH"}}
    for _ in range(5):
        nested = {"Not": nested}
    period = {"Start": "2024-01-01", "End": "2024-02-01"}
    params = {"TimePeriod": period, "Granularity": "DAILY", "Metrics": ["m"], "Filter": nested}
    text = check("ce", "GetCostAndUsage", params)
    assert text is not None
    assert (
        "'filter.not.not.not.not.not.dimensions.key' failed to satisfy constraint: Member must satisfy enum"
        in text
    )


def test_every_operation_of_every_service_compiles() -> None:
    for service in models.services():
        model = models.load.__wrapped__(service)
        for operation in model.operations.values():
            found = shapes.validator.__wrapped__(model, operation)({})
            required = model.input(operation).required if operation.input else ()
            assert (found is None) == (not required), (service, operation.name)


@given(st.text(max_size=400))
def test_length_is_what_len_says(text: str) -> None:
    found = check("kms", "CreateKey", {"Description": text}, Rules(ALL - {"pattern"}))
    assert (found is None) == (len(text) <= 8192)
