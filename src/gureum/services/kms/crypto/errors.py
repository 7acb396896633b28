"""What KMS's cryptography refuses, each with the error code that KMS answers.

The codes are those of the KMS API reference. KMS gives several of them no message at all, so that the answer
tells an attacker nothing; those have the empty string here.
"""

from __future__ import annotations

from typing import ClassVar


class CryptoError(Exception):
    """A refusal. `code` is KMS's error code, `message` the caller's text; it never holds key material."""

    code: ClassVar[str] = "KMSInternalException"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class InvalidCiphertext(CryptoError):
    """The ciphertext, its encryption context or the wrapped key material is corrupted or not ours."""

    code = "InvalidCiphertextException"


class IncorrectKey(CryptoError):
    """The named key is not the one that made the ciphertext."""

    code = "IncorrectKeyException"

    def __init__(self) -> None:
        super().__init__("The key ID in the request does not identify a CMK that can perform this operation.")


class InvalidKeyUsage(CryptoError):
    """The key's usage or spec does not go with the operation or algorithm."""

    code = "InvalidKeyUsageException"


class InvalidSignature(CryptoError):
    """The signature is not of this message by this key and algorithm."""

    code = "KMSInvalidSignatureException"


class InvalidMac(CryptoError):
    """The MAC is not of this message by this key and algorithm."""

    code = "KMSInvalidMacException"


class IncorrectKeyMaterial(CryptoError):
    """Imported key material that does not fit the key."""

    code = "IncorrectKeyMaterialException"


class InvalidImportToken(CryptoError):
    """An import token that we did not give, or gave for another key."""

    code = "InvalidImportTokenException"


class ExpiredImportToken(CryptoError):
    """An import token older than a day."""

    code = "ExpiredImportTokenException"


class InvalidGrantToken(CryptoError):
    """A grant token that we did not give."""

    code = "InvalidGrantTokenException"


class UnsupportedOperation(CryptoError):
    """A spec or algorithm that does not exist here, or not for this kind of key."""

    code = "UnsupportedOperationException"


class InvalidParameter(CryptoError):
    """A well-formed value that the algorithm cannot take (too long, wrong length)."""

    code = "ValidationException"
