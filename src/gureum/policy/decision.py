"""What was decided, by which policy, and AWS's words for a refusal.

Source: IAM User Guide, "Troubleshoot access denied error messages" (the message forms), and the AWS Security
Blog, "Enhanced access denied error messages with policy ARNs".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layer = Literal[
    "identity", "resource", "trust", "session", "boundary", "scp", "rcp", "endpoint", "account-root"
]

_POLICY = {
    "identity": "identity-based policy",
    "resource": "resource-based policy",
    "trust": "role trust policy",
    "session": "session policy",
    "boundary": "permissions boundary",
    "scp": "service control policy",
    "rcp": "resource control policy",
    "endpoint": "VPC endpoint policy",
}
_ARTICLE = {"identity": "an", "trust": "the"}


@dataclass(slots=True, frozen=True)
class Decision:
    """The outcome of an evaluation.

    - `layer`: whose policy decided. `account-root` is the root user's own right to everything in its account.
    - `explicit`: a statement said so; False for a refusal because no statement allows.
    - `policy`, `statement`, `sid`: the deciding policy's name, and the statement's index and Sid.
    - `resource`: for a refusal the ARN that was refused.
    - `cacheable`: no condition key or policy variable had a say, so the same principal, action and resources
      get the same decision for as long as the policies stay.
    """

    allowed: bool
    layer: Layer
    explicit: bool
    cacheable: bool
    policy: str = ""
    statement: int | None = None
    sid: str = ""
    resource: str = ""

    def message(self, user: str, action: str, *, policy_arn: bool = False) -> str:
        """AWS's text of this refusal for a caller's ARN and an action, such as `sqs:SendMessage`.

        The resource is left out where the action has none (`*`). `policy_arn=True` adds the ARN of the policy
        that denies, which AWS tells to callers of the same account or organization.
        """
        about = "" if self.resource in ("", "*") else f" on resource: {self.resource}"
        return (
            f"User: {user} is not authorized to perform: {action}{about} {self.because(action, policy_arn)}"
        )

    def because(self, action: str, policy_arn: bool = False) -> str:
        """The reason alone, from "because" or "with" on."""
        policy = _POLICY.get(self.layer, self.layer)
        if not self.explicit:
            return f"because no {policy} allows the {action} action"
        told = f": {self.policy}" if policy_arn and self.policy.startswith("arn:") else ""
        return f"with an explicit deny in {_ARTICLE.get(self.layer, 'a')} {policy}{told}"
