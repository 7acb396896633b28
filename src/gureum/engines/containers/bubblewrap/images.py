"""The sandbox driver's image store: each image unpacked once into a folder, references beside them.

images/<id>/rootfs/  images/<id>/config.json  images/refs/<fingerprint>.json
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ..names import short
from ..outcome import Image
from ..port import EngineAbsent, EngineFailed, ImageMissing

SKOPEO = "sudo apt-get install -y --no-install-recommends skopeo"
_UNPACK = Path(__file__).with_name("unpack.py")


def canonical(reference: str) -> str:
    """A reference in full: registry, repository and tag or digest, as Docker reads a short one."""
    name, at, digest = reference.partition("@")
    first, slash, _ = name.partition("/")
    if not slash:
        name = f"docker.io/library/{name}"
    elif not ("." in first or ":" in first or first == "localhost"):
        name = f"docker.io/{name}"
    if at:
        return f"{name}@{digest}"
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


class _Known(msgspec.Struct):
    """What is kept of a reference."""

    reference: str
    id: str
    digest: str


class SandboxImages:
    """See `port.Images`."""

    def __init__(self, folder: Path, uid_base: int) -> None:
        self._folder, self._uid_base = folder, uid_base

    def find(self, reference: str) -> Image | None:
        if reference.startswith("sha256:"):
            return self._image(_Known(reference, reference, ""))
        try:
            known = msgspec.json.decode(self._reference(reference).read_bytes(), type=_Known)
        except FileNotFoundError:
            return None
        return self._image(_Known(reference, known.id, known.digest))

    def rootfs(self, image: Image) -> Path:
        """Where it is unpacked."""
        return self._place(image.id) / "rootfs"

    def load(self, path: Path, reference: str) -> Image:
        try:
            if path.is_dir():
                return self._take(path, reference)
            with tempfile.TemporaryDirectory(dir=self._made()) as spool, tarfile.open(path) as archive:
                archive.extractall(spool, filter="data")
                return self._take(Path(spool), reference)
        except (
            tarfile.TarError,
            KeyError,
            IndexError,
            TypeError,
            FileNotFoundError,
            msgspec.DecodeError,
        ) as error:
            raise EngineFailed(f"not an image: {path}: {error!r}") from error

    def pull(self, reference: str, *, user: str = "", password: str = "", insecure: bool = False) -> Image:
        if shutil.which("skopeo") is None:
            raise EngineAbsent(f"pulling an image needs skopeo, which is not installed: {SKOPEO}")
        with tempfile.TemporaryDirectory(dir=self._made()) as spool:
            login = Path(spool) / "auth.json"
            words = [
                "skopeo",
                "copy",
                "--insecure-policy",
                f"--src-tls-verify={'false' if insecure else 'true'}",
            ]
            if user:  # in a file: other users of this machine can read command lines
                import base64

                token = base64.b64encode(f"{user}:{password}".encode()).decode()
                login.touch(0o600)
                login.write_bytes(msgspec.json.encode({"auths": {_registry(reference): {"auth": token}}}))
                words += ["--src-authfile", str(login)]
            layout = f"{spool}/image"
            told = subprocess.run(  # noqa: S603
                [*words, f"docker://{reference}", f"oci:{layout}"],
                capture_output=True,
                text=True,
                check=False,
            )
            if told.returncode != 0:
                raise ImageMissing(reference, told.stderr.strip()[-500:])
            return self.load(Path(layout), reference)

    def remove(self, reference: str) -> None:
        image = self.find(reference)
        self._reference(reference).unlink(missing_ok=True)
        if image is None:
            return
        others = (
            msgspec.json.decode(one.read_bytes(), type=_Known) for one in self._made("refs").glob("*.json")
        )
        if all(one.id != image.id for one in others):
            shutil.rmtree(self._place(image.id), ignore_errors=True)

    def _reference(self, reference: str) -> Path:
        return self._folder / "refs" / f"{short(canonical(reference), 40)}.json"

    def _place(self, id: str) -> Path:
        return self._folder / short(id, 40)

    def _made(self, below: str = "") -> Path:
        folder = self._folder / below
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _image(self, known: _Known) -> Image | None:
        try:
            kept: dict[str, Any] = msgspec.json.decode((self._place(known.id) / "config.json").read_bytes())
        except FileNotFoundError:
            return None
        configuration = kept.get("config") or {}
        return Image(
            id=known.id,
            reference=known.reference,
            digest=known.digest,
            size_bytes=int(kept["gureum.size"]),
            architecture=kept.get("architecture", ""),
            entrypoint=tuple(configuration.get("Entrypoint") or ()),
            command=tuple(configuration.get("Cmd") or ()),
            environment=tuple(configuration.get("Env") or ()),
            user=configuration.get("User") or "",
            directory=configuration.get("WorkingDir") or "",
            stop_signal=configuration.get("StopSignal") or "",
            exposed_ports=tuple(configuration.get("ExposedPorts") or ()),
            labels=configuration.get("Labels") or {},
        )

    def _take(self, folder: Path, reference: str) -> Image:
        """Bring in the image that lies in this folder, a docker archive's content or an OCI layout."""
        configuration, layers, digest = _oci(folder) if (folder / "oci-layout").exists() else _docker(folder)
        data = configuration.read_bytes()
        id = "sha256:" + hashlib.sha256(data).hexdigest()
        place = self._place(id)
        if not (place / "config.json").exists():
            kept: dict[str, Any] = msgspec.json.decode(data)
            fresh = Path(tempfile.mkdtemp(dir=self._made()))
            try:
                rootfs = fresh / "rootfs"
                rootfs.mkdir(0o755)
                fresh.chmod(0o755)
                if self._uid_base:
                    import os

                    os.chown(rootfs, self._uid_base, self._uid_base)
                diff_ids = kept["rootfs"]["diff_ids"]
                if len(diff_ids) != len(layers):
                    raise EngineFailed(f"not an image: {len(layers)} layers, {len(diff_ids)} expected")
                for layer, diff_id in zip(layers, diff_ids, strict=True):
                    self._apply(layer, diff_id, rootfs)
                kept["gureum.size"] = sum(layer.stat().st_size for layer in layers)
                (fresh / "config.json").write_bytes(msgspec.json.encode(kept))
                if place.exists():  # what a crash has left
                    shutil.rmtree(place)
                fresh.rename(place)
            except BaseException:
                shutil.rmtree(fresh, ignore_errors=True)
                raise
        kept_reference = self._made("refs") / self._reference(reference).name
        fresh_reference = kept_reference.with_suffix(".new")
        fresh_reference.write_bytes(msgspec.json.encode(_Known(canonical(reference), id, digest)))
        fresh_reference.replace(kept_reference)
        image = self.find(reference)
        assert image is not None
        return image

    def _apply(self, layer: Path, diff_id: str, rootfs: Path) -> None:
        """Unpack one layer, and see that it is the one that the configuration names."""
        digest = hashlib.sha256()
        command = [sys.executable, "-I", "-S", str(_UNPACK), str(rootfs), str(self._uid_base)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
            if process.stdin is None or process.stderr is None:
                raise EngineFailed("no pipe")
            try:
                with _plain_tar(layer) as chunks:
                    for chunk in chunks:
                        digest.update(chunk)
                        process.stdin.write(chunk)
                process.stdin.close()
            except BrokenPipeError:
                pass
            said = process.stderr.read().decode("utf-8", "replace").strip()
        if process.returncode != 0:
            raise EngineFailed(f"not an image: a layer does not unpack: {said[-300:]}")
        if "sha256:" + digest.hexdigest() != diff_id:
            raise EngineFailed("not an image: a layer is not the one that its configuration names")


def _docker(folder: Path) -> tuple[Path, list[Path], str]:
    manifest = msgspec.json.decode((folder / "manifest.json").read_bytes())[0]
    return _inside(folder, manifest["Config"]), [_inside(folder, name) for name in manifest["Layers"]], ""


def _oci(folder: Path) -> tuple[Path, list[Path], str]:
    def blob(digest: str) -> Path:
        kind, _, value = digest.partition(":")
        place = _inside(folder, f"blobs/{kind}/{value}")
        if kind == "sha256" and _sha256(place) != value:
            raise EngineFailed(f"not an image: {digest} is damaged")
        return place

    index = msgspec.json.decode((folder / "index.json").read_bytes())
    digest: str = index["manifests"][0]["digest"]
    manifest = msgspec.json.decode(blob(digest).read_bytes())
    if "manifests" in manifest:  # an index of architectures
        import platform

        wanted = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
        fitting = [
            one for one in manifest["manifests"] if one.get("platform", {}).get("architecture") == wanted
        ]
        if not fitting:
            raise EngineFailed(f"the image has nothing for {wanted}")
        digest = fitting[0]["digest"]
        manifest = msgspec.json.decode(blob(digest).read_bytes())
    return blob(manifest["config"]["digest"]), [blob(one["digest"]) for one in manifest["layers"]], digest


def _inside(folder: Path, name: str) -> Path:
    place = (folder / name).resolve()
    if not place.is_relative_to(folder.resolve()):
        raise EngineFailed(f"not an image: {name} leads out of it")
    return place


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def _plain_tar(layer: Path) -> Iterator[Iterator[bytes]]:
    """A layer's tar, decompressed."""
    with layer.open("rb") as file:
        magic = file.read(4)
        file.seek(0)
        if magic == b"\x28\xb5\x2f\xfd":
            raise EngineFailed("a layer is compressed with zstd, which this Python cannot read")
        source = gzip.GzipFile(fileobj=file) if magic[:2] == b"\x1f\x8b" else file
        yield iter(lambda: source.read(1 << 20), b"")


def _registry(reference: str) -> str:
    return canonical(reference).partition("/")[0]
