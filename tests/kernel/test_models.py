"""The models: what is read from them, that nothing is lost, that little memory is used."""

import subprocess
import sys

import botocore.loaders
import botocore.model
import pytest

from gureum.kernel import model_files, models

_loader = botocore.loaders.Loader()


@pytest.mark.parametrize("service", ["sqs", "s3", "ec2", "cloudwatch", "lambda", "iam", "rds", "transcribe"])
def test_a_model_says_what_botocore_says(service: str) -> None:
    ours = models.load(service)
    theirs = botocore.model.ServiceModel(_loader.load_service_model(service, "service-2"), service)
    assert list(ours.operations) == list(theirs.operation_names)
    assert ours.metadata.signing_name == theirs.signing_name
    assert ours.metadata.endpoint_prefix == theirs.endpoint_prefix
    assert ours.metadata.api_version == theirs.api_version
    for name in theirs.operation_names:
        operation, model = ours.operations[name], theirs.operation_model(name)
        assert (operation.method, operation.uri) == (model.http["method"], model.http["requestUri"])
        members = list(model.input_shape.members) if model.input_shape else []
        assert list(ours.members(name)) == members
        assert set(operation.errors) == {shape.name for shape in model.error_shapes}
        assert (operation.auth == "none") == (model.auth_type == "none")
        assert operation.idempotency_tokens == tuple(model.idempotent_members)
        assert (operation.events_out is not None) == bool(model.has_event_stream_output)
        assert operation.checksum is None or model.http_checksum or model.http_checksum_required


def test_a_reference_adds_its_traits_to_the_shape() -> None:
    model = models.load("s3")
    members = model.members_of(model.shapes["PutObjectRequest"])
    assert members["Metadata"].location == "headers"
    assert members["Metadata"].location_name == "x-amz-meta-"
    assert members["Body"].streaming
    assert model.operations["PutObject"].streaming_in == "Body"
    assert model.operations["PutObject"].context_params == {"Bucket": "Bucket", "Key": "Key"}
    assert model.operations["PutObject"].checksum.request_algorithm_member == "ChecksumAlgorithm"
    # botocore's own extras say that this shape is a date.
    assert model.shapes["Expires"].type == "timestamp"


def test_errors_answer_to_shape_and_to_wire_code() -> None:
    errors = models.load("sqs").errors
    assert errors["QueueDoesNotExist"] == errors["AWS.SimpleQueueService.NonExistentQueue"]
    assert errors["QueueDoesNotExist"].query_code == "AWS.SimpleQueueService.NonExistentQueue"
    assert errors["QueueDoesNotExist"].status == 400
    assert models.load("s3").errors["NoSuchKey"].status == 404
    internal = models.load("dynamodb").errors["InternalServerError"]
    assert internal.fault
    assert internal.status == 500


def test_metadata_of_a_service_with_several_protocols() -> None:
    meta = models.load("cloudwatch").metadata
    assert meta.protocols == ("smithy-rpc-v2-cbor", "json", "query")
    assert meta.query_compatible
    assert meta.target_prefix == "GraniteServiceVersion20100801"


def test_paginators_and_waiters() -> None:
    assert models.load("s3").paginators["ListObjectsV2"]["output_token"] == "NextContinuationToken"
    assert models.load("s3").waiters["BucketExists"]["operation"] == "HeadBucket"


@pytest.mark.parametrize("name", ["nosuch", "../kernel", "", "S3", "s3/..", "a" * 300])
def test_an_unknown_service_is_refused(name: str) -> None:
    with pytest.raises(models.UnknownService):
        models.load(name)


def test_every_service_loads_and_every_reference_resolves() -> None:
    for service in models.services():
        model = models.load.__wrapped__(service)
        for shape in model.shapes.values():
            for ref in [*(shape.members or {}).values(), shape.member, shape.key, shape.value]:
                assert ref is None or ref.shape in model.shapes, (service, shape.name)
        assert model.operations


def test_a_model_of_our_own_and_extras(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(model_files, "OWN", tmp_path)
    (tmp_path / "iq").mkdir()
    (tmp_path / "iq" / "model.json").write_text(
        '{"metadata":{"apiVersion":"2026-01-01","endpointPrefix":"iq","protocol":"json","targetPrefix":"IQ"},'
        '"operations":{"Ask":{"name":"Ask","http":{"method":"POST","requestUri":"/"},'
        '"input":{"shape":"AskRequest"}}},'
        '"shapes":{"AskRequest":{"type":"structure","members":{"What":{"shape":"Text"}}},'
        '"Text":{"type":"string"}}}'
    )
    (tmp_path / "sqs").mkdir()
    (tmp_path / "sqs" / "model.extras.json").write_text(
        '{"merge":{"shapes":{"SendMessageRequest":{"members":{"Loud":{"shape":"Boolean"}}}}}}'
    )
    load = models.load.__wrapped__
    assert load("iq").members("Ask") == ("What",)
    assert load("iq").metadata.protocols == ("json",)
    assert "iq" in models.services()
    assert set(load("sqs").members("SendMessage")) > {"QueueUrl", "MessageBody", "Loud"}


def test_eight_services_stay_within_thirty_megabytes_and_without_botocore() -> None:
    program = (
        "import sys, gc\n"
        "from gureum.kernel import models\n"
        "size = lambda: int(open('/proc/self/statm').read().split()[1]) * 4096\n"
        "before = size()\n"
        "for name in 'sqs s3 dynamodb lambda iam ecs cloudformation ec2'.split(): models.load(name)\n"
        "print(size() - before, 'botocore' in sys.modules)\n"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert int(out[0]) < 30_000_000
    assert out[1] == "False"
