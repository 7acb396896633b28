"""Services that take on a role, in the way that they do it: through the door, as themselves."""

import asyncio
import json
import threading

import pytest

from gureum.app import Cloud
from gureum.gateway.authorise import Denied
from gureum.kernel.faults import Fault
from gureum.kernel.principal import Principal, root_of, service_principal
from gureum.options import Options
from gureum.policy import Decision
from gureum.services.iam.identities import IamIdentities
from tests.services.iam.people import ACCOUNT, allow, policy, trust

TASKS = "ecs-tasks.amazonaws.com"


@pytest.fixture(scope="module")
def call(tmp_path_factory):
    """A cloud without a listener, and a way to call it as a principal, as `ctx.aws` does."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start():
        return Cloud(Options(data=tmp_path_factory.mktemp("cloud"), durability="write"), loop)

    cloud = asyncio.run_coroutine_threadsafe(start(), loop).result()

    def through(principal, service, operation, **params):
        return cloud.home.call(service, operation, params, principal, ACCOUNT, "us-east-1")

    through.cloud = cloud
    yield through
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    cloud.home.close()
    loop.close()


def role(call, name, document):
    root = root_of(ACCOUNT)
    made = call(root, "iam", "CreateRole", RoleName=name, AssumeRolePolicyDocument=document)
    call(
        root,
        "iam",
        "PutRolePolicy",
        RoleName=name,
        PolicyName="p",
        PolicyDocument=policy(allow("sqs:ListQueues")),
    )
    return made["Role"]["Arn"]


def test_a_service_takes_on_a_role_that_trusts_it(call):
    arn = role(call, "tasks", trust({"Service": TASKS}))
    answer = call(
        service_principal(TASKS, source_account=ACCOUNT),
        "sts",
        "AssumeRole",
        RoleArn=arn,
        RoleSessionName="task1",
    )
    found = answer["Credentials"]
    known = IamIdentities(call.cloud.home).credential(found["AccessKeyId"], found["SessionToken"])
    assert known.secret == found["SecretAccessKey"]
    assert known.principal.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/tasks/task1"
    call(known.principal, "sqs", "ListQueues")
    with pytest.raises(Fault) as caught:
        call(known.principal, "sqs", "CreateQueue", QueueName="x")
    assert caught.value.status == 403


def test_another_service_does_not(call):
    arn = role(call, "only-tasks", trust({"Service": TASKS}))
    with pytest.raises(Fault) as caught:
        call(
            service_principal("lambda.amazonaws.com", source_account=ACCOUNT),
            "sts",
            "AssumeRole",
            RoleArn=arn,
            RoleSessionName="fn",
        )
    assert (caught.value.code, caught.value.status) == ("AccessDenied", 403)


def test_a_role_can_ask_for_whom_the_service_acts(call):
    source = f"arn:aws:ecs:us-east-1:{ACCOUNT}:task/mine"
    arn = role(call, "for-one", trust({"Service": TASKS}, Condition={"ArnEquals": {"aws:SourceArn": source}}))
    ask = {"RoleArn": arn, "RoleSessionName": "task1"}
    for_other = service_principal(TASKS, source_arn=source + "2", source_account=ACCOUNT)
    with pytest.raises(Fault):
        call(for_other, "sts", "AssumeRole", **ask)
    for_mine = service_principal(TASKS, source_arn=source, source_account=ACCOUNT)
    assert call(for_mine, "sts", "AssumeRole", **ask)["Credentials"]


def test_a_sealed_refusal_is_read_by_those_who_may(call):
    caller = Principal(
        kind="user", account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:user/x", user_id="AIDAX", name="x"
    )
    decision = Decision(False, "identity", True, False, "p", 0, "no", "arn:aws:ec2:us-east-1:0:instance/i-1")
    text = Denied(decision, caller, "ec2:StopInstances", call.cloud.home.seal).encoded()
    told = json.loads(
        call(root_of(ACCOUNT), "sts", "DecodeAuthorizationMessage", EncodedMessage=text)["DecodedMessage"]
    )
    assert (told["allowed"], told["explicitDeny"]) == (False, True)
    assert told["context"]["principal"] == {"id": "AIDAX", "name": "x", "arn": caller.arn}
    assert (told["context"]["action"], told["context"]["resource"]) == (
        "ec2:StopInstances",
        decision.resource,
    )
    for bent in (text[:-8] + "AAAAAAAA", "nonsense", "é"):
        with pytest.raises(Fault) as caught:
            call(root_of(ACCOUNT), "sts", "DecodeAuthorizationMessage", EncodedMessage=bent)
        assert caught.value.code == "InvalidAuthorizationMessageException"
    with pytest.raises(Fault) as caught:
        call(caller, "sts", "DecodeAuthorizationMessage", EncodedMessage=text)
    assert caught.value.code == "AccessDenied"
