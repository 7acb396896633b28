"""Server certificates, and users' signing certificates: X.509, checked when they are uploaded.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_server-certs.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gureum.kernel import ids, tags
from gureum.kernel.context import Context
from gureum.kernel.faults import Fault
from gureum.services.iam import checking, keys, rules
from gureum.services.iam.operations import listed, made, ops
from gureum.services.iam.paging import page
from gureum.services.iam.records import ServerCertificate, SigningCertificate, User

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from gureum.api import iam as api


def read(pem: str) -> Certificate:
    """The certificate in a PEM text. Fault: MalformedCertificate."""
    from cryptography import x509  # 20 ms that a start need not pay

    try:
        return x509.load_pem_x509_certificate(pem.strip().encode())
    except ValueError:
        raise Fault(
            "MalformedCertificate",
            "Unable to parse certificate. Please ensure the certificate is in PEM format.",
        ) from None


def _check_key(certificate: Certificate, pem: str) -> None:
    """Fault: KeyPairMismatch, MalformedCertificate where the private key does not read."""
    from cryptography.hazmat.primitives import serialization

    try:
        private = serialization.load_pem_private_key(pem.strip().encode(), password=None)
    except (ValueError, TypeError):
        text = "Invalid Private Key. Please ensure the private key is in PEM format and is not encrypted."
        raise Fault("MalformedCertificate", text) from None
    form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    if private.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise Fault("KeyPairMismatch", "The private key does not match the certificate.")


def _each(chain: str) -> list[str]:
    """The certificates of a chain, each in PEM."""
    end = "-----END CERTIFICATE-----"
    return [part + end for part in chain.split(end)[:-1]] or ([chain] if chain else [])


def _show(ctx: Context, certificate: ServerCertificate) -> dict[str, Any]:
    return {
        "Path": certificate.path,
        "ServerCertificateName": certificate.name,
        "ServerCertificateId": certificate.id,
        "Arn": ctx.arn(certificate),
        "UploadDate": certificate.uploaded,
        "Expiration": certificate.expires,
    }


@ops.on(
    ServerCertificate, targets=made(ServerCertificate, "ServerCertificateName", "UploadServerCertificate")
)
def upload_server_certificate(
    ctx: Context, req: api.UploadServerCertificateRequest
) -> api.UploadServerCertificateResponse:
    name = checking.name(req["ServerCertificateName"], "serverCertificateName")
    checking.room(ctx, ServerCertificate, "ServerCertificates")
    found = read(req["CertificateBody"])
    _check_key(found, req["PrivateKey"])
    chain = req.get("CertificateChain", "").strip()
    for pem in _each(chain):
        read(pem)
    certificate = ServerCertificate(
        name=name,
        id=ids.unique("ASCA"),
        uploaded=ctx.now,
        expires=found.not_valid_after_utc.timestamp(),
        body=req["CertificateBody"].strip(),
        key=ctx.home.seal.seal(req["PrivateKey"].encode(), "iam certificate", ctx.account, name),
        chain=chain,
        path=checking.path(req.get("Path")),
    )
    ctx.table(ServerCertificate).add(certificate)
    arn = ctx.arn(certificate)
    checking.put_tags(ctx, arn, req.get("Tags"))
    return {
        "ServerCertificateMetadata": _show(ctx, certificate),  # type: ignore[typeddict-item]
        "Tags": tags.show(ctx.tags.of(arn)),  # type: ignore[typeddict-item]
    }


@ops.on(ServerCertificate, "ServerCertificateName")
def get_server_certificate(
    ctx: Context, req: api.GetServerCertificateRequest
) -> api.GetServerCertificateResponse:
    certificate = ctx.need(ServerCertificate)
    shown: dict[str, Any] = {
        "ServerCertificateMetadata": _show(ctx, certificate),
        "CertificateBody": certificate.body,
        "Tags": tags.show(ctx.tags.of(ctx.arn(certificate))),
    }
    if certificate.chain:
        shown["CertificateChain"] = certificate.chain
    return {"ServerCertificate": shown}  # type: ignore[typeddict-item]


@ops.on(ServerCertificate, targets=listed(ServerCertificate, "ListServerCertificates"))
def list_server_certificates(
    ctx: Context, req: api.ListServerCertificatesRequest
) -> api.ListServerCertificatesResponse:
    prefix = req.get("PathPrefix", "/")
    return page(ctx, req, "ServerCertificateMetadataList").table(  # type: ignore[return-value]
        ctx.table(ServerCertificate),
        lambda one: _show(ctx, one),
        where=lambda one: one.path.startswith(prefix),
    )


@ops.on(ServerCertificate, "ServerCertificateName")
def update_server_certificate(ctx: Context, req: api.UpdateServerCertificateRequest) -> None:
    """Rename or move it. The private key is bound to the name, so it is sealed anew."""
    old = ctx.need(ServerCertificate)
    name = checking.name(req.get("NewServerCertificateName", old.name), "newServerCertificateName")
    private = ctx.home.seal.open(old.key, "iam certificate", ctx.account, old.name)
    new = replace(
        old,
        name=name,
        path=checking.path(req.get("NewPath", old.path)),
        key=ctx.home.seal.seal(private, "iam certificate", ctx.account, name),
    )
    kept = ctx.tags.of(ctx.arn(old))
    ctx.tags.forget(ctx.arn(old))
    if name != old.name:
        ctx.table(ServerCertificate).add(new)
        ctx.table(ServerCertificate).drop(old)
    else:
        ctx.table(ServerCertificate).put(new)
    ctx.tags.put(ctx.arn(new), kept)


@ops.on(ServerCertificate, "ServerCertificateName")
def delete_server_certificate(ctx: Context, req: api.DeleteServerCertificateRequest) -> None:
    certificate = ctx.need(ServerCertificate)
    ctx.table(ServerCertificate).drop(certificate)
    ctx.tags.forget(ctx.arn(certificate))


# --- signing certificates


def _show_signing(certificate: SigningCertificate) -> dict[str, Any]:
    return {
        "UserName": certificate.user,
        "CertificateId": certificate.id,
        "CertificateBody": certificate.body,
        "Status": certificate.status,
        "UploadDate": certificate.uploaded,
    }


@ops.on(User, "UserName")
def upload_signing_certificate(
    ctx: Context, req: api.UploadSigningCertificateRequest
) -> api.UploadSigningCertificateResponse:
    user, body = keys.owner_of(ctx, req), req["CertificateBody"].strip()
    read(body)
    table = ctx.table(SigningCertificate)
    there = list(table.find("user", user))
    if any(one.body == body for one in there):
        raise Fault("DuplicateCertificate", "The certificate already exists in IAM.")
    if len(there) >= rules.SIGNING_CERTIFICATES_PER_USER:
        raise checking.exceeded("CertificatesPerUser", rules.SIGNING_CERTIFICATES_PER_USER)
    name = ids.alphanumeric(32)
    certificate = SigningCertificate(user=user, id=name, body=body, uploaded=ctx.now)
    table.put(certificate)
    return {"Certificate": _show_signing(certificate)}  # type: ignore[typeddict-item]


@ops.on(User, "UserName")
def list_signing_certificates(
    ctx: Context, req: api.ListSigningCertificatesRequest
) -> api.ListSigningCertificatesResponse:
    return page(ctx, req, "Certificates").table(  # type: ignore[return-value]
        ctx.table(SigningCertificate), _show_signing, index=("user", keys.owner_of(ctx, req))
    )


@ops.on(User, "UserName")
def update_signing_certificate(ctx: Context, req: api.UpdateSigningCertificateRequest) -> None:
    table = ctx.table(SigningCertificate)
    found = table.need(keys.owner_of(ctx, req), req["CertificateId"])
    table.put(replace(found, status=checking.status(req)))


@ops.on(User, "UserName")
def delete_signing_certificate(ctx: Context, req: api.DeleteSigningCertificateRequest) -> None:
    table = ctx.table(SigningCertificate)
    table.drop(table.need(keys.owner_of(ctx, req), req["CertificateId"]))
