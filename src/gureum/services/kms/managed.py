"""AWS managed keys: `alias/aws/s3` and its like, made when a service first needs one.

Source: KMS Developer Guide, "AWS managed keys" and "Key policies for AWS managed keys"; DescribeKey makes the
key of a predefined alias too (KMS API reference).
"""

from __future__ import annotations

from typing import Any

from gureum.kernel import documents, ids
from gureum.kernel.faults import Conflict
from gureum.kernel.home import Home
from gureum.kernel.principal import Principal, root_of
from gureum.kernel.records import kind_of
from gureum.kernel.store import Table, Work
from gureum.services.kms.crypto.material import generate_bytes
from gureum.services.kms.crypto.specs import SPECS
from gureum.services.kms.keyring import Keyring
from gureum.services.kms.records import Alias, Key

DAY = 86_400.0
YEAR_DAYS = 365
# The alias's last part and the service through which the key may be used, where that has another name.
_NAMES = (
    "acm backup cloud9 codeartifact codecommit connect dms dynamodb elasticfilesystem es fsx glue kafka kinesis "
    "kinesisvideo lambda lightsail rds redshift s3 secretsmanager sns sqs ssm workspaces xray"
)
_SERVICES = {name: name for name in _NAMES.split(" ")} | {"ebs": "ec2"}


def may_make(principal: Principal, action: str) -> bool:
    """Whether this call is a first use: by a service, through one, or the look at a predefined alias."""
    if not principal.account:
        return False
    return principal.kind == "service" or bool(principal.invoked_by) or action == "kms:DescribeKey"


def make(home: Home, account: str, region: str, name: str) -> None:
    """The key of a predefined alias. Nothing for a name that is none."""
    service = name.removeprefix("alias/aws/")
    if service == name or service not in _SERVICES:
        return
    now = home.clock.now()
    key_id = ids.uuid()
    work = Work()
    aliases: Table[Alias] = Table(home.store, work, kind_of(Alias), account, region)
    keys: Table[Key] = Table(home.store, work, kind_of(Key), account, region)
    if aliases.get(name) is not None:
        return
    aliases.put(Alias(name=name, key=key_id, created=now, updated=now))
    arn = keys.kind.arn(account, region, {"id": key_id})
    material = home.part(Keyring).seal(arn, generate_bytes(SPECS["SYMMETRIC_DEFAULT"]))
    keys.put(
        Key(
            id=key_id,
            created=now,
            policy=_policy(service, account, region),
            description=_description(service),
            materials=(material,),
            manager="AWS",
            rotate_days=YEAR_DAYS,
            rotate_at=now + YEAR_DAYS * DAY,
        )
    )
    try:
        home.store.commit(work)
    except Conflict:  # another call has made it meanwhile
        return


def _description(service: str) -> str:
    use = "when no other key is defined" if service not in {"s3", "ebs", "rds"} else "by default"
    return f"Default key that protects my {service.upper()} data {use}"


def _policy(service: str, account: str, region: str) -> str:
    statement: list[dict[str, Any]] = [
        {
            "Sid": f"Allow access through {service} for all principals in the account that are authorized to use it",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:CreateGrant",
                "kms:DescribeKey",
            ],
            "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "kms:CallerAccount": account,
                    "kms:ViaService": f"{_SERVICES[service]}.{region}.amazonaws.com",
                }
            },
        },
        {
            "Sid": "Allow direct access to key metadata to the account",
            "Effect": "Allow",
            "Principal": {"AWS": root_of(account).arn},
            "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
            "Resource": "*",
        },
    ]
    document = {"Version": "2012-10-17", "Id": f"auto-{service}-1", "Statement": statement}
    return documents.write(document)
