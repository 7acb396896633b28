"""HMAC keys against RFC 4231."""

from __future__ import annotations

import pytest

from gureum.services.kms.crypto.errors import InvalidKeyUsage, InvalidMac
from gureum.services.kms.crypto.mac import generate_mac, verify_mac
from gureum.services.kms.crypto.material import Secret, generate_bytes
from gureum.services.kms.crypto.specs import SPECS

# RFC 4231, 4.2 (case 1), 4.3 (case 2) and 4.7 (case 6): key, data, and the MACs by digest size in bits.
CASES = [
    (
        b"\x0b" * 20,
        b"Hi There",
        {
            224: "896fb1128abbdf196832107cd49df33f47b4b1169912ba4f53684b22",
            256: "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            384: "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
            512: "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4"
            "be9d914eeb61f1702e696c203a126854",
        },
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        {
            224: "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
            256: "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            384: "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            512: "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fd"
            "caeab1a34d4a6b4b636e070a38bce737",
        },
    ),
    (
        b"\xaa" * 131,
        b"Test Using Larger Than Block-Size Key - Hash Key First",
        {
            224: "95e9a0db962095adaebe9b2d6f0dbce2d499f112f2d2b7273fa6870e",
            256: "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
        },
    ),
]


@pytest.mark.parametrize(
    ("key", "message", "bits", "expected"),
    [(key, message, bits, mac) for key, message, macs in CASES for bits, mac in macs.items()],
)
def test_rfc_4231(key: bytes, message: bytes, bits: int, expected: str) -> None:
    spec, algorithm = SPECS[f"HMAC_{bits}"], f"HMAC_SHA_{bits}"
    assert generate_mac(spec, Secret(key), algorithm, message).hex() == expected
    verify_mac(spec, Secret(key), algorithm, message, bytes.fromhex(expected))


@pytest.mark.parametrize("bits", [224, 256, 384, 512])
def test_an_altered_mac_message_or_key_is_refused(bits: int) -> None:
    spec, algorithm = SPECS[f"HMAC_{bits}"], f"HMAC_SHA_{bits}"
    key = generate_bytes(spec)
    assert len(key) == bits // 8
    mac = generate_mac(spec, key, algorithm, b"message")
    for wrong in (mac[:-1], mac + b"\0", bytes([mac[0] ^ 1]) + mac[1:], b"x"):
        with pytest.raises(InvalidMac):
            verify_mac(spec, key, algorithm, b"message", wrong)
    with pytest.raises(InvalidMac):
        verify_mac(spec, key, algorithm, b"massage", mac)
    with pytest.raises(InvalidMac):
        verify_mac(spec, generate_bytes(spec), algorithm, b"message", mac)


def test_the_algorithm_must_be_the_keys() -> None:
    with pytest.raises(InvalidKeyUsage, match="HMAC_SHA_512 is incompatible with key spec HMAC_256"):
        generate_mac(SPECS["HMAC_256"], Secret(bytes(32)), "HMAC_SHA_512", b"message")
