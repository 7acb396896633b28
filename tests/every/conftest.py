"""Every service that the composition root names, imported."""

import importlib

import pytest

from gureum.app import SERVICES
from gureum.kernel.models import load
from gureum.kernel.operations import OPERATIONS
from gureum.kernel.registry import Registry

NAMES = sorted(service.name for service in SERVICES)


class Service:
    """A service as its laws see it."""

    def __init__(self, name):
        offered = next(service for service in SERVICES if service.name == name)
        Registry(SERVICES).get(name)
        self.name, self.module = name, offered.module
        self.package = importlib.import_module(offered.module)
        self.ops, self.model = OPERATIONS[name], load(name)
        self.catalog = importlib.import_module(f"{offered.module}.catalog").CATALOG


@pytest.fixture(params=NAMES)
def service(request):
    return Service(request.param)
