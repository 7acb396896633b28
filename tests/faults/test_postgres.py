"""Several gateways on one PostgreSQL, and PostgreSQL gone for a while."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.kernel.conftest import postgres, postgres_server  # noqa: F401  (the tests' own server)


def test_what_one_gateway_commits_another_knows(gureum_cloud, tmp_path, postgres):  # noqa: F811
    one = gureum_cloud(store=postgres)
    one.client("iam").create_user(UserName="shared")
    # Gateways of one cloud share the root key; the records are nothing without it.
    second = tmp_path / "second"
    second.mkdir(mode=0o700)
    tmp_path.chmod(0o700)
    for name in ("root.key", "root-credentials.json"):
        shutil.copy(one.data / name, second / name)
    two = gureum_cloud(store=postgres, data=second)
    iam = two.client("iam")
    assert iam.get_user(UserName="shared")["User"]["UserName"] == "shared"
    key = iam.create_access_key(UserName="shared")["AccessKey"]
    who = one.client(
        "sts", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
    )
    assert who.get_caller_identity()["Arn"].endswith("user/shared")
    iam.update_access_key(UserName="shared", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    time.sleep(0.5)
    with pytest.raises(ClientError):
        who.get_caller_identity()


def test_the_database_may_go_and_come_back(gureum_cloud, postgres, postgres_server):  # noqa: F811
    cloud = gureum_cloud(store=postgres)
    iam = cloud.client("iam")
    iam.create_user(UserName="before")
    folder = Path(postgres_server.partition("host=")[2])
    control = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1] / "pg_ctl"
    user = "postgres" if folder.owner() == "postgres" else None
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    quiet = {"user": user, "check": True, "stdout": subprocess.DEVNULL, "cwd": folder}
    subprocess.run([control, "-D", folder / "data", "-m", "immediate", "stop"], **quiet)
    try:
        with pytest.raises(ClientError) as away:
            iam.create_user(UserName="meanwhile")
        assert away.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    finally:
        subprocess.run(
            [control, "-D", folder / "data", "-w", "-l", folder / "log", "-o", options, "start"], **quiet
        )
    deadline = time.monotonic() + 20
    while True:
        try:
            iam.create_user(UserName="after")
            break
        except ClientError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    assert {user["UserName"] for user in iam.list_users()["Users"]} == {"before", "after"}
