"""Encrypt, Decrypt and ReEncrypt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.kernel.home import Home
from gureum.kernel.operations import Target
from gureum.kernel.principal import Principal
from gureum.kernel.records import kind_of
from gureum.services.kms import finding, states, using
from gureum.services.kms.crypto import asymmetric
from gureum.services.kms.crypto.errors import CryptoError, IncorrectKey, InvalidCiphertext
from gureum.services.kms.crypto.symmetric import read_header
from gureum.services.kms.facts import Facts
from gureum.services.kms.keyring import Keyring, backing, material_of, pair, refusal
from gureum.services.kms.operations import ops
from gureum.services.kms.records import Key

if TYPE_CHECKING:
    from gureum.api import kms as api

SYMMETRIC = "SYMMETRIC_DEFAULT"
ENCRYPT_DECRYPT = "ENCRYPT_DECRYPT"


@ops.inline
@ops.on(Key, "KeyId", "GrantTokens", look=finding.any_key("Encrypt"), keys=Facts, read_only=True)
def encrypt(ctx: Context, req: api.EncryptRequest) -> api.EncryptResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Encrypt.html"""
    key, arn = using.begin(ctx, req, ENCRYPT_DECRYPT)
    algorithm = req.get("EncryptionAlgorithm") or SYMMETRIC
    using.algorithm_of(key, algorithm)
    using.dry(req)
    blob = sealed(ctx, key, arn, algorithm, req["Plaintext"], req.get("EncryptionContext"))
    return {"CiphertextBlob": blob, "KeyId": arn, "EncryptionAlgorithm": algorithm}  # type: ignore[typeddict-item]


def sealed(
    ctx: Context,
    key: Key,
    arn: str,
    algorithm: str,
    plaintext: bytes,
    context: Mapping[str, str] | None,
) -> bytes:
    """The ciphertext of `plaintext` under the key's current material."""
    if algorithm == SYMMETRIC:
        return backing(ctx, key, arn).encrypt(plaintext, context)
    _no_context(context)
    return using.attempt(asymmetric.encrypt, pair(ctx, key, arn), algorithm, plaintext)


def _no_context(context: Mapping[str, str] | None) -> None:
    if context:
        raise Fault("ValidationException", "EncryptionContext is not supported with asymmetric KMS keys.")


@ops.inline
@ops.on(Key, "KeyId", "GrantTokens", look=finding.ciphertext("Decrypt"), keys=Facts, read_only=True)
def decrypt(ctx: Context, req: api.DecryptRequest) -> Any:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html"""
    key, arn = using.begin(ctx, req, ENCRYPT_DECRYPT)
    algorithm = req.get("EncryptionAlgorithm") or SYMMETRIC
    blob = _blob(req)
    if blob is None:
        using.algorithm_of(key, algorithm)
        return using.dry(req)
    if algorithm != SYMMETRIC:
        _no_context(req.get("EncryptionContext"))
        return _decrypt_later(ctx, req, key, arn, algorithm, blob)
    plaintext, name = opened(ctx, key, arn, blob, req.get("EncryptionContext"))
    using.dry(req)
    return {"KeyId": arn, "Plaintext": plaintext, "EncryptionAlgorithm": algorithm, "KeyMaterialId": name}


def _blob(req: Mapping[str, Any]) -> bytes | None:
    """The ciphertext; None for a dry run that leaves it out (DryRunModifiers)."""
    if req.get("DryRun") and "IGNORE_CIPHERTEXT" in (req.get("DryRunModifiers") or ()):
        return None
    blob: bytes | None = req.get("CiphertextBlob")
    if blob is None:
        raise Fault("ValidationException", "CiphertextBlob is required.")
    return blob


async def _decrypt_later(
    ctx: Context, req: Mapping[str, Any], key: Key, arn: str, algorithm: str, blob: bytes
) -> dict[str, Any]:
    # RSA takes milliseconds: not on the event loop.
    plaintext = await ctx.home.loop.run_in_executor(
        ctx.home.pool, opened_by_pair, ctx, key, arn, algorithm, blob
    )
    using.dry(req)
    return {"KeyId": arn, "Plaintext": plaintext, "EncryptionAlgorithm": algorithm}


def opened_by_pair(ctx: Context, key: Key, arn: str, algorithm: str, blob: bytes) -> bytes:
    """The plaintext of an RSA ciphertext."""
    using.algorithm_of(key, algorithm)
    return using.attempt(asymmetric.decrypt, pair(ctx, key, arn), algorithm, blob)


def opened(
    ctx: Context, key: Key, arn: str, blob: bytes, context: Mapping[str, str] | None
) -> tuple[bytes, str]:
    """The plaintext of a symmetric ciphertext, and the id of the material that opened it.

    InvalidCiphertextException, IncorrectKeyException.
    """
    try:
        header = read_header(blob)
        if header.key_arn != arn and not _related(header.key_arn, key, arn):
            raise IncorrectKey
        material = material_of(key, header.material_id)
        if material is None:
            raise InvalidCiphertext
        return ctx.part(Keyring).backing(key, arn, material).decrypt(blob, context), material.id
    except CryptoError as error:
        raise refusal(error) from None


def _related(named: str, key: Key, arn: str) -> bool:
    """Whether an ARN is that of this multi-Region key in another Region."""
    if not key.primary:
        return False
    kind = kind_of(Key)
    place, mine = kind.parse(named), kind.parse(arn)
    return place is not None and mine is not None and (place.account, place.key) == (mine.account, mine.key)


def _both(home: Home, principal: Principal, region: str, req: Mapping[str, Any]) -> Sequence[Target]:
    return (
        finding.opening(home, principal, region, req, "kms:ReEncryptFrom", "SourceKeyId"),
        finding.named(home, principal, region, req["DestinationKeyId"], "kms:ReEncryptTo"),
    )


def _both_facts(ctx: Context, req: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    return (
        Facts(ctx, req, req.get("SourceEncryptionContext") or {}),
        Facts(ctx, req, req.get("DestinationEncryptionContext") or {}, 1),
    )


@ops.on(Key, "SourceKeyId", "DestinationKeyId", "GrantTokens", look=_both, keys=_both_facts, read_only=True)
def re_encrypt(ctx: Context, req: api.ReEncryptRequest) -> api.ReEncryptResponse:
    """https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html"""
    source, source_arn = using.begin(ctx, req, ENCRYPT_DECRYPT)
    to = ctx.target_table(Key, 1).need(ctx.targets[1].key)
    to_arn = ctx.targets[1].arn
    states.usable(to, to_arn)
    states.usage(to, to_arn, ENCRYPT_DECRYPT, "ReEncrypt")
    algorithm = req.get("SourceEncryptionAlgorithm") or SYMMETRIC
    to_algorithm = req.get("DestinationEncryptionAlgorithm") or SYMMETRIC
    using.algorithm_of(source, algorithm)
    using.algorithm_of(to, to_algorithm)
    blob = _blob(req)
    name = ""
    if blob is None:
        using.dry(req)
        raise AssertionError
    if algorithm == SYMMETRIC:
        plaintext, name = opened(ctx, source, source_arn, blob, req.get("SourceEncryptionContext"))
    else:
        _no_context(req.get("SourceEncryptionContext"))
        plaintext = opened_by_pair(ctx, source, source_arn, algorithm, blob)
    using.dry(req)
    context = req.get("DestinationEncryptionContext")
    answer: dict[str, Any] = {
        "CiphertextBlob": sealed(ctx, to, to_arn, to_algorithm, plaintext, context),
        "SourceKeyId": source_arn,
        "KeyId": to_arn,
        "SourceEncryptionAlgorithm": algorithm,
        "DestinationEncryptionAlgorithm": to_algorithm,
    }
    if name:
        answer["SourceKeyMaterialId"] = name
    if to_algorithm == SYMMETRIC:
        answer["DestinationKeyMaterialId"] = backing(ctx, to, to_arn).material_id
    return answer  # type: ignore[return-value]
