"""AWS's texts of a refusal: "Troubleshoot access denied error messages" of the IAM User Guide."""

import pytest

from gureum.policy import Decision

USER = "arn:aws:iam::123456789012:user/John"
GROUP = "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:*"


@pytest.mark.parametrize(
    ("layer", "explicit", "reason"),
    [
        ("scp", False, "because no service control policy allows the codedeploy:ListDeployments action"),
        ("scp", True, "with an explicit deny in a service control policy"),
        ("rcp", True, "with an explicit deny in a resource control policy"),
        ("endpoint", False, "because no VPC endpoint policy allows the codedeploy:ListDeployments action"),
        ("endpoint", True, "with an explicit deny in a VPC endpoint policy"),
        ("boundary", False, "because no permissions boundary allows the codedeploy:ListDeployments action"),
        ("boundary", True, "with an explicit deny in a permissions boundary"),
        ("session", False, "because no session policy allows the codedeploy:ListDeployments action"),
        ("session", True, "with an explicit deny in a session policy"),
        ("resource", False, "because no resource-based policy allows the codedeploy:ListDeployments action"),
        ("resource", True, "with an explicit deny in a resource-based policy"),
        ("trust", False, "because no role trust policy allows the codedeploy:ListDeployments action"),
        ("trust", True, "with an explicit deny in the role trust policy"),
        ("identity", False, "because no identity-based policy allows the codedeploy:ListDeployments action"),
        ("identity", True, "with an explicit deny in an identity-based policy"),
    ],
)
def test_each_layer_has_its_words(layer, explicit, reason):
    decision = Decision(False, layer, explicit, True, resource=GROUP)
    assert decision.message(USER, "codedeploy:ListDeployments") == (
        f"User: {USER} is not authorized to perform: codedeploy:ListDeployments on resource: {GROUP} {reason}"
    )


def test_an_action_without_a_resource_names_none():
    decision = Decision(False, "identity", False, True, resource="*")
    assert decision.message(USER, "codecommit:ListRepositories") == (
        f"User: {USER} is not authorized to perform: codecommit:ListRepositories "
        "because no identity-based policy allows the codecommit:ListRepositories action"
    )


def test_the_arn_of_the_denying_policy_on_request():
    # AWS Security Blog, "Enhanced access denied error messages with policy ARNs".
    policy = "arn:aws:organizations::987654321098:policy/o-qv5af4abcd/service_control_policy/p-2kgnabcd"
    roles = "arn:aws:iam::123456789012:role/*"
    decision = Decision(False, "scp", True, True, policy, 0, "", roles)
    assert decision.message("arn:aws:iam::123456789012:user/Matt", "iam:ListRoles", policy_arn=True) == (
        "User: arn:aws:iam::123456789012:user/Matt is not authorized to perform: iam:ListRoles on resource: "
        f"{roles} with an explicit deny in a service control policy: {policy}"
    )
    inline = Decision(False, "identity", True, True, "inline-name", 0, "", roles)
    assert (
        inline.because("iam:ListRoles", policy_arn=True)
        == "with an explicit deny in an identity-based policy"
    )
