"""AssumeRoleWithSAML, with assertions really signed by a provider of our own."""

import base64
import datetime

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml import XMLSigner

from tests.services.iam.people import ACCOUNT, allow, policy, refused, session, trust, unique

ACTION = "sts:AssumeRoleWithSAML"
AUDIENCE = "https://signin.aws.amazon.com/saml"
ATTRIBUTE = "https://aws.amazon.com/SAML/Attributes/"
NOW = datetime.datetime.now(datetime.UTC)


def stamp(minutes):
    return (NOW + datetime.timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


class Issuer:
    entity = "https://idp.example/saml"

    def __init__(self):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
        made = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        )
        made = made.serial_number(7).not_valid_before(NOW - datetime.timedelta(days=1))
        self.certificate = made.not_valid_after(NOW + datetime.timedelta(days=30)).sign(
            self.key, hashes.SHA256()
        )

    def pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    def metadata(self):
        body = "".join(self.pem().strip().splitlines()[1:-1])
        return (
            f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.entity}">'
            '<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
            '<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data>'
            f"<X509Certificate>{body}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
            '<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" '
            f'Location="{self.entity}"/></IDPSSODescriptor></EntityDescriptor>'
        )

    def response(
        self, role, provider, *, entity=None, audience=AUDIENCE, ends=5, whole=False, sign=True, **more
    ):
        attributes = {"Role": f"{role},{provider}", "RoleSessionName": "mary", **more}
        shown = "".join(
            f'<saml:Attribute Name="{ATTRIBUTE}{name}"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>'
            for name, value in attributes.items()
        )
        text = (
            '<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" '
            'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="r1" Version="2.0">'
            '<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>'
            f'<saml:Assertion ID="a1" Version="2.0" IssueInstant="{stamp(0)}"><saml:Issuer>{entity or self.entity}</saml:Issuer>'
            '<saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">mary@x</saml:NameID>'
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f'<saml:SubjectConfirmationData NotOnOrAfter="{stamp(ends)}" Recipient="{audience}"/></saml:SubjectConfirmation></saml:Subject>'
            f'<saml:Conditions NotBefore="{stamp(-5)}" NotOnOrAfter="{stamp(60)}"><saml:AudienceRestriction>'
            f"<saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
            f"<saml:AttributeStatement>{shown}</saml:AttributeStatement></saml:Assertion></samlp:Response>"
        )
        root = etree.fromstring(text)
        if sign:
            part = root if whole else root[-1]
            signed = XMLSigner().sign(
                part, key=self.key, cert=self.pem(), reference_uri="r1" if whole else "a1", id_attribute="ID"
            )
            if whole:
                root = signed
            else:
                root.replace(part, signed)
        return base64.b64encode(etree.tostring(root)).decode(), root


@pytest.fixture(scope="module")
def issuer():
    return Issuer()


@pytest.fixture(scope="module")
def provider(gureum, issuer):
    return gureum.client("iam").create_saml_provider(
        Name=unique("idp"), SAMLMetadataDocument=issuer.metadata()
    )["SAMLProviderArn"]


@pytest.fixture
def role(gureum, provider):
    iam, name = gureum.client("iam"), unique("saml")
    document = trust(
        {"Federated": provider},
        action=[ACTION, "sts:TagSession"],
        Condition={
            "StringEquals": {"saml:aud": AUDIENCE, "saml:sub": "mary@x", "saml:sub_type": "persistent"}
        },
    )
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    tagged = {"Condition": {"StringEquals": {"aws:PrincipalTag/team": "blue"}}}
    iam.put_role_policy(
        RoleName=name, PolicyName="p", PolicyDocument=policy(allow("sqs:ListQueues", **tagged))
    )
    return arn


@pytest.fixture
def call(gureum, role, provider):
    sts = gureum.client("sts", config=Config(signature_version=UNSIGNED))

    def assume(response, **more):
        encoded = response if isinstance(response, str) else response[0]
        return sts.assume_role_with_saml(
            **{"RoleArn": role, "PrincipalArn": provider, "SAMLAssertion": encoded, **more}
        )

    return assume


@pytest.mark.parametrize("whole", [False, True])
def test_a_signed_assertion_is_good_for_a_session(gureum, issuer, role, provider, call, whole):
    more = {"PrincipalTag:team": "blue", "SessionDuration": "1800"}
    answer = call(issuer.response(role, provider, whole=whole, **more))
    assert (answer["Subject"], answer["SubjectType"]) == ("mary@x", "persistent")
    assert (answer["Issuer"], answer["Audience"]) == (issuer.entity, AUDIENCE)
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.UTC)
    assert 1700 < left.total_seconds() <= 1800
    client = session(gureum, answer)
    name = role.rpartition("/")[2]
    assert client("sts").get_caller_identity()["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/mary"
    client("sqs").list_queues()


def test_assertions_that_are_refused(issuer, role, provider, call):
    make = issuer.response
    for response in (
        make(role, provider, sign=False),
        Issuer().response(role, provider),
        make(role, provider, entity="https://else.example"),
        make(role, provider, audience="https://else.example"),
    ):
        assert refused(call, response=response)[::2] == ("InvalidIdentityToken", 400)
    assert refused(call, response=make(role, provider, ends=-1))[::2] == ("ExpiredTokenException", 400)
    other = f"arn:aws:iam::{ACCOUNT}:role/other"
    assert refused(call, response=make(other, provider)) == (
        "AccessDenied",
        f"Not authorized to perform {ACTION}",
        403,
    )
    assert refused(call, response="AAAA")[0] == "InvalidIdentityToken"
    bomb = base64.b64encode(b'<!DOCTYPE r [<!ENTITY a "x">]><r>&a;</r>').decode()
    assert refused(call, response=bomb)[0] == "InvalidIdentityToken"


def test_an_altered_or_wrapped_assertion_is_refused(issuer, role, provider, call):
    _, root = issuer.response(role, provider)
    text = etree.tostring(root).decode()
    altered = text.replace("mary@x", "root@x")
    assert altered != text
    assert refused(call, response=base64.b64encode(altered.encode()).decode())[0] == "InvalidIdentityToken"
    # An unsigned assertion beside the signed one must not be the one that is read.
    forged = etree.fromstring(text)
    evil = etree.fromstring(
        etree.tostring(forged[-1]).replace(b"mary@x", b"root@x").replace(b'"a1"', b'"a2"')
    )
    for signature in evil.findall("{http://www.w3.org/2000/09/xmldsig#}Signature"):
        evil.remove(signature)
    forged.insert(1, evil)
    assert (
        refused(call, response=base64.b64encode(etree.tostring(forged)).decode())[0] == "InvalidIdentityToken"
    )


def test_tags_need_the_trust_policys_leave(gureum, issuer, provider, call):
    iam, name = gureum.client("iam"), unique("saml")
    arn = iam.create_role(
        RoleName=name, AssumeRolePolicyDocument=trust({"Federated": provider}, action=ACTION)
    )["Role"]["Arn"]
    assert call(issuer.response(arn, provider), RoleArn=arn)["Credentials"]
    tagged = issuer.response(arn, provider, **{"PrincipalTag:team": "blue"})
    assert refused(call, response=tagged, RoleArn=arn)[1] == "Not authorized to perform sts:TagSession"


def test_providers_are_read_when_they_are_made(gureum, issuer):
    iam, name = gureum.client("iam"), unique("idp")
    bad = issuer.metadata().replace("IDPSSODescriptor", "SPSSODescriptor")
    assert refused(iam.create_saml_provider, Name=name, SAMLMetadataDocument=bad.ljust(1000))[::2] == (
        "InvalidInput",
        400,
    )
    arn = iam.create_saml_provider(Name=name, SAMLMetadataDocument=issuer.metadata())["SAMLProviderArn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:saml-provider/{name}"
    assert iam.get_saml_provider(SAMLProviderArn=arn)["SAMLMetadataDocument"] == issuer.metadata()
    assert arn in [p["Arn"] for p in iam.list_saml_providers()["SAMLProviderList"]]
    iam.update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=Issuer().metadata())
    iam.tag_saml_provider(SAMLProviderArn=arn, Tags=[{"Key": "k", "Value": "v"}])
    assert iam.list_saml_provider_tags(SAMLProviderArn=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    iam.delete_saml_provider(SAMLProviderArn=arn)
    assert refused(iam.get_saml_provider, SAMLProviderArn=arn)[0] == "NoSuchEntity"
