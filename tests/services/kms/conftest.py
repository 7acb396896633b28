"""Key pairs are slow to make, so the tests of KMS's cryptography share one of each spec."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from gureum.services.kms.crypto.pairs import KeyPair
from gureum.services.kms.crypto.specs import SPECS


@cache
def _pair(name: str) -> KeyPair:
    return KeyPair.generate(SPECS[name])


@pytest.fixture(scope="session")
def pair() -> Callable[[str], KeyPair]:
    return _pair
