import pytest


@pytest.fixture
def iam(gureum):
    return gureum.client("iam")
