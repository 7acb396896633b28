"""SAML by lxml and signxml: no entities, no network, and only what a signature covers is read."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from lxml import etree  # type: ignore[import-untyped]
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from gureum.engines.saml.port import Assertion, Fingerprint, Metadata, Unacceptable

_NAMES = {
    "md": "urn:oasis:names:tc:SAML:2.0:metadata",
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
_SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"


class Signed:
    """A `Saml` (see the port)."""

    def metadata(self, document: str) -> Metadata:
        root = _parse(document.encode())
        found = (
            root
            if root.tag == f"{{{_NAMES['md']}}}EntityDescriptor"
            else root.find(".//md:EntityDescriptor", _NAMES)
        )
        provider = found.find("md:IDPSSODescriptor", _NAMES) if found is not None else None
        if found is None or provider is None or not found.get("entityID"):
            raise Unacceptable("there is no EntityDescriptor with an entityID and an IDPSSODescriptor")
        certificates = tuple(
            _certificate(text.text or "")
            for key in provider.findall("md:KeyDescriptor", _NAMES)
            if key.get("use") in {None, "signing"}
            for text in key.findall(".//ds:X509Certificate", _NAMES)
        )
        if not certificates:
            raise Unacceptable("there is no signing certificate")
        return Metadata(found.get("entityID", ""), certificates, _time(found.get("validUntil")))

    def assertion(self, response: bytes, certificates: Sequence[bytes]) -> Assertion:
        root = _parse(response)
        if root.tag != f"{{{_NAMES['samlp']}}}Response":
            raise Unacceptable("it is not a Response")
        status = root.find("samlp:Status/samlp:StatusCode", _NAMES)
        if status is None or status.get("Value") != _SUCCESS:
            raise Unacceptable("its status is not success")
        signed = _verified(response, root, certificates)
        if signed.tag == root.tag:
            found = signed.findall("saml:Assertion", _NAMES)
        else:
            found = [signed] if signed.tag == f"{{{_NAMES['saml']}}}Assertion" else []
        if len(found) != 1:
            raise Unacceptable("the signature covers no single assertion")
        return _read(found[0])

    def fingerprint(self) -> Fingerprint:
        return Fingerprint("signxml", "healthy")

    def close(self) -> None:
        """It holds nothing."""


def _parse(document: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True)
    try:
        root = etree.fromstring(document, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unacceptable(f"it is not XML: {error}") from None
    if root.getroottree().docinfo.doctype:
        raise Unacceptable("it has a document type")
    return root


def _verified(response: bytes, root: Any, certificates: Sequence[bytes]) -> Any:
    """The element that a signature of one of these certificates covers, as that signature saw it."""
    assertions = len(root.findall(".//saml:Assertion", _NAMES))
    signatures = root.findall(".//ds:Signature", _NAMES)
    if assertions != 1 or not signatures:
        raise Unacceptable("it must hold one assertion and a signature")
    # A signature is its parent's own: anything else is a way to smuggle in an unsigned assertion.
    inner = root.find("saml:Assertion/ds:Signature", _NAMES)
    location = "./" if root.find("ds:Signature", _NAMES) is not None else "./saml:Assertion/"
    if location != "./" and inner is None:
        raise Unacceptable("neither the response nor its assertion is signed")
    config = SignatureConfiguration(location=location.replace("saml:", f"{{{_NAMES['saml']}}}"))
    for der in certificates:
        pem = x509.load_der_x509_certificate(der)
        try:
            result = XMLVerifier().verify(
                etree.fromstring(response, etree.XMLParser(resolve_entities=False, no_network=True)),
                x509_cert=pem,
                expect_config=config,
            )
        except (SignXMLException, InvalidSignature, ValueError):
            continue
        assert not isinstance(result, list)
        if result.signed_xml is not None:
            return result.signed_xml
    raise Unacceptable("its signature is not of any of the provider's certificates")


def _read(found: Any) -> Assertion:
    issuer, name = found.find("saml:Issuer", _NAMES), found.find("saml:Subject/saml:NameID", _NAMES)
    conditions = found.find("saml:Conditions", _NAMES)
    if issuer is None or name is None or conditions is None:
        raise Unacceptable("it lacks an issuer, a subject or conditions")
    confirmed = [
        data
        for one in found.findall("saml:Subject/saml:SubjectConfirmation", _NAMES)
        if one.get("Method") == _BEARER
        for data in one.findall("saml:SubjectConfirmationData", _NAMES)
    ]
    ends = [_time(element.get("NotOnOrAfter")) for element in (conditions, *confirmed)]
    statements = found.findall("saml:AuthnStatement", _NAMES)
    sessions = [_time(one.get("SessionNotOnOrAfter")) for one in statements]
    return Assertion(
        issuer=(issuer.text or "").strip(),
        subject=(name.text or "").strip(),
        subject_type=name.get("Format", ""),
        name_qualifier=name.get("NameQualifier", ""),
        audiences=tuple((a.text or "").strip() for a in conditions.findall(".//saml:Audience", _NAMES)),
        recipients=tuple(data.get("Recipient", "") for data in confirmed),
        not_before=_time(conditions.get("NotBefore")),
        expires=min((end for end in ends if end), default=0.0),
        session_expires=min((end for end in sessions if end), default=0.0),
        attributes={
            attribute.get("Name", ""): tuple(
                (value.text or "").strip() for value in attribute.findall("saml:AttributeValue", _NAMES)
            )
            for attribute in found.findall("saml:AttributeStatement/saml:Attribute", _NAMES)
        },
    )


def _certificate(text: str) -> bytes:
    try:
        der = base64.b64decode("".join(text.split()), validate=True)
        x509.load_der_x509_certificate(der)
    except (binascii.Error, ValueError):
        raise Unacceptable("a certificate does not read") from None
    return der


def _time(text: str | None) -> float:
    if not text:
        return 0.0
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Unacceptable(f"{text} is not a time") from None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
