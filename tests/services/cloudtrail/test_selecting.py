"""Event selectors against events: which are wanted."""

import pytest

from gureum.kernel.events import Called
from gureum.services.cloudtrail.selecting import compiled


def called(service, operation, *resources, read_only=False, management=True):
    return Called(
        "00000000-0000-4000-a000-000000000000",
        0.0,
        service,
        operation,
        "000000000000",
        "us-east-1",
        {"type": "Root", "arn": "arn:aws:iam::000000000000:root"},
        "127.0.0.1",
        "",
        "",
        read_only,
        management,
        resources=resources,
    )


CREATE = called("sqs", "CreateQueue", "arn:aws:sqs:us-east-1:000000000000:q")
LIST = called("sqs", "ListQueues", read_only=True)
DECRYPT = called("kms", "Decrypt", "arn:aws:kms:us-east-1:000000000000:key/k", read_only=True)
PUT = called("s3", "PutObject", "arn:aws:s3:::one/a", management=False)
GET = called("s3", "GetObject", "arn:aws:s3:::two/a", read_only=True, management=False)
LISTED = called("s3", "ListObjectsV2", "arn:aws:s3:::one", read_only=True, management=False)
EVENTS = {
    "create": CREATE,
    "list": LIST,
    "decrypt": DECRYPT,
    "put": PUT,
    "get": GET,
    "listed": LISTED,
}


def field(name, **operators):
    return {"Field": name, **operators}


def objects(*more):
    return {
        "FieldSelectors": [
            field("eventCategory", Equals=["Data"]),
            field("resources.type", Equals=["AWS::S3::Object"]),
            *more,
        ]
    }


@pytest.mark.parametrize(
    ("basic", "advanced", "wanted"),
    [
        ([], [], "create list decrypt"),
        ([{"ReadWriteType": "WriteOnly"}], [], "create"),
        ([{"ReadWriteType": "ReadOnly"}], [], "list decrypt"),
        ([{"ExcludeManagementEventSources": ["kms.amazonaws.com"]}], [], "create list"),
        (
            [
                {
                    "IncludeManagementEvents": False,
                    "DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::one/"]}],
                }
            ],
            [],
            "put listed",
        ),
        (
            [{"DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn:aws:lambda"]}]}],
            [],
            "create list decrypt",
        ),
        ([], [objects()], "put get listed"),
        ([], [objects(field("eventName", Equals=["PutObject", "GetObject"]))], "put get"),
        ([], [objects(field("resources.ARN", StartsWith=["arn:aws:s3:::two/"]))], "get"),
        ([], [objects(field("resources.ARN", NotStartsWith=["arn:aws:s3:::two/"]))], "put listed"),
        ([], [objects(field("readOnly", Equals=["false"]))], "put"),
        ([], [objects(field("eventName", NotEndsWith=["Object"]))], "listed"),
        (
            [],
            [
                {
                    "FieldSelectors": [
                        field("eventCategory", Equals=["Management"]),
                        field("eventSource", NotEquals=["kms.amazonaws.com"]),
                    ]
                },
                objects(field("readOnly", Equals=["true"])),
            ],
            "create list get listed",
        ),
    ],
)
def test_selectors_choose(basic, advanced, wanted):
    select = compiled(basic, advanced)
    assert " ".join(name for name, event in EVENTS.items() if select(event)) == wanted
