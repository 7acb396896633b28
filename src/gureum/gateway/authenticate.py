"""Who sends a request: the signature it carries, checked against the key it names."""

from __future__ import annotations

import hmac
from typing import NamedTuple

from gureum.gateway.sigv4 import Claim, Reason, Unproven, scope_of, signature_of, verify
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.identity import BadToken, Credential, ExpiredToken, Identities, UnknownKey
from gureum.kernel.message import Request
from gureum.kernel.principal import ANONYMOUS, Principal, root_of
from gureum.kernel.visit import SignedText

DEFAULT_ACCOUNT = "000000000000"
_UNKNOWN = "The security token included in the request is invalid."
_EXPIRED = "The security token included in the request is expired"
_CACHED = 10_000

_Codes = dict[Reason, tuple[str, int]]
_JSON: _Codes = {
    "missing": ("MissingAuthenticationTokenException", 403),
    "incomplete": ("IncompleteSignatureException", 403),
    "unknown": ("UnrecognizedClientException", 403),
    "token": ("UnrecognizedClientException", 403),
    "mismatch": ("InvalidSignatureException", 403),
    "skewed": ("InvalidSignatureException", 403),
    "expired": ("InvalidSignatureException", 403),
    "expired_token": ("ExpiredTokenException", 403),
    "payload": ("InvalidSignatureException", 403),
}
_QUERY: _Codes = {
    "missing": ("MissingAuthenticationToken", 403),
    "incomplete": ("IncompleteSignature", 403),
    "unknown": ("InvalidClientTokenId", 403),
    "token": ("InvalidClientTokenId", 403),
    "mismatch": ("SignatureDoesNotMatch", 403),
    "skewed": ("SignatureDoesNotMatch", 403),
    "expired": ("SignatureDoesNotMatch", 403),
    "expired_token": ("ExpiredToken", 403),
    "payload": ("SignatureDoesNotMatch", 403),
}
_EC2: _Codes = {
    **dict.fromkeys(_QUERY, ("AuthFailure", 401)),
    "missing": ("MissingAuthenticationToken", 403),
    "skewed": ("RequestExpired", 400),
    "expired": ("RequestExpired", 400),
    "expired_token": ("RequestExpired", 400),
}
_XML: _Codes = {
    "missing": ("AccessDenied", 403),
    "incomplete": ("AuthorizationHeaderMalformed", 400),
    "unknown": ("InvalidAccessKeyId", 403),
    "token": ("InvalidToken", 400),
    "mismatch": ("SignatureDoesNotMatch", 403),
    "skewed": ("RequestTimeTooSkewed", 403),
    "expired": ("AccessDenied", 403),
    "expired_token": ("ExpiredToken", 400),
    "payload": ("XAmzContentSHA256Mismatch", 400),
}
CODES = {"query": _QUERY, "ec2": _EC2, "rest-xml": _XML}
"""AWS's codes and statuses for each failure, by protocol; all the others answer as JSON does."""


class Session(NamedTuple):
    """A checked signature: who, and what it was made for."""

    principal: Principal
    region: str
    service: str


class Authenticator:
    """Checks signatures. In `open` mode any key is let in as the root of an account."""

    def __init__(self, home: Home, identities: Identities, *, enforced: bool) -> None:
        self._home = home
        self._identities = identities
        self._enforced = enforced
        self._known: dict[str, tuple[str, Credential]] = {}
        self._generation = -1

    def check(self, request: Request, found: Claim | None, service: str) -> Session:
        """Who sends this. Raises Unproven."""
        if found is None:
            return Session(ANONYMOUS, "", service)
        scope = found.scope
        credential = self._credential(scope.access_key, found.token)
        now = self._home.clock.now()
        if credential.expires and now >= credential.expires:
            raise Unproven("expired_token", _EXPIRED)
        if self._enforced:
            verify(request, found, credential.secret, now, s3=service in _SIGNED_AS_S3)
        return Session(credential.principal, scope.region, scope.service)

    def prove(self, signed: SignedText) -> Principal:
        """Who signed a text that a body carries. Raises Unproven."""
        scope = scope_of(signed.credential)
        credential = self._credential(scope.access_key, signed.token)
        if credential.expires and self._home.clock.now() >= credential.expires:
            raise Unproven("expired_token", _EXPIRED)
        expected = signature_of(credential.secret, scope, signed.text)
        if self._enforced and not hmac.compare_digest(expected.encode(), signed.signature.encode()):
            raise Unproven(
                "mismatch",
                "The request signature we calculated does not match the signature you provided. Check your key "
                "and signing method.",
            )
        return credential.principal

    def _credential(self, access_key: str, token: str) -> Credential:
        generation = self._home.store.generation("iam")
        if generation != self._generation:
            self._known.clear()
            self._generation = generation
        known = self._known.get(access_key)
        if known is not None and known[0] == token:
            return known[1]
        credential = self._look_up(access_key, token)
        if len(self._known) >= _CACHED:
            self._known.clear()
        self._known[access_key] = (token, credential)
        return credential

    def _look_up(self, access_key: str, token: str) -> Credential:
        try:
            return self._identities.credential(access_key, token)
        except UnknownKey:
            if not self._enforced:
                is_account = len(access_key) == 12 and access_key.isdigit()
                return Credential("", root_of(access_key if is_account else DEFAULT_ACCOUNT))
            raise Unproven("unknown", _UNKNOWN) from None
        except ExpiredToken:
            raise Unproven("expired_token", _EXPIRED) from None
        except BadToken:
            raise Unproven("token", _UNKNOWN) from None


_SIGNED_AS_S3 = frozenset({"s3", "s3-outposts", "s3-object-lambda", "s3express", "s3control"})


def fault(unproven: Unproven, protocol: str, *, s3: bool = False) -> Fault:
    """The refusal, in the words and with the status of a protocol."""
    codes = CODES.get("rest-xml" if s3 else protocol, _JSON)
    code, status = codes[unproven.reason]
    text = unproven.text
    if codes is _XML and unproven.reason == "unknown":
        text = "The AWS Access Key Id you provided does not exist in our records."
    if codes is _XML and unproven.reason == "token":
        text = "The provided token is malformed or otherwise invalid."
    if codes is _XML and unproven.reason == "expired_token":
        text = "The provided token has expired."
    if codes is _EC2 and code == "AuthFailure":
        text = "AWS was not able to validate the provided access credentials"
    return Fault(code, text, status=status)
