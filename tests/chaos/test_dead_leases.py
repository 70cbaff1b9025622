"""A deployment under way goes on as soon as there is a worker again, not when the dead one's lease has run out."""

from __future__ import annotations

import json
import time

import pytest

from tests.stack import running_stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack

# Lets every health check run into its timeout, so that a reconcile holds the lease nearly always.
SILENT = """
import os, socket, threading
with socket.create_server(("127.0.0.1", int(os.environ["PORT"]))) as listener:
    threading.Event().wait()
"""
SOON = 20.0  # seconds, nearly all of them for the start of a worker on a busy machine; a lease has 30


def test_a_killed_worker_holds_up_nothing() -> None:
    with running_stack() as stack:
        deployment = stack.deploy(command=json.dumps(["python3", "-c", SILENT]), healthPath="/")

        def lease() -> str:
            rows = stack.rows("SELECT lease_token FROM deployments_deployment WHERE id = ?", deployment)
            return str(rows[0][0])

        wait_until(lambda: stack.model_servers(), timeout=60, what="its server runs")
        worker = stack.process("worker")
        held = wait_until(lease, pause=0.002, what="a reconcile is running")
        worker.kill()
        killed_at = time.monotonic()
        wait_until(lambda: lease() not in {"", held}, timeout=SOON, what="another reconcile is running")

        assert time.monotonic() - killed_at < SOON
