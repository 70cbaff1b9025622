"""Deployments in the states that their pages tell of, and the pages as somebody opens them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.lifecycle import ExitReason, Status, Step
from deployments.models import Attempt, Deployment, Generation, Role
from deployments.scheduling.server_specs import server_spec_of, to_dict
from tests import factories as make

TABS = ["deployment", "deployment-status", "deployment-events", "deployment-logs"]


def signed_in(client: Client, role: Role = Role.EDITOR, **values: Any) -> Client:
    client.force_login(make.make_user(role, **values))
    return client


def running(**values: Any) -> Deployment:
    deployment = make.make_deployment(started_at=timezone.now(), verified_at=timezone.now(), **values)
    make.make_replica(begin(deployment))
    return deployment


def begin(deployment: Deployment, number: int = 1, **values: Any) -> Generation:
    values.setdefault("server_spec", to_dict(server_spec_of(values.get("configuration", deployment.configuration))))
    return make.make_generation(deployment, number, **values)


def failed(message: str = "The server ended with exit code 1.") -> Deployment:
    deployment = make.make_deployment(status=Status.DEAD, **make.said(message), status_severity="error")
    replica = make.make_replica(
        begin(deployment, outcome="FAILED", **make.said(message)), phase="EXITED", is_reserved=False
    )
    Attempt.objects.create(
        replica=replica,
        number=1,
        started_at=timezone.now() - timedelta(seconds=9),
        ended_at=timezone.now(),
        exit_reason=ExitReason.EXITED,
        exit_code=1,
        first_error="ValueError: no such model",
        **make.said(message),
    )
    return deployment


def page(client: Client, deployment: Deployment, name: str = "deployment", **query: str) -> str:
    answer = client.get(reverse(name, args=[deployment.pk]), query)
    assert answer.status_code == 200
    return str(answer.content.decode())


def poll_of(html: str) -> str:
    found = re.search(r'id="facts"[^>]*hx-get="([^"]+)"', html)
    return found[1].replace("&amp;", "&") if found else ""


def updating(**values: Any) -> Deployment:
    """Return one that serves "old-one" while its generation 2, "new-one", is on its way."""
    old = make.make_configuration(name="old-one", parameters={"greeting": "hello", "threads": "2", "topic": "weather"})
    new = make.make_configuration(
        executable=old.executable, name="new-one", parameters=old.parameters | {"greeting": "good-day"}
    )
    deployment = running(configuration=old)
    Deployment.objects.update(configuration=new, generation=2, **{"observed_generation": 2, **values})
    deployment.refresh_from_db()
    if deployment.observed_generation == 2:
        steps = {Step.REQUESTED: timezone.now().isoformat()}
        make.make_replica(begin(deployment, 2, outcome="", steps=steps), phase="STARTING", healthy_since=None)
    return deployment


def make_attempt(replica: Any, number: int = 1, **values: Any) -> Attempt:
    values = {"step": "STARTING", "exit_reason": ExitReason.EXITED, "exit_code": 1} | values
    now = timezone.now()
    return Attempt.objects.create(
        replica=replica,
        number=number,
        started_at=now - timedelta(seconds=4),
        **{"ended_at": now, **make.said("While it was starting: The server ended with exit code 1.")} | values,
        first_error="ValueError: no such model",
    )


def pending() -> Deployment:
    deployment = make.make_deployment(status=Status.PENDING, **make.said("Starting the server."))
    make.make_replica(begin(deployment), phase="STARTING")
    return deployment
