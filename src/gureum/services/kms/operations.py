"""KMS at the front door."""

from __future__ import annotations

from gureum.kernel.operations import Operations, spell

# Payloads, signatures and tokens stay out of the trail (CloudTrail's examples in the KMS Developer Guide).
ops = Operations(
    "kms",
    bad_token="InvalidMarkerException",  # noqa: S106  (an error code)
    hidden=frozenset(
        {
            "CiphertextBlob",
            "EncryptedKeyMaterial",
            "ImportToken",
            "Mac",
            "Message",
            "Plaintext",
            "PrivateKeyCiphertextBlob",
            "PrivateKeyPlaintext",
            "PublicKey",
            "SharedSecret",
            "SharedSecretCiphertextBlob",
            "Signature",
        }
    ),
)

CRYPTOGRAPHIC = frozenset(
    {
        "Decapsulate",
        "Decrypt",
        "DeriveSharedSecret",
        "Encapsulate",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyPair",
        "GenerateDataKeyPairWithoutPlaintext",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "ReEncrypt",
        "Sign",
        "Verify",
        "VerifyMac",
    }
)

spell("ReEncrypt")
