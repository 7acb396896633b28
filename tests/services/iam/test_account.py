"""The account as a whole, the simulator, and what was last accessed."""

import json
import time

from tests.services.iam.people import ACCOUNT, Person, allow, deny, policy, refused, trust, unique

NOBODY = trust({"Service": "ecs-tasks.amazonaws.com"})


def test_the_summary_counts(gureum_cloud):
    iam = gureum_cloud().client("iam")
    before = iam.get_account_summary()["SummaryMap"]
    iam.create_user(UserName="u")
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=NOBODY)
    iam.create_policy(PolicyName="p", PolicyDocument=policy(allow("s3:*")))
    after = iam.get_account_summary()["SummaryMap"]
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    assert changed == {"Users": (0, 1), "Roles": (0, 1), "Policies": (0, 1), "PolicyVersionsInUse": (0, 1)}
    assert (after["UsersQuota"], after["AccountAccessKeysPresent"], after["AccountMFAEnabled"]) == (
        5000,
        1,
        0,
    )


def test_authorization_details_tell_everything(gureum_cloud):
    iam = gureum_cloud().client("iam")
    own = iam.create_policy(PolicyName="own", PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]
    iam.create_group(GroupName="g")
    iam.create_user(UserName="u", Tags=[{"Key": "k", "Value": "v"}])
    iam.add_user_to_group(GroupName="g", UserName="u")
    iam.put_user_policy(UserName="u", PolicyName="in", PolicyDocument=policy(allow("sqs:*")))
    iam.attach_group_policy(GroupName="g", PolicyArn=own)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=NOBODY)
    iam.attach_role_policy(RoleName="r", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    found = iam.get_account_authorization_details()
    (user,) = found["UserDetailList"]
    assert (user["GroupList"], user["Tags"]) == (["g"], [{"Key": "k", "Value": "v"}])
    assert user["UserPolicyList"][0]["PolicyDocument"] == json.loads(policy(allow("sqs:*")))
    assert found["GroupDetailList"][0]["AttachedManagedPolicies"] == [{"PolicyName": "own", "PolicyArn": own}]
    assert found["RoleDetailList"][0]["AssumeRolePolicyDocument"] == json.loads(NOBODY)
    policies = {p["PolicyName"]: p for p in found["Policies"]}
    assert set(policies) == {"own", "ReadOnlyAccess"}
    assert policies["own"]["PolicyVersionList"][0]["Document"] == json.loads(policy(allow("s3:*")))
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert only["RoleDetailList"] and not only["UserDetailList"] and not only["Policies"]
    paginator = iam.get_paginator("get_account_authorization_details")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 1}))
    lists = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    assert [sum(len(page[name]) for page in pages) for name in lists] == [1, 1, 1, 2]


def results(answer):
    return {(r["EvalActionName"], r["EvalResourceName"]): r for r in answer["EvaluationResults"]}


def test_a_custom_policy_is_simulated(iam):
    text = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                allow("sqs:*", resource="arn:aws:sqs:*:*:mine"),
                deny("sqs:DeleteQueue", Condition={"Bool": {"aws:SecureTransport": "false"}}),
            ],
        },
        indent=2,
    )
    mine, other = "arn:aws:sqs:us-east-1:1:mine", "arn:aws:sqs:us-east-1:1:other"
    ask = {
        "PolicyInputList": [text],
        "ActionNames": ["sqs:SendMessage", "sqs:DeleteQueue"],
        "ResourceArns": [mine, other],
    }
    found = results(iam.simulate_custom_policy(**ask))
    allowed = found["sqs:SendMessage", mine]
    assert allowed["EvalDecision"] == "allowed"
    (statement,) = allowed["MatchedStatements"]
    assert (statement["SourcePolicyId"], statement["StartPosition"]) == (
        "PolicyInputList.1",
        {"Line": 4, "Column": 5},
    )
    lines = text.split("\n")
    end = statement["EndPosition"]
    assert lines[end["Line"] - 1][: end["Column"] - 1].strip() == "}"
    assert found["sqs:SendMessage", other]["EvalDecision"] == "implicitDeny"
    assert found["sqs:DeleteQueue", mine]["MissingContextValues"] == ["aws:securetransport"]
    entry = {
        "ContextKeyName": "aws:SecureTransport",
        "ContextKeyType": "boolean",
        "ContextKeyValues": ["false"],
    }
    denied = results(iam.simulate_custom_policy(**ask, ContextEntries=[entry]))["sqs:DeleteQueue", mine]
    assert denied["EvalDecision"] == "explicitDeny" and denied["MissingContextValues"] == []
    keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"]
    assert keys == ["aws:SecureTransport"]


def test_boundaries_and_resource_policies_are_simulated(iam):
    wide, narrow = policy(allow("*")), policy(allow("sqs:*"))
    found = results(
        iam.simulate_custom_policy(
            PolicyInputList=[wide],
            PermissionsBoundaryPolicyInputList=[narrow],
            ActionNames=["sqs:SendMessage", "s3:GetObject"],
        )
    )
    detail = "PermissionsBoundaryDecisionDetail"
    assert found["sqs:SendMessage", "*"][detail] == {"AllowedByPermissionsBoundary": True}
    assert found["s3:GetObject", "*"]["EvalDecision"] == "implicitDeny"
    assert found["s3:GetObject", "*"][detail] == {"AllowedByPermissionsBoundary": False}
    queue, caller = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q", f"arn:aws:iam::{ACCOUNT}:user/x"
    grant = policy({**allow("sqs:SendMessage", resource=queue), "Principal": {"AWS": caller}})
    ask = {
        "PolicyInputList": [policy(allow("s3:*"))],
        "ActionNames": ["sqs:SendMessage"],
        "ResourceArns": [queue],
    }
    assert refused(iam.simulate_custom_policy, **ask, ResourcePolicy=grant)[0] == "InvalidInput"
    allowed = results(iam.simulate_custom_policy(**ask, ResourcePolicy=grant, CallerArn=caller))
    assert allowed["sqs:SendMessage", queue]["EvalDecision"] == "allowed"
    assert refused(iam.simulate_custom_policy, **{**ask, "PolicyInputList": ["{"]})[0] == "InvalidInput"


def test_a_principal_is_simulated_as_it_is(gureum, iam):
    ann, group = Person(gureum, policy(allow("sqs:*"))), unique("g")
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=ann.name)
    iam.put_group_policy(GroupName=group, PolicyName="gp", PolicyDocument=policy(deny("sqs:PurgeQueue")))
    ask = {"PolicySourceArn": ann.arn, "ActionNames": ["sqs:SendMessage", "sqs:PurgeQueue", "s3:GetObject"]}
    found = results(iam.simulate_principal_policy(**ask))
    assert [r["EvalDecision"] for r in found.values()] == ["allowed", "explicitDeny", "implicitDeny"]
    more = results(iam.simulate_principal_policy(**ask, PolicyInputList=[policy(allow("s3:*"))]))
    assert more["s3:GetObject", "*"]["EvalDecision"] == "allowed"
    gone = f"arn:aws:iam::{ACCOUNT}:user/{unique('none')}"
    assert (
        refused(iam.simulate_principal_policy, PolicySourceArn=gone, ActionNames=["a:b"])[0] == "NoSuchEntity"
    )


def test_what_was_last_accessed_comes_from_what_was_called(gureum, iam):
    ann = Person(gureum, policy(allow("sqs:*", "s3:Get*")))
    job = iam.generate_service_last_accessed_details(Arn=ann.arn)["JobId"]
    details = iam.get_service_last_accessed_details(JobId=job)
    assert details["JobStatus"] == "COMPLETED"
    found = {s["ServiceNamespace"]: s for s in details["ServicesLastAccessed"]}
    assert set(found) == {"sqs", "s3"} and found["sqs"]["TotalAuthenticatedEntities"] == 0
    began = time.time()
    ann.client("sqs").list_queues()
    job = iam.generate_service_last_accessed_details(Arn=ann.arn, Granularity="ACTION_LEVEL")["JobId"]
    found = {
        s["ServiceNamespace"]: s
        for s in iam.get_service_last_accessed_details(JobId=job)["ServicesLastAccessed"]
    }
    assert found["sqs"]["LastAuthenticatedEntity"] == ann.arn
    assert found["sqs"]["LastAuthenticated"].timestamp() >= int(began) - 1
    used = {a["ActionName"]: a for a in found["sqs"]["TrackedActionsLastAccessed"]}
    assert "LastAccessedTime" in used["ListQueues"] and "LastAccessedTime" not in used["CreateQueue"]
    assert "LastAuthenticated" not in found["s3"]
    entities = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="sqs")
    assert [e["EntityInfo"]["Name"] for e in entities["EntityDetailsList"]] == [ann.name]
    granting = iam.list_policies_granting_service_access(Arn=ann.arn, ServiceNamespaces=["sqs", "ec2"])
    by_service = {p["ServiceNamespace"]: p["Policies"] for p in granting["PoliciesGrantingServiceAccess"]}
    assert by_service["ec2"] == [] and by_service["sqs"][0]["PolicyName"] == "p0"
    assert refused(iam.get_service_last_accessed_details, JobId="0" * 36)[0] == "NoSuchEntity"


def test_an_alias_has_a_form(iam):
    for bad in ("Upper", "a--b", "ab-"):
        assert refused(iam.create_account_alias, AccountAlias=bad)[0] == "ValidationError"
    assert refused(iam.delete_account_alias, AccountAlias="not-there")[:2] == (
        "NoSuchEntity",
        "The Account Alias not-there cannot be found.",
    )


def test_tags_of_everything_else(gureum, iam):
    arn = iam.create_policy(PolicyName=unique("p"), PolicyDocument=policy(allow("s3:*")))["Policy"]["Arn"]
    profile, role = unique("ip"), unique("r")
    iam.create_instance_profile(InstanceProfileName=profile)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=NOBODY)
    serial = iam.create_virtual_mfa_device(VirtualMFADeviceName=unique("d"))["VirtualMFADevice"][
        "SerialNumber"
    ]
    for noun, ask in (
        ("policy", {"PolicyArn": arn}),
        ("instance_profile", {"InstanceProfileName": profile}),
        ("role", {"RoleName": role}),
        ("mfa_device", {"SerialNumber": serial}),
    ):
        tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
        getattr(iam, f"tag_{noun}")(**ask, Tags=tags)
        listing = getattr(iam, f"list_{noun}_tags")
        first = listing(**ask, MaxItems=1)
        assert first["IsTruncated"] and listing(**ask, Marker=first["Marker"])["Tags"] == tags[1:]
        getattr(iam, f"untag_{noun}")(**ask, TagKeys=["a"])
        assert listing(**ask)["Tags"] == tags[1:]
