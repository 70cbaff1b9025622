"""The gateway runs once for all tests of the loop; each test has a database and a world of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from deployments.gateway import sync
from deployments.gateway.routing_table import RoutingTable
from tests.reconciler.world import World
from tests.waiting import wait_until


@pytest.fixture(scope="session")
def gateway() -> Iterator[subprocess.Popen[bytes]]:
    home = Path(settings.LAUNCHPAD_HOME)
    (home / "run").mkdir(parents=True, exist_ok=True)
    sync.ensure_config(load_table=RoutingTable)
    process = subprocess.Popen(sync.command())
    try:
        wait_until(sync.is_alive, timeout=10, what="the gateway answers")
        yield process
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def world(transactional_db: None, gateway: subprocess.Popen[bytes]) -> Iterator[World]:
    made = World()
    yield made
    made.end()
