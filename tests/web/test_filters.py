"""The table of filters of the deployments list: its page and the AI API walk the same one."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deployments.lifecycle import Status
from deployments.models import Deployment, Role
from deployments.queries.deployment_filters import FILTERS
from deployments.queries.filters import Filter
from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db
# What the first deployment answers to under each filter, and the second one does not.
VALUES: dict[str, Callable[[Deployment], str]] = {
    "status": lambda deployment: deployment.status,
    "q": lambda deployment: deployment.configuration.name,
    "scenario": lambda deployment: deployment.configuration.scenario_id,
    "executable": lambda deployment: deployment.configuration.executable_id,
    "configuration": lambda deployment: str(deployment.configuration_id),
    "created": lambda deployment: "day",
}


@pytest.fixture
def first() -> Deployment:
    """One of two deployments of a resource group that have nothing in common that can be filtered by."""
    first = make.make_deployment(make.make_configuration(name="first"), status=Status.RUNNING)
    executable = make.make_executable("other", scenario="elsewhere")
    second = make.make_deployment(make.make_configuration(executable=executable, name="second"), status=Status.STOPPED)
    Deployment.objects.filter(pk=second.pk).update(created_at=timezone.now() - timedelta(days=60))
    return first


@pytest.mark.parametrize("one", FILTERS, ids=lambda one: one.name)
def test_a_filter_leaves_what_fulfils_it_on_the_page(client: Client, first: Deployment, one: Filter) -> None:
    client.force_login(make.make_user(Role.VIEWER))
    value = VALUES[one.name](first)
    html = client.get("/deployments/", {one.name: value}).content.decode()
    assert re.findall(r'<tr id="(d[0-9a-f]{15})"', html) == [first.pk]
    field = rf'name="{one.name}"[^>]*value="{value}"|<option value="{value}" selected>'
    assert re.search(field, html), "its value is not kept in the form"
    assert html.count('class="chip"') == 1
    assert client.get("/deployments/").content.decode().count('<tr id="d') == 2


@pytest.mark.parametrize("one", [one for one in FILTERS if one.parameter], ids=lambda one: one.name)
def test_a_filter_means_the_same_in_the_api(first: Deployment, one: Filter) -> None:
    caller = Caller(Role.VIEWER)
    value = VALUES[one.name](first)
    rows = caller.get("/lm/deployments", **{one.parameter: value}).body["resources"]
    assert [row["id"] for row in rows] == [first.pk]
    count = caller.get("/lm/deployments/$count", **{one.parameter: value})
    assert (count.status, count.body) == (200, "1")


def test_several_values_of_one_parameter_are_alternatives(first: Deployment) -> None:
    caller = Caller(Role.VIEWER)
    both = f"{first.configuration.executable_id},other"
    assert caller.get("/lm/deployments", executableIds=both).body["count"] == 2
