"""Time and queries of the pages in the server, with many rows, without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from deployments.lifecycle import Status
from deployments.models import Configuration, Deployment, Role
from tests import factories as make
from tests.bench.figures import Figure, median_ms

ROWS = 10_000
_STATUSES = [Status.RUNNING, Status.RUNNING, Status.RUNNING, Status.PENDING, Status.DEAD, Status.STOPPED]


def measure() -> Iterator[Figure]:
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    configuration = make.make_configuration()
    client = Client(SERVER_NAME="localhost")
    client.force_login(make.make_user(Role.EDITOR))
    _add(configuration, 100)
    few = _queries(client, "/deployments/")
    _add(configuration, ROWS - 100)
    what = f"List of {ROWS:,} deployments"
    yield Figure(what=what, value=median_ms(lambda: client.get("/deployments/")), unit="ms", limit=60)
    yield Figure(what=f"{what}: queries", value=_queries(client, "/deployments/"), unit="queries", limit=few)
    search = "/deployments/?q=configuration&status=running&sort=-created"
    yield Figure(what=f"{what}: filtered and searched", value=median_ms(lambda: client.get(search)), unit="ms")
    html = client.get("/deployments/").content.decode()
    yield from _poll(client, "Poll of an unchanged list", html)
    running = Deployment.objects.filter(status=Status.RUNNING).first()
    assert running is not None
    html = client.get(f"/deployments/{running.pk}/").content.decode()
    yield from _poll(client, "Poll of an unchanged details page", html)
    yield Figure(what="Overview", value=median_ms(lambda: client.get("/")), unit="ms")


def _poll(client: Client, what: str, html: str) -> Iterator[Figure]:
    found = re.search(r'id="(?:rows|facts)"[^>]*hx-get="([^"]+)"', html)
    assert found, "the page does not poll"
    address = found[1].replace("&amp;", "&")
    answer = client.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 204, answer.status_code
    yield Figure(what=what, value=median_ms(lambda: client.get(address)), unit="ms", limit=10)
    yield Figure(what=f"{what}: queries", value=_queries(client, address), unit="queries", limit=2)


def _queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    return len(queries)


def _add(configuration: Configuration, count: int) -> None:
    now = timezone.now()
    Deployment.objects.bulk_create(
        Deployment(
            resource_group=configuration.resource_group,
            configuration=configuration,
            status=_STATUSES[number % len(_STATUSES)],
            created_at=now - timedelta(minutes=number),
            created_by="bench",
            next_reconcile_at=None,
        )
        for number in range(count)
    )
