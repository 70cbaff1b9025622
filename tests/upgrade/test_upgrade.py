"""A database of the version before codes and new words is migrated in place, and what runs goes on."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from deployments.lifecycle import Step
from deployments.messages import Message, render
from deployments.scheduling.server_specs import from_dict

# Made by that version, with one deployment that runs, one that failed and one that waits for capacity.
BEFORE = Path(__file__).with_name("home_before.sql")
RUNNING, FAILED, WAITING = (f"d00000000000000{number}" for number in (1, 2, 3))

Query = Callable[..., list[tuple[Any, ...]]]


# What the sweep of the version before nodes has recorded.
SEEN = """
    INSERT INTO deployments_connectionstatus (connection_id, cpu_millis, memory_bytes, gpus)
    SELECT id, 8000, 16000000000, 1 FROM deployments_connection
"""


def migrate(path: Path, *to: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity=0", *to],
        cwd=settings.BASE_DIR,
        env={**os.environ, "LAUNCHPAD_HOME": str(path.parent), "DATABASE_URL": f"sqlite:///{path}"},
        check=True,
    )


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Query:
    """Ask the migrated database."""
    home = tmp_path_factory.mktemp("home")
    path = home / "launchpad.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(BEFORE.read_text())
        database.execute("UPDATE deployments_generation SET replicas_wanted = 2 WHERE deployment_id = ?", [RUNNING])
        database.commit()
    migrate(path, "deployments", "0002")
    with closing(sqlite3.connect(path)) as database:
        database.execute(SEEN)
        database.commit()
    migrate(path)

    def ask(sql: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as database:
            return database.execute(sql, values).fetchall()

    return ask


def test_a_running_deployment_is_running_and_keeps_what_it_was_started_with(query: Query) -> None:
    status, rollback, verified = query(
        "SELECT status, rollback_on_failure, verified_at FROM deployments_deployment WHERE id = ?", RUNNING
    )[0]
    assert (status, rollback, verified) == ("RUNNING", 1, "2026-11-20 12:00:00")
    spec, replicas, steps, at = query(
        "SELECT server_spec, desired_replicas, steps, verified_at FROM deployments_generation WHERE deployment_id = ?",
        RUNNING,
    )[0]
    assert replicas == 2
    assert set(json.loads(steps)) == {step.value for step in Step}
    assert at == "2026-11-20 12:00:00"
    assert from_dict(json.loads(spec)).argv[:3] == ("python", "-m", "http.server")
    assert query("SELECT phase, host, port FROM deployments_replica WHERE is_reserved") == [
        ("HEALTHY", "127.0.0.1", 20001)
    ]


def test_what_was_said_in_sentences_is_still_said(query: Query) -> None:
    def said(table: str, where: str, *values: object) -> str:
        reason, params = query(f"SELECT reason, params FROM deployments_{table} WHERE {where}", *values)[0]
        return render(Message.from_json({"reason": reason, "params": json.loads(params)}))

    ended = "While it was starting: The server ended with exit code 1."
    assert said("deployment", "id = ?", FAILED) == ended
    assert said("generation", "deployment_id = ?", FAILED) == ended
    assert said("attempt", "exit_code = 1") == ended
    waiting = query("SELECT waiting FROM deployments_generation WHERE deployment_id = ?", WAITING)[0][0]
    needs = "Waiting for capacity: it needs 3 GB of memory, 1 GB free."
    assert render(Message.from_json(json.loads(waiting))) == needs == said("deployment", "id = ?", WAITING)
    events = query("SELECT reason FROM deployments_deploymentevent ORDER BY id")
    assert events == [("Created",), ("StatusChanged",), ("Unreachable",)]
    assert said("deploymentevent", "id = 1") == "Deployment of running created."
    assert query("SELECT reason, params FROM deployments_deployment WHERE id = ?", RUNNING) == [("Running", "{}")]


def test_secrets_stay_as_they_were_encrypted(query: Query) -> None:
    assert query("SELECT name, encrypted FROM deployments_secret") == [("token", "gAAAA-old")]


def test_a_database_that_is_too_old_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "launchpad.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.executescript(BEFORE.read_text())
        database.execute("DELETE FROM django_migrations WHERE app = 'deployments' AND name > '0005'")
        database.commit()
    refused = subprocess.run(
        [sys.executable, "manage.py", "prepare"],
        cwd=settings.BASE_DIR,
        env={**os.environ, "LAUNCHPAD_HOME": str(tmp_path), "DATABASE_URL": f"sqlite:///{path}"},
        capture_output=True,
        text=True,
    )
    assert refused.returncode != 0
    assert "too old for this one to upgrade" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_what_a_connection_had_is_its_one_node_and_what_runs_keeps_its_resources(query: Query) -> None:
    nodes = {"name": "localhost", "cpu_millis": 8000, "memory_bytes": 16_000_000_000, "gpus": 1}
    assert [json.loads(row[0]) for row in query("SELECT nodes FROM deployments_connectionstatus")] == [[nodes]]
    assert query("SELECT node FROM deployments_replica WHERE is_reserved") == [("",)]
