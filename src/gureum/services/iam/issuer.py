"""The public pages of accounts' token issuers: their discovery documents and keys, for whoever verifies tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gureum.kernel import documents
from gureum.kernel.home import Home
from gureum.kernel.message import Request, Response
from gureum.kernel.records import kind_of
from gureum.kernel.store import rows_everywhere
from gureum.services.iam.records import Outbound

PREFIX = "/_tokens/"  # no bucket can be called so
KEY_IDS = {"RS256": "rsa", "ES384": "ec"}
_DISCOVERY = "/.well-known/openid-configuration"
_KEYS = "/.well-known/jwks.json"
_JSON = [("Content-Type", "application/json"), ("Cache-Control", "max-age=60")]


class Issuers:
    """Answers GET requests below `PREFIX`. Mounted at the front door."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def take(self, request: Request, answer: Callable[[Response], None]) -> bool:
        """Answer a request that is ours, and say whether it was."""
        if not request.path.startswith(PREFIX):
            return False
        name, _, _ = request.path.removeprefix(PREFIX).partition("/")
        page = request.path.removeprefix(PREFIX + name)
        found = self._find(name) if request.method == "GET" and page in {_DISCOVERY, _KEYS} else None
        if found is None:
            answer(Response(404, _JSON, b"{}"))
        else:
            shown = _about(found) if page == _DISCOVERY else {"keys": _keys(self._home, found)}
            answer(Response(200, _JSON, documents.write(shown).encode()))
        return True

    def _find(self, name: str) -> Outbound | None:
        for row in rows_everywhere(self._home.store, kind_of(Outbound), ("issuer_id", name)):
            if isinstance(row.record, Outbound) and row.record.enabled:
                return row.record
        return None


def _about(found: Outbound) -> dict[str, Any]:
    return {
        "issuer": found.issuer,
        "jwks_uri": f"{found.issuer}{_KEYS}",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(KEY_IDS),
    }


def _keys(home: Home, found: Outbound) -> list[dict[str, Any]]:
    from jwt.algorithms import ECAlgorithm, RSAAlgorithm  # a start need not pay for it

    one = RSAAlgorithm.to_jwk(private_key(home, found, "RS256").public_key(), as_dict=True)
    two = ECAlgorithm.to_jwk(private_key(home, found, "ES384").public_key(), as_dict=True)
    return [
        {**key, "kid": f"{found.issuer_id}-{KEY_IDS[name]}", "alg": name, "use": "sig"}
        for name, key in (("RS256", one), ("ES384", two))
    ]


def private_key(home: Home, found: Outbound, algorithm: str) -> Any:
    """The account's key for an algorithm."""
    from cryptography.hazmat.primitives import serialization

    sealed = found.rsa if algorithm == "RS256" else found.ec
    return serialization.load_der_private_key(home.seal.open(sealed, "iam outbound", found.issuer_id), None)
