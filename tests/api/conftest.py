"""What the tests of the AI API share: a program with a service key, and something that it can deploy."""

from __future__ import annotations

import pytest

from deployments.models import Configuration, ResourceGroup
from tests import factories as make
from tests.api.caller import Caller


@pytest.fixture
def group() -> ResourceGroup:
    make.make_plan("tiny")
    return make.make_group()


@pytest.fixture
def caller(group: ResourceGroup) -> Caller:
    return Caller()


@pytest.fixture
def configuration(group: ResourceGroup) -> Configuration:
    return make.make_configuration(name="Iris one")
