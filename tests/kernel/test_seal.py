"""The root key file is safe from others and from crashes; sealed bytes open only whole and in their place."""

from __future__ import annotations

import os
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from hypothesis import given
from hypothesis import strategies as st

from gureum.kernel.seal import RootKeyRefused, Seal, SealBroken


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "root"


@pytest.fixture(scope="module")
def seal(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return Seal.create(tmp_path_factory.mktemp("seal") / "root")


@given(secret=st.binary(max_size=300), context=st.lists(st.text(max_size=20), max_size=4))
def test_what_was_sealed_opens(seal: Seal, secret: bytes, context: list[str]) -> None:
    sealed = seal.seal(secret, *context)
    assert len(sealed) == len(secret) + 53
    assert seal.open(sealed, *context) == secret


@given(one=st.lists(st.text(max_size=4), max_size=3), other=st.lists(st.text(max_size=4), max_size=3))
def test_another_context_does_not_open(seal: Seal, one: list[str], other: list[str]) -> None:
    if one == other:
        return
    with pytest.raises(SealBroken):
        seal.open(seal.seal(b"secret", *one), *other)


def test_context_parts_do_not_run_together(seal: Seal) -> None:
    with pytest.raises(SealBroken):
        seal.open(seal.seal(b"secret", "ab", "c"), "a", "bc")


def test_any_flipped_bit_and_any_cut_is_refused(seal: Seal) -> None:
    sealed = seal.seal(b"16 bytes of key.", "kms", "111122223333")
    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            seal.open(bytes(altered), "kms", "111122223333")
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            seal.open(sealed[:length], "kms", "111122223333")


def test_the_format_is_the_documented_one(path: Path) -> None:
    seal = Seal.create(path)
    sealed = seal.seal(b"secret", "é")
    root = _keys(path)[-1]
    key = KBKDFHMAC(
        algorithm=hashes.SHA256(),
        mode=Mode.CounterMode,
        length=32,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=b"gureum seal",
        context=sealed[9:25],
        fixed=None,
    ).derive(root)
    aad = sealed[:9] + b"\x00\x00\x00\x02\xc3\xa9"
    assert AESGCM(key).decrypt(sealed[25:37], sealed[37:], aad) == b"secret"


def test_the_file_is_ours_alone_and_is_read_again(path: Path) -> None:
    sealed = Seal.create(path).seal(b"secret", "here")
    assert path.stat().st_mode & 0o7777 == 0o600
    assert path.parent.stat().st_mode & 0o7777 == 0o700
    assert Seal.load(path).open(sealed, "here") == b"secret"


def test_an_umask_that_opens_files_does_not_open_this_one(path: Path) -> None:
    before = os.umask(0)
    try:
        Seal.create(path)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o077 == 0


def test_a_second_root_key_is_never_made_over_the_first(path: Path) -> None:
    Seal.create(path)
    content = path.read_bytes()
    with pytest.raises(RootKeyRefused, match="already there"):
        Seal.create(path)
    assert path.read_bytes() == content


def test_a_missing_file_is_said_and_not_made(path: Path) -> None:
    with pytest.raises(RootKeyRefused, match="No such file"):
        Seal.load(path)
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644, 0o777])
def test_loose_permissions_are_refused(path: Path, mode: int) -> None:
    Seal.create(path)
    path.chmod(mode)
    with pytest.raises(RootKeyRefused, match="chmod 600"):
        Seal.load(path)


def test_a_directory_in_which_others_may_write_is_refused(path: Path) -> None:
    Seal.create(path)
    path.parent.chmod(0o770)
    with pytest.raises(RootKeyRefused, match="chmod 700"):
        Seal.load(path)


def test_another_owner_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Seal.create(path)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    with pytest.raises(RootKeyRefused, match="owned by user"):
        Seal.load(path)


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    Seal.create(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(RootKeyRefused):
        Seal.load(link)
    with pytest.raises(RootKeyRefused):
        Seal.create(link)


@pytest.mark.parametrize("damage", ["", "something else\n", "gureum root keys 1\n", "cut", "swap"])
def test_a_damaged_file_is_refused(path: Path, damage: str) -> None:
    Seal.create(path)
    text = path.read_text()
    if damage == "cut":
        damage = text[:-10]
    elif damage == "swap":
        damage = text[:-10] + ("A" if text[-10] != "A" else "B") + text[-9:]
    path.write_text(damage)
    with pytest.raises(RootKeyRefused, match="damaged"):
        Seal.load(path)


def test_rotation_seals_with_the_new_key_and_opens_with_the_old(path: Path) -> None:
    old = Seal.create(path)
    sealed = old.seal(b"secret", "here")
    new = old.rotate()
    assert new.ids[0] == old.current and new.current != old.current
    assert new.open(sealed, "here") == b"secret" and not new.is_current(sealed)
    again = new.reseal(sealed, "here")
    assert new.is_current(again) and new.open(again, "here") == b"secret"
    with pytest.raises(SealBroken):
        old.open(again, "here")
    assert Seal.load(path).ids == new.ids


def test_a_retired_key_is_gone_from_the_file(path: Path) -> None:
    old = Seal.create(path)
    sealed = old.seal(b"secret")
    kept = old.rotate().retire(old.current)
    with pytest.raises(SealBroken):
        kept.open(sealed)
    assert Seal.load(path).ids == kept.ids == (kept.current,)
    with pytest.raises(RootKeyRefused):
        kept.retire(kept.current)
    with pytest.raises(RootKeyRefused):
        kept.retire(old.current)


def test_rotations_at_once_lose_no_key(path: Path) -> None:
    seal = Seal.create(path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: seal.rotate().current, range(24)))
    assert set(Seal.load(path).ids) == {seal.current, *made} and len(set(made)) == 24


def test_a_crash_before_the_rename_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seal = Seal.create(path)
    content = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", _die)
        with pytest.raises(KeyboardInterrupt):
            seal.rotate()
    assert path.read_bytes() == content
    assert (path.parent / "root.new").exists()
    assert len(seal.rotate().ids) == 2
    assert [each.name for each in path.parent.iterdir()] == ["root"]


def test_keys_are_in_no_repr_and_no_pickle(path: Path) -> None:
    seal = Seal.create(path)
    assert repr(seal) == f"Seal({str(path)!r}, current={seal.current})"
    with pytest.raises(TypeError):
        pickle.dumps(seal)


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def _keys(path: Path) -> list[bytes]:
    import base64

    return [base64.b64decode(line.split()[1]) for line in path.read_text().splitlines()[1:]]
