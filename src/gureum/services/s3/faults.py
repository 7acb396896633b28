"""S3's refusals, in its own words. https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

from __future__ import annotations

from typing import Any

from gureum.kernel.faults import Fault


def no_such_bucket(name: str) -> Fault:
    return Fault("NoSuchBucket", "The specified bucket does not exist", status=404, BucketName=name)


def no_such_key(key: str) -> Fault:
    return Fault("NoSuchKey", "The specified key does not exist.", status=404, Key=key)


def no_such_version(key: str, version: str) -> Fault:
    return Fault(
        "NoSuchVersion", "The specified version does not exist.", status=404, Key=key, VersionId=version
    )


def no_such_upload(upload: str) -> Fault:
    text = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been "
        "aborted or completed."
    )
    return Fault("NoSuchUpload", text, status=404, UploadId=upload)


def invalid_argument(text: str, name: str, value: Any) -> Fault:
    return Fault("InvalidArgument", text, status=400, ArgumentName=name, ArgumentValue=str(value))


def invalid_request(text: str) -> Fault:
    return Fault("InvalidRequest", text, status=400)


def malformed(
    text: str = "The XML you provided was not well-formed or did not validate against our published schema",
) -> Fault:
    return Fault("MalformedXML", text, status=400)


def precondition(condition: str) -> Fault:
    text = "At least one of the pre-conditions you specified did not hold"
    return Fault("PreconditionFailed", text, status=412, Condition=condition)


def denied() -> Fault:
    return Fault("AccessDenied", "Access Denied", status=403)


def method_not_allowed(method: str, kind: str) -> Fault:
    text = "The specified method is not allowed against this resource."
    return Fault("MethodNotAllowed", text, status=405, Method=method, ResourceType=kind)


def conflict(text: str) -> Fault:
    return Fault("ConditionalRequestConflict", text, status=409)
