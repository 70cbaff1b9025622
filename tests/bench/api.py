"""Time of the AI API in the server, with many rows, and how it holds under load."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import urllib3
from django.core.management import call_command

from deployments.lifecycle import Status
from deployments.models import Deployment
from tests import factories as make
from tests.api.caller import Caller
from tests.bench.figures import Figure, median_ms, seconds
from tests.person import Person, make_configurations
from tests.stack import running_stack

ROWS = 100_000
PER_SECOND = 200
LOAD_SECONDS = 60
CLIENTS = 8


def measure() -> Iterator[Figure]:
    yield from _in_the_server()
    yield from _under_load()


def _in_the_server() -> Iterator[Figure]:
    call_command("migrate", verbosity=0)
    make.make_plan()
    configuration = make.make_configuration()
    caller = Caller()
    Deployment.objects.bulk_create(
        (
            Deployment(
                resource_group=configuration.resource_group,
                configuration=configuration,
                status=Status.RUNNING,
                next_reconcile_at=None,
            )
            for _ in range(ROWS)
        ),
        batch_size=1000,
    )
    one = Deployment.objects.only("pk")[ROWS // 2].pk
    what = f"AI API, {ROWS:,} deployments"
    single = median_ms(lambda: caller.get(f"/lm/deployments/{one}"))
    yield Figure(what=f"{what}: GET of one", value=single, unit="ms", limit=8)
    hundred = median_ms(lambda: caller.get("/lm/deployments", __top=100))
    yield Figure(what=f"{what}: list of 100", value=hundred, unit="ms", limit=25)
    counted = median_ms(lambda: caller.ask("GET", "/lm/deployments/$count"))
    yield Figure(what=f"{what}: $count", value=counted, unit="ms")


def _under_load() -> Iterator[Figure]:
    with running_stack() as stack:
        (configuration,) = make_configurations(stack, hello={}).values()
        deployment = Person(stack).create(configuration)
        headers = {"Authorization": f"Bearer {stack.token()}", "AI-Resource-Group": "default"}
        paths = [f"/v2/lm/deployments/{deployment}", "/v2/lm/deployments", "/v2/lm/configurations", "/v2/lm/scenarios"]
        taken: list[float] = []
        errors: list[str] = []
        end = time.monotonic() + LOAD_SECONDS

        def client(number: int) -> None:
            pool = urllib3.PoolManager(retries=False, timeout=20)
            pause = CLIENTS / PER_SECOND
            due = time.monotonic() + pause * number / CLIENTS
            count = number
            while time.monotonic() < end:
                threading.Event().wait(max(0.0, due - time.monotonic()))
                due += pause
                count += 1
                url = f"{stack.base_url}{paths[count % len(paths)]}"
                try:
                    taken.append(seconds(lambda: errors.extend(_fault(pool, url, headers))))  # noqa: B023  called here
                except urllib3.exceptions.HTTPError as error:
                    errors.append(repr(error))

        clients = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
        for one in clients:
            one.start()
        for one in clients:
            one.join()
    taken.sort()
    yield Figure(
        what=f"{PER_SECOND} reads/s for {LOAD_SECONDS} s: answered", value=len(taken) / LOAD_SECONDS, unit="1/s"
    )
    yield Figure(what="  errors", value=len(errors), unit="", limit=0)
    yield Figure(what="  median", value=taken[len(taken) // 2] * 1000, unit="ms")
    yield Figure(what="  slowest of a hundred", value=taken[int(len(taken) * 0.99)] * 1000, unit="ms")


def _fault(pool: urllib3.PoolManager, url: str, headers: dict[str, str]) -> list[str]:
    answer = pool.request("GET", url, headers=headers)
    return [] if answer.status == 200 else [f"{answer.status} {answer.data[:200]!r}"]
