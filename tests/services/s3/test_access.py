"""Who gets in: nobody by default, others by policy and ACL, the public only where nothing blocks it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.config import Config

from .conftest import refused


@pytest.fixture
def anybody(gureum: Any) -> Any:
    return gureum.client("s3", config=Config(signature_version=UNSIGNED))


def allow(bucket: str, *actions: str, **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": list(actions),
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def open_up(s3: Any, bucket: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)


def test_nobody_gets_in_unasked(s3: Any, anybody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refused(anybody.get_object, Bucket=bucket, Key="k")[:2] == ("AccessDenied", 403)
    assert refused(anybody.list_objects_v2, Bucket=bucket)[:2] == ("AccessDenied", 403)
    assert refused(anybody.put_object, Bucket=bucket, Key="k", Body=b"")[:2] == ("AccessDenied", 403)
    assert refused(anybody.list_objects_v2, Bucket=f"{bucket}-no")[:2] == ("NoSuchBucket", 404)


def test_a_policy_lets_in_and_no_further(s3: Any, anybody: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    code, status, text = refused(s3.put_bucket_policy, Bucket=bucket, Policy=allow(bucket, "s3:GetObject"))
    assert (code, status) == ("AccessDenied", 403)
    assert "BlockPublicPolicy" in text
    open_up(s3, bucket)
    s3.put_bucket_policy(Bucket=bucket, Policy=allow(bucket, "s3:GetObject"))
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert anybody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    # Whether other keys exist is for those who may list.
    assert refused(anybody.get_object, Bucket=bucket, Key="none")[:2] == ("AccessDenied", 403)
    assert refused(anybody.delete_object, Bucket=bucket, Key="k")[:2] == ("AccessDenied", 403)
    restrict = {"RestrictPublicBuckets": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=restrict)
    assert refused(anybody.get_object, Bucket=bucket, Key="k")[:2] == ("AccessDenied", 403)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"


def test_conditions_on_prefix_and_tags(s3: Any, anybody: Any, bucket: str) -> None:
    open_up(s3, bucket)
    by_prefix = allow(bucket, "s3:ListBucket", Condition={"StringEquals": {"s3:prefix": "open/"}})
    s3.put_bucket_policy(Bucket=bucket, Policy=by_prefix)
    anybody.list_objects_v2(Bucket=bucket, Prefix="open/")
    assert refused(anybody.list_objects_v2, Bucket=bucket, Prefix="shut/")[0] == "AccessDenied"
    by_tag = allow(bucket, "s3:GetObject", Condition={"StringEquals": {"s3:ExistingObjectTag/state": "open"}})
    s3.put_bucket_policy(Bucket=bucket, Policy=by_tag)
    s3.put_object(Bucket=bucket, Key="a", Body=b"a", Tagging="state=open")
    s3.put_object(Bucket=bucket, Key="b", Body=b"b", Tagging="state=shut")
    assert anybody.get_object(Bucket=bucket, Key="a")["Body"].read() == b"a"
    assert refused(anybody.get_object, Bucket=bucket, Key="b")[0] == "AccessDenied"


def test_a_policy_must_be_about_its_bucket(s3: Any, bucket: str) -> None:
    code, status, text = refused(s3.put_bucket_policy, Bucket=bucket, Policy=allow("other", "s3:GetObject"))
    assert (code, status, text) == ("MalformedPolicy", 400, "Policy has invalid resource")
    assert (
        refused(s3.put_bucket_policy, Bucket=bucket, Policy=allow(bucket, "sqs:SendMessage"))[2]
        == "Policy has invalid action"
    )


def test_deny_wins_over_the_owner(s3: Any, bucket: str) -> None:
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    encrypted = {"StringNotEquals": {"s3:x-amz-server-side-encryption": "AES256"}}
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**deny, "Condition": encrypted}]})
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"")[:2] == ("AccessDenied", 403)
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="AES256")
    many = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert [one["Key"] for one in many["Deleted"]] == ["k"]


def test_each_key_of_many_is_asked_about(s3: Any, bucket: str) -> None:
    for key in ("a", "kept"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:DeleteObject",
        "Resource": f"arn:aws:s3:::{bucket}/kept",
    }
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [deny]}))
    done = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "kept"}]})
    assert [one["Key"] for one in done["Deleted"]] == ["a"]
    assert [(one["Key"], one["Code"]) for one in done["Errors"]] == [("kept", "AccessDenied")]


def test_acls_are_off_unless_asked_for(s3: Any, bucket: str) -> None:
    found = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", ACL="public-read")
    assert found[:2] == ("AccessControlListNotSupported", 400)
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="bucket-owner-full-control")
    grants = s3.get_object_acl(Bucket=bucket, Key="k")["Grants"]
    assert [grant["Permission"] for grant in grants] == ["FULL_CONTROL"]


def test_acls_let_the_public_in(s3: Any, anybody: Any, bucket: str) -> None:
    controls = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=controls)
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ACL="public-read")[:2] == (
        "AccessDenied",
        403,
    )
    open_up(s3, bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="own", Body=b"x")
    assert anybody.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(anybody.get_object, Bucket=bucket, Key="own")[:2] == ("AccessDenied", 403)
    assert refused(anybody.list_objects_v2, Bucket=bucket)[:2] == ("AccessDenied", 403)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert len(anybody.list_objects_v2(Bucket=bucket)["Contents"]) == 2
    grants = s3.get_bucket_acl(Bucket=bucket)["Grants"]
    assert {"URI": "http://acs.amazonaws.com/groups/global/AllUsers", "Type": "Group"} in [
        g["Grantee"] for g in grants
    ]
    ignore = {"IgnorePublicAcls": True}
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=ignore)
    assert refused(anybody.get_object, Bucket=bucket, Key="k")[:2] == ("AccessDenied", 403)


def test_presigned_urls(gureum: Any, s3: Any, bucket: str) -> None:
    signing = gureum.client("s3", config=Config(signature_version="s3v4"))
    put = signing.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b"})
    with urllib.request.urlopen(urllib.request.Request(put, data=b"by url", method="PUT")) as answer:
        assert answer.status == 200
    get = signing.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b"}, ExpiresIn=60)
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"by url"
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(get.replace("X-Amz-Signature=", "X-Amz-Signature=0"))
    assert (caught.value.code, b"<Code>SignatureDoesNotMatch</Code>" in caught.value.read()) == (403, True)


def test_the_expected_owner(s3: Any, bucket: str) -> None:
    assert refused(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="111122223333")[:2] == (
        "AccessDenied",
        403,
    )
    s3.list_objects_v2(Bucket=bucket, ExpectedBucketOwner="000000000000")
