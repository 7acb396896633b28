"""What CreateKey's key spec, usage and origin may be together.

Source: KMS API reference, CreateKey; KMS Developer Guide, "Key spec reference".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gureum.kernel.faults import Fault
from gureum.services.kms.crypto.errors import CryptoError
from gureum.services.kms.crypto.material import Secret, generate_bytes
from gureum.services.kms.crypto.pairs import KeyPair
from gureum.services.kms.crypto.specs import SYMMETRIC_DEFAULT, KeySpec, spec
from gureum.services.kms.keyring import refusal
from gureum.services.kms.records import Origin


def asked(req: Mapping[str, Any]) -> tuple[KeySpec, str, Origin]:
    """The spec, usage and origin of a CreateKey request. ValidationException, UnsupportedOperationException."""
    name = req.get("KeySpec") or req.get("CustomerMasterKeySpec") or SYMMETRIC_DEFAULT
    if req.get("KeySpec") and req.get("CustomerMasterKeySpec"):
        raise Fault(
            "ValidationException",
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. "
            "CustomerMasterKeySpec is deprecated.",
        )
    found = known(name)
    usage = req.get("KeyUsage")
    if usage is None:
        if name != SYMMETRIC_DEFAULT:
            raise Fault(
                "ValidationException",
                "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
            )
        usage = "ENCRYPT_DECRYPT"
    if usage not in found.usages:
        raise Fault("ValidationException", f"KeyUsage {usage} is not compatible with KeySpec {name}")
    origin = req.get("Origin") or "AWS_KMS"
    if origin in {"AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"} or req.get("CustomKeyStoreId") or req.get("XksKeyId"):
        raise Fault("UnsupportedOperationException", "Custom key stores are not supported.")
    if origin == "EXTERNAL" and found.kind in {"ml_dsa", "ml_kem", "edwards"}:
        raise Fault(
            "UnsupportedOperationException", f"KeySpec {name} does not support imported key material."
        )
    return found, usage, "EXTERNAL" if origin == "EXTERNAL" else "AWS_KMS"


def known(name: str) -> KeySpec:
    """The key spec of that name. UnsupportedOperationException."""
    try:
        return spec(name)
    except CryptoError as error:
        raise refusal(error) from None


def generate(found: KeySpec) -> Secret:
    """New material. Slow for RSA: never on the event loop."""
    return KeyPair.generate(found).export() if found.asymmetric else generate_bytes(found)
