"""AssumeRoleWithWebIdentity, with a provider of our own on loopback whose keys are really fetched."""

import http.server
import json
import threading
import time
import urllib.error
import urllib.request

import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.services.iam.people import ACCOUNT, allow, policy, refused, session, trust, unique

ACTION = "sts:AssumeRoleWithWebIdentity"


class Issuer:
    """An OpenID Connect provider: discovery document, keys, and tokens."""

    def __init__(self):
        self.rsa = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec = ec.generate_private_key(ec.SECP256R1())
        issuer = self

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                known = {
                    "/.well-known/openid-configuration": {
                        "issuer": issuer.url,
                        "jwks_uri": f"{issuer.url}/keys",
                    },
                    "/keys": issuer.keys(),
                }
                body = json.dumps(known.get(self.path, {})).encode()
                self.send_response(200 if self.path in known else 404)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def keys(self):
        return {
            "keys": [
                {**RSAAlgorithm.to_jwk(self.rsa.public_key(), as_dict=True), "kid": "r", "alg": "RS256"},
                {**ECAlgorithm.to_jwk(self.ec.public_key(), as_dict=True), "kid": "e", "alg": "ES256"},
            ]
        }

    def token(self, key=None, algorithm="RS256", kid="r", **changes):
        now = int(time.time())
        claims = {"iss": self.url, "aud": "app", "sub": "repo:me", "iat": now, "exp": now + 300, **changes}
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(
            claims, key or (self.rsa if kid == "r" else self.ec), algorithm, headers={"kid": kid}
        )


@pytest.fixture(scope="module")
def issuer():
    made = Issuer()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(scope="module")
def provider(gureum, issuer):
    iam = gureum.client("iam")
    return iam.create_open_id_connect_provider(Url=issuer.url, ClientIDList=["app"])[
        "OpenIDConnectProviderArn"
    ]


@pytest.fixture
def role(gureum, provider, issuer):
    iam, name = gureum.client("iam"), unique("web")
    sub = {"StringEquals": {f"{issuer.url.partition('://')[2]}:sub": "repo:me"}}
    document = trust({"Federated": provider}, action=[ACTION, "sts:TagSession"], Condition=sub)
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    tagged = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}}
    text = policy(allow("sqs:ListQueues"), allow("iam:ListUsers", **tagged))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=text)
    return arn


@pytest.fixture
def call(gureum, role):
    sts = gureum.client("sts", config=Config(signature_version=UNSIGNED))

    def assume(token, **more):
        return sts.assume_role_with_web_identity(
            **{"RoleArn": role, "RoleSessionName": "ci", "WebIdentityToken": token, **more}
        )

    return assume


def test_a_good_token_is_good_for_a_session(gureum, issuer, provider, role, call):
    answer = call(issuer.token())
    assert answer["SubjectFromWebIdentityToken"] == "repo:me"
    assert (answer["Audience"], answer["Provider"]) == ("app", provider)
    client = session(gureum, answer)
    name = role.rpartition("/")[2]
    assert client("sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/ci"
    client("sqs").list_queues()
    assert refused(client("iam").list_users)[0] == "AccessDenied"
    assert call(issuer.token(algorithm="ES256", kid="e"))["Credentials"]


def test_tags_in_the_token_are_session_tags(gureum, issuer, call):
    tags = {"principal_tags": {"team": ["blue"]}, "transitive_tag_keys": ["team"]}
    session(gureum, call(issuer.token(**{"https://aws.amazon.com/tags": tags})))("iam").list_users()


def test_the_trust_policy_is_asked(issuer, call):
    assert refused(call, token=issuer.token(sub="repo:other")) == (
        "AccessDenied",
        f"Not authorized to perform {ACTION}",
        403,
    )
    gone = f"arn:aws:iam::{ACCOUNT}:role/{unique('none')}"
    assert refused(call, token=issuer.token(), RoleArn=gone)[1] == f"Not authorized to perform {ACTION}"


def test_tokens_that_are_refused(issuer, call):
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert refused(call, token=issuer.token(key=stranger))[::2] == ("InvalidIdentityToken", 400)
    assert (
        refused(call, token=issuer.token(kid="r", key=issuer.ec, algorithm="ES256"))[0]
        == "InvalidIdentityToken"
    )
    assert refused(call, token=issuer.token(aud="other")) == (
        "InvalidIdentityToken",
        "Incorrect token audience",
        400,
    )
    assert refused(call, token=issuer.token(exp=int(time.time()) - 5))[::2] == ("ExpiredTokenException", 400)
    assert refused(call, token=issuer.token(exp=None))[0] == "InvalidIdentityToken"
    assert refused(call, token="not.a.token")[1].startswith("The ID Token provided is not a valid JWT.")
    assert refused(call, token=issuer.token(iss="https://else.example")) == (
        "InvalidIdentityToken",
        "No OpenIDConnect provider found in your account for https://else.example",
        400,
    )
    secret = jwt.encode(
        {"iss": issuer.url, "aud": "app", "sub": "repo:me", "exp": time.time() + 60}, "x" * 32, "HS256"
    )
    assert refused(call, token=secret)[0] == "InvalidIdentityToken"
    head, body, _ = issuer.token().split(".")
    assert refused(call, token=f"{head}.{body}.")[0] == "InvalidIdentityToken"
    none = jwt.encode(
        {"iss": issuer.url, "aud": "app", "sub": "repo:me", "exp": time.time() + 60}, None, "none"
    )
    assert refused(call, token=none)[0] == "InvalidIdentityToken"


def test_a_provider_that_does_not_answer(gureum):
    iam = gureum.client("iam")
    url = "http://127.0.0.1:9"
    provider = iam.create_open_id_connect_provider(Url=url, ClientIDList=["app"])["OpenIDConnectProviderArn"]
    name = unique("web")
    arn = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=trust({"Federated": provider}, action=ACTION)
    )["Role"]["Arn"]
    token = jwt.encode({"iss": url, "aud": "app", "sub": "x", "exp": time.time() + 60}, "x" * 32, "HS256")
    sts = gureum.client("sts", config=Config(signature_version=UNSIGNED))
    assert refused(
        sts.assume_role_with_web_identity, RoleArn=arn, RoleSessionName="ci", WebIdentityToken=token
    )[::2] == ("IDPCommunicationError", 400)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=provider)


def test_providers_are_kept_as_they_are_set(gureum):
    iam = gureum.client("iam")
    host = f"{unique('idp')}.example/path"
    arn = iam.create_open_id_connect_provider(
        Url=f"https://{host}", ClientIDList=["a"], ThumbprintList=["0" * 40]
    )["OpenIDConnectProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"
    assert refused(iam.create_open_id_connect_provider, Url=f"https://{host}")[0] == "EntityAlreadyExists"
    assert refused(iam.create_open_id_connect_provider, Url="http://far.example")[0] == "ValidationError"
    iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=arn, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(OpenIDConnectProviderArn=arn, ThumbprintList=["a" * 40])
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert (found["Url"], found["ClientIDList"], found["ThumbprintList"]) == (host, ["b"], ["a" * 40])
    iam.tag_open_id_connect_provider(OpenIDConnectProviderArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    assert iam.list_open_id_connect_provider_tags(OpenIDConnectProviderArn=arn)["Tags"] == [
        {"Key": "k", "Value": "v"}
    ]
    assert arn in [p["Arn"] for p in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert refused(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=arn)[0] == "NoSuchEntity"


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_tokens_of_our_own_are_verified_by_what_we_publish(gureum_cloud, algorithm):
    cloud = gureum_cloud()
    iam, sts = cloud.client("iam"), cloud.client("sts")
    ask = {"Audience": ["outside"], "SigningAlgorithm": algorithm}
    assert refused(sts.get_web_identity_token, **ask)[::2] == (
        "OutboundWebIdentityFederationDisabledException",
        403,
    )
    assert refused(iam.get_outbound_web_identity_federation_info)[::2] == ("FeatureDisabled", 404)
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert refused(iam.enable_outbound_web_identity_federation)[::2] == ("FeatureEnabled", 409)
    tags = [{"Key": "build", "Value": "7"}]
    token = sts.get_web_identity_token(**ask, DurationSeconds=60, Tags=tags)["WebIdentityToken"]
    about = json.loads(urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration").read())
    key = jwt.PyJWKClient(about["jwks_uri"]).get_signing_key_from_jwt(token).key
    claims = jwt.decode(token, key, algorithms=[algorithm], audience="outside", issuer=issuer)
    assert claims["sub"] == f"arn:aws:iam::{ACCOUNT}:root" and claims["exp"] - claims["iat"] == 60
    assert claims["https://sts.amazonaws.com/"]["request_tags"] == {"build": "7"}
    provider = iam.create_open_id_connect_provider(Url=issuer, ClientIDList=["outside"])[
        "OpenIDConnectProviderArn"
    ]
    document = trust({"Federated": provider}, action=ACTION)
    arn = iam.create_role(RoleName="back", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    open_to_all = cloud.client("sts", config=Config(signature_version=UNSIGNED))
    back = open_to_all.assume_role_with_web_identity(
        RoleArn=arn, RoleSessionName="ci", WebIdentityToken=token
    )
    assert back["SubjectFromWebIdentityToken"] == claims["sub"]
    iam.disable_outbound_web_identity_federation()
    assert refused(sts.get_web_identity_token, **ask)[0] == "OutboundWebIdentityFederationDisabledException"
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(about["jwks_uri"])
