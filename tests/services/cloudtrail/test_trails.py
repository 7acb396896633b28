"""Trails through boto3: made, found, changed, deleted, tagged; what is refused, and in which words."""

import pytest
from botocore.exceptions import ClientError

from tests.services.cloudtrail.test_delivery import bucket_for


@pytest.fixture
def trail(gureum):
    return gureum.client("cloudtrail")


def refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response
    return error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"]


def test_a_trail_is_made_found_changed_and_deleted(gureum, trail):
    bucket_for(gureum, "trails-made")
    made = trail.create_trail(Name="made", S3BucketName="trails-made", TagsList=[{"Key": "a", "Value": "1"}])
    arn = made["TrailARN"]
    assert arn == "arn:aws:cloudtrail:us-east-1:000000000000:trail/made"
    assert (made["IncludeGlobalServiceEvents"], made["IsMultiRegionTrail"]) == (True, False)
    found = trail.get_trail(Name=arn)["Trail"]
    assert found["HomeRegion"] == "us-east-1"
    assert found == trail.get_trail(Name="made")["Trail"]
    assert found in trail.describe_trails()["trailList"]
    assert {"TrailARN": arn, "Name": "made", "HomeRegion": "us-east-1"} in trail.list_trails()["Trails"]
    trail.add_tags(ResourceId=arn, TagsList=[{"Key": "b", "Value": "2"}])
    trail.remove_tags(ResourceId=arn, TagsList=[{"Key": "a"}])
    assert trail.list_tags(ResourceIdList=[arn])["ResourceTagList"] == [
        {"ResourceId": arn, "TagsList": [{"Key": "b", "Value": "2"}]}
    ]
    assert trail.update_trail(Name="made", IsMultiRegionTrail=True)["IsMultiRegionTrail"] is True
    elsewhere = gureum.client("cloudtrail", region_name="eu-west-1")
    assert [t["TrailARN"] for t in elsewhere.describe_trails(trailNameList=["made"])["trailList"]] == [arn]
    assert elsewhere.describe_trails(includeShadowTrails=False)["trailList"] == []
    trail.delete_trail(Name="made")
    assert refused(trail.get_trail, Name="made") == (
        "TrailNotFoundException",
        f"Unknown trail: {arn} for the user: 000000000000",
        400,
    )


def test_a_name_is_taken_once(gureum, trail):
    bucket_for(gureum, "trails-twice")
    trail.create_trail(Name="twice", S3BucketName="trails-twice")
    assert refused(trail.create_trail, Name="twice", S3BucketName="trails-twice") == (
        "TrailAlreadyExistsException",
        "Trail twice already exists for customer: 000000000000",
        400,
    )
    trail.delete_trail(Name="twice")


def test_buckets_are_looked_at(gureum, trail):
    assert refused(trail.create_trail, Name="nowhere", S3BucketName="no-such-trail-bucket") == (
        "S3BucketDoesNotExistException",
        "S3 bucket no-such-trail-bucket does not exist!",
        400,
    )
    gureum.client("s3").create_bucket(Bucket="trails-closed")
    assert refused(trail.create_trail, Name="nowhere", S3BucketName="trails-closed") == (
        "InsufficientS3BucketPolicyException",
        "Incorrect S3 bucket policy is detected for bucket: trails-closed",
        400,
    )
    assert refused(trail.get_trail, Name="nowhere")[0] == "TrailNotFoundException"


@pytest.mark.parametrize("name", ["ab", "x" * 129, "-abc", "abc-", "a b c", "a--b", "192.168.5.4"])
def test_bad_names_are_refused(trail, name):
    assert refused(trail.create_trail, Name=name, S3BucketName="any")[0] == "InvalidTrailNameException"


def test_what_is_not_built_is_refused(gureum, trail):
    bucket_for(gureum, "trails-more")
    for member, value in (("SnsTopicName", "t"), ("IsOrganizationTrail", True), ("KmsKeyId", "alias/x")):
        code, message, _ = refused(
            trail.create_trail, Name="more", S3BucketName="trails-more", **{member: value}
        )
        assert (code, message) == ("UnsupportedOperationException", f"{member} is not supported here.")
    assert (
        refused(
            trail.create_trail,
            Name="more",
            S3BucketName="trails-more",
            IsMultiRegionTrail=True,
            IncludeGlobalServiceEvents=False,
        )[0]
        == "InvalidParameterCombinationException"
    )


def test_selectors_are_kept_and_checked(gureum, trail):
    bucket_for(gureum, "trails-selectors")
    trail.create_trail(Name="selectors", S3BucketName="trails-selectors")
    assert trail.get_event_selectors(TrailName="selectors")["EventSelectors"] == [
        {
            "ReadWriteType": "All",
            "IncludeManagementEvents": True,
            "DataResources": [],
            "ExcludeManagementEventSources": [],
        }
    ]
    chosen = [
        {
            "Name": "writes",
            "FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Management"]},
                {"Field": "readOnly", "Equals": ["false"]},
            ],
        }
    ]
    trail.put_event_selectors(TrailName="selectors", AdvancedEventSelectors=chosen)
    found = trail.get_event_selectors(TrailName="selectors")
    assert found["AdvancedEventSelectors"] == chosen
    assert "EventSelectors" not in found
    assert trail.get_trail(Name="selectors")["Trail"]["HasCustomEventSelectors"] is True
    for wrong in (
        {},
        {"EventSelectors": [{"IncludeManagementEvents": False}]},
        {"EventSelectors": [{"DataResources": [{"Type": "AWS::Nothing", "Values": ["arn:x"]}]}]},
        {"EventSelectors": [{"ExcludeManagementEventSources": ["s3.amazonaws.com"]}]},
        {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "readOnly", "Equals": ["true"]}]}]},
        {"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}]}]},
    ):
        assert (
            refused(trail.put_event_selectors, TrailName="selectors", **wrong)[0]
            == "InvalidEventSelectorsException"
        )
    assert trail.get_event_selectors(TrailName="selectors")["AdvancedEventSelectors"] == chosen
    trail.delete_trail(Name="selectors")
