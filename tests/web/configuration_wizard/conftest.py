"""What the tests of the wizard for configurations share: a window in which somebody who may edit has it open."""

from __future__ import annotations

import pytest
from django.test import Client

from deployments.models import Artifact, ResourceGroup
from tests import factories as make
from tests.web.configuration_wizard.entries import WIZARD
from tests.web.windows import Window


@pytest.fixture
def group() -> ResourceGroup:
    return make.make_group()


@pytest.fixture
def editor(client: Client, group: ResourceGroup) -> Client:
    make.make_executable()
    client.force_login(make.make_user())
    return client


@pytest.fixture
def model(group: ResourceGroup) -> Artifact:
    return make.make_artifact(group, name="Churn model")


@pytest.fixture
def window(editor: Client) -> Window:
    window = Window(editor, WIZARD)
    window.open()
    return window
