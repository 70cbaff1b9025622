"""The tabs Scaling and Resources: what a deployment may have, holds and uses."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest
from django.test import Client

from deployments import broker, measurements
from deployments.lifecycle import ReplicaPhase, Status
from deployments.models import Deployment, Role
from deployments.reconciler import observe_connection
from deployments.runtimes.base import ReplicaSpec
from deployments.runtimes.local import options
from deployments.scheduling.server_specs import server_spec_of, to_dict
from tests import factories as make
from tests.factories import local_runtime
from tests.runtimes.contract import SMALL
from tests.runtimes.machine import SERVES
from tests.valkey import running_valkey
from tests.waiting import wait_until
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """A deployment whose only replica is a real process."""
    runtime = local_runtime()
    deployment = make.make_deployment(status=Status.RUNNING)
    make.make_plan("tiny")
    server_spec = to_dict(server_spec_of(deployment.configuration))
    generation = make.make_generation(deployment, server_spec=server_spec, desired_replicas=1)
    Deployment.objects.filter(pk=deployment.pk).update(serving_generation=1)
    replica = make.make_replica(generation, phase=ReplicaPhase.HEALTHY)
    runtime.start(
        ReplicaSpec(name=replica.name, attempt=1, command=SERVES, resources=SMALL, health_path="/", grace_seconds=2)
    )
    wait_until(
        lambda: runtime.get(deployment.pk)[0].phase is ReplicaPhase.HEALTHY, timeout=20, what="the server is healthy"
    )
    yield deployment
    runtime.stop(replica.name, 1)
    wait_until(
        lambda: runtime.get(deployment.pk)[0].phase is ReplicaPhase.EXITED, timeout=20, what="the server has ended"
    )
    runtime.delete(replica.name)


def page(client: Client, deployment: Deployment, tab: str) -> str:
    client.force_login(make.make_user(Role.VIEWER))
    answer = client.get(f"/deployments/{deployment.pk}/{tab}/")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with running_valkey(monkeypatch):
        yield


def test_scaling_shows_limits_and_what_each_replica_uses(client: Client, deployment: Deployment, valkey: None) -> None:
    first = page(client, deployment, "scaling")
    assert "Being measured" in first, "nobody has looked at it before"
    assert "load delay:2500ms" in first, "what is measured is asked for soon"

    observe_connection(deployment.resource_group.connection_id)
    html = page(client, deployment, "scaling")

    assert '<dt>Minimum Replicas</dt><dd class="numeric">1</dd>' in html
    assert '<dt>Maximum Replicas</dt><dd class="numeric">2</dd>' in html
    assert '<dt>Running Replicas</dt><dd class="numeric">1</dd>' in html
    assert f"{deployment.pk}-1-0" in html
    assert " MB<span" in squeezed(html), "the memory of a real process"
    assert "Being measured" not in html


def test_resources_shows_plan_use_and_capacity(client: Client, deployment: Deployment, valkey: None) -> None:
    page(client, deployment, "resources")
    observe_connection(deployment.resource_group.connection_id)
    html = page(client, deployment, "resources")

    assert "<dt>Each Replica</dt><dd>0.25 CPU, 512 MB</dd>" in html
    assert "Memory In Use" in html
    assert f"<dt>Sandbox</dt><dd>{options.isolation()}</dd>" in html
    assert f'aria-label="Memory of {deployment.pk}-1-0"' in html
    assert "Capacity of the connection local" in html


def test_what_nobody_looks_at_is_not_measured(deployment: Deployment, valkey: None) -> None:
    connection_id = deployment.resource_group.connection_id
    assert measurements.requested_ids(connection_id) == []

    assert measurements.request_measurement(connection_id, deployment.pk) is None
    assert measurements.requested_ids(connection_id) == [deployment.pk]
    assert measurements.requested_ids(connection_id + 1) == []


def test_a_measurement_that_is_old_says_how_old(client: Client, deployment: Deployment, valkey: None) -> None:
    measurements.store_measurement(deployment.pk, [])
    assert "As of" not in page(client, deployment, "scaling")

    with broker.store() as store:
        store.set(f"launchpad:usage:{deployment.pk}", json.dumps({"at": time.time() - 42, "replicas": {}}))
    assert re.search(r"As of <span[^>]*>4\d s</span> ago", page(client, deployment, "scaling"))


@pytest.mark.parametrize("tab", ["scaling", "resources"])
def test_a_tab_opens_while_the_broker_is_away(client: Client, deployment: Deployment, tab: str) -> None:
    assert f"{deployment.pk}-1-0" in page(client, deployment, "scaling")


def test_a_deployment_that_has_not_begun_says_so(client: Client) -> None:
    deployment = make.make_deployment()

    assert "It has not reached the runtime yet." in page(client, deployment, "scaling")
    assert "<dd>Nothing</dd>" in page(client, deployment, "resources")


@pytest.mark.parametrize("tab", ["scaling", "resources"])
def test_a_tab_is_measured_anew_by_itself(client: Client, deployment: Deployment, tab: str) -> None:
    client.force_login(make.make_user(Role.VIEWER))

    answer = client.get(f"/deployments/{deployment.pk}/{tab}/?part={tab}", headers={"HX-Request": "true"})

    assert answer.content.decode().lstrip().startswith(f'<div class="stack" id="{tab}"')


def test_another_groups_deployment_is_not_found(client: Client) -> None:
    client.force_login(make.make_user(Role.VIEWER, groups=[make.make_group("mine")]))
    deployment = make.make_deployment()

    assert client.get(f"/deployments/{deployment.pk}/scaling/").status_code == 404
