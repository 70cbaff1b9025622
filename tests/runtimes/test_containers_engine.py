"""Containers outlive the engine's service and Launchpad; an engine that does not answer is said so at once."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from deployments.errors import RuntimeUnavailable
from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import Message, render
from deployments.runtimes.base import ConnectionReport
from deployments.runtimes.containers import preparing, report
from deployments.runtimes.containers.labels import container_name
from deployments.runtimes.containers.records import Records
from tests.engine import Engine
from tests.environment import free_port
from tests.runtimes.authority import Authority, forwarding
from tests.runtimes.contract import OURS
from tests.runtimes.engine_machine import EngineMachine, open_runtime, runtime_at
from tests.waiting import wait_until


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_restart_of_the_engine_adopts_what_runs_and_tells_what_has_ended(
    containers: EngineMachine, number: int
) -> None:
    runs, ends = f"{containers.id}-1-0", f"{containers.id}-1-1"
    script = "trap 'exit 0' TERM; until [ -e /tmp/end ]; do sleep 0.1; done; exit 7"
    containers.start()
    containers.start("/bin/sh", "-c", script, name=ends)
    containers.until(ReplicaPhase.HEALTHY)
    wait_until(lambda: len(_live(containers)) == 2, timeout=20, what="both run")
    pid = int(_inspect(containers, ends)["State"]["Pid"])

    containers.engine.stop(number)
    try:
        with pytest.raises(RuntimeUnavailable, match=r"No container engine answers at unix://"):
            containers.runtime.list_all()
        os.kill(pid, signal.SIGKILL)
    finally:
        containers.engine.start()
    found = {one.name: one for one in containers.runtime.list_all()}

    assert found[runs].phase is ReplicaPhase.HEALTHY
    wait_until(
        lambda: {one.name: one.phase for one in containers.runtime.list_all()}[ends] is ReplicaPhase.EXITED,
        timeout=20,
        what="the end is seen",
    )
    ended = next(one.exit for one in containers.runtime.list_all() if one.name == ends)
    assert ended is not None
    assert (ended.reason, ended.signal) == (ExitReason.SIGNALED, 9)


def test_another_process_with_no_memory_and_no_records_goes_on_with_the_containers(
    containers: EngineMachine, tmp_path: Path
) -> None:
    containers.start()
    before = containers.until(ReplicaPhase.HEALTHY)

    other = open_runtime(containers.engine, tmp_path / "elsewhere")
    found = list(other.get(containers.id))
    other.stop(containers.name, 1)

    assert [(one.name, one.phase, one.endpoint) for one in found] == [
        (containers.name, ReplicaPhase.HEALTHY, before.endpoint)
    ]
    assert found[0].started_at == before.started_at
    assert containers.ended().reason is not None


def test_an_attempt_whose_worker_died_before_there_was_a_container_is_started_again(
    containers: EngineMachine,
) -> None:
    containers.start("/no/such/program")
    containers.ended()
    path = next(containers.home.rglob("attempt-1.json"))
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"exit": None, "phase": "PREPARING", "worker": [2**22 - 1, "0"]}))

    assert containers.seen() is None
    containers.start()

    assert containers.until(ReplicaPhase.HEALTHY).started_at.timestamp() == pytest.approx(record["at"], abs=0.001)


def test_a_container_that_was_made_and_never_started_is_started_by_the_next_call(containers: EngineMachine) -> None:
    containers.start()
    containers.until(ReplicaPhase.HEALTHY)
    made = containers.container()
    with containers.client() as client:
        config = {"Image": made["Config"]["Image"], "Labels": made["Config"]["Labels"]}
        config |= {
            "Entrypoint": made["Config"]["Entrypoint"],
            "HostConfig": {"PortBindings": made["HostConfig"]["PortBindings"]},
        }
        client.remove_container(made["Id"], force=True)
        client.create_container_from_config(
            config | {"Cmd": made["Config"]["Cmd"]}, name=made["Name"].removeprefix("/")
        )
    path = next(containers.home.rglob("attempt-1.json"))
    path.write_text(json.dumps(json.loads(path.read_text()) | {"phase": "STARTING", "worker": [2**22 - 1, "0"]}))

    assert containers.seen() is None
    containers.start()

    containers.until(ReplicaPhase.HEALTHY)


def test_a_container_that_somebody_removed_is_lost(containers: EngineMachine) -> None:
    containers.start()
    containers.until(ReplicaPhase.HEALTHY)

    with containers.client() as client:
        client.remove_container(containers.container()["Id"], force=True)

    assert containers.ended().reason is ExitReason.LOST


def test_a_server_is_healthy_before_the_thread_that_started_it_is_done(
    containers: EngineMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preparing, "is_running_here", lambda *attempt: True)
    containers.start()
    containers.until(ReplicaPhase.HEALTHY)

    unasked = containers.seen(probe=False)

    assert unasked is not None
    assert unasked.phase is ReplicaPhase.HEALTHY


def test_what_waits_for_a_registry_that_is_silent_ends_at_once_and_for_good(containers: EngineMachine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        containers.start(image=f"127.0.0.1:{silent.getsockname()[1]}/team/server:1")
        connection, _ = silent.accept()
        assert containers.until(ReplicaPhase.PREPARING).detail is not None

        containers.runtime.stop(containers.name, 1)
        ended = containers.ended()
        containers.runtime.delete(containers.name)
        connection.close()
    records = Records(containers.home / "a1-1")
    wait_until(lambda: not preparing.is_running_here(records, containers.name, 1), timeout=60, what="it has given up")

    assert ended.message.reason == "StoppedBeforeStart"
    assert containers.seen() is None
    assert not list(containers.home.rglob("attempt-*"))
    with containers.client() as client:
        assert client.containers(all=True) == []


def test_the_last_five_attempts_are_kept_with_their_logs(containers: EngineMachine) -> None:
    for attempt in range(1, 8):
        containers.script(f"echo {attempt}", attempt=attempt)

    assert containers.lines() == ["3", "4", "5", "6", "7"]


def test_a_server_that_ignores_its_stop_is_killed_after_its_grace_time(containers: EngineMachine) -> None:
    containers.start("/bin/sh", "-c", "trap '' TERM; while true; do sleep 0.1; done", grace_seconds=0.5)
    wait_until(lambda: _live(containers), timeout=20, what="it runs")

    containers.runtime.stop(containers.name, 1)
    ended = containers.ended()

    assert ended.reason is ExitReason.STOPPED
    assert ended.message.reason == "KilledAfterGrace"


def test_a_line_without_an_end_is_shown_as_such_until_it_has_one(containers: EngineMachine) -> None:
    script = "trap 'exit 0' TERM; echo whole; printf 'half '; until [ -e /tmp/go ]; do sleep 0.1; done; echo done"
    containers.start("/bin/sh", "-c", script)

    def unfinished() -> list[str]:
        return [line.text for line in containers.runtime.unfinished_lines(containers.id)]

    wait_until(lambda: containers.lines() == ["whole"] and unfinished() == ["half "], timeout=30, what="it is there")
    containers.engine.podman("exec", containers.container()["Id"], "touch", "/tmp/go")
    containers.ended()

    assert containers.lines() == ["whole", "half done"]
    assert unfinished() == []


def test_many_calls_at_once_keep_their_connections(
    containers: EngineMachine, caplog: pytest.LogCaptureFixture
) -> None:
    containers.runtime.nodes()  # what the engine has is known from here on
    with ThreadPoolExecutor(40) as threads:
        found = list(threads.map(lambda _: containers.runtime.nodes(), range(200)))

    assert len(found) == 200
    assert "pool is full" not in caplog.text


# --- engines that do not answer, and what is told of those that do ----------------------------------------------


def test_what_is_no_engine_is_said_so(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")

        thread = threading.Thread(target=answer)
        thread.start()
        found = report.test({"address": f"tcp://127.0.0.1:{port}"}, {})
        thread.join()

    assert isinstance(found, Message)
    assert render(found) == f"What answers at tcp://127.0.0.1:{port} is no container engine."


def test_a_port_where_nobody_listens_and_a_socket_that_is_closed_to_us_are_told_apart(tmp_path: Path) -> None:
    nobody = report.test({"address": f"tcp://127.0.0.1:{free_port()}"}, {})
    assert isinstance(nobody, Message)
    assert nobody.reason == "EngineAbsent"

    nothing = report.test({"address": f"unix://{tmp_path}/none.sock"}, {})
    assert isinstance(nothing, Message)
    assert nothing.reason == "EngineAbsent"


@pytest.fixture
def behind_tls(engine: Engine, tmp_path: Path) -> Iterator[tuple[str, Authority]]:
    """Serve the engine by TCP with TLS, to those alone that have a certificate of its authority."""
    authority = Authority()
    with forwarding(engine.socket, authority, tmp_path) as port:
        yield f"tcp://127.0.0.1:{port}", authority


def test_an_engine_behind_tls_knows_us_by_our_certificate(behind_tls: tuple[str, Authority], tmp_path: Path) -> None:
    address, authority = behind_tls
    cert, key = authority.issue("launchpad")
    secrets = {"ca": authority.pem, "cert": cert, "key": key}

    found = report.test({"address": address}, secrets)

    assert isinstance(found, ConnectionReport), render(found)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and key in path.read_text(errors="replace")]


@pytest.mark.parametrize("wrong", ["no certificate", "another authority", "no text of a certificate", "no tls"])
def test_tls_that_fails_is_said_so(behind_tls: tuple[str, Authority], wrong: str) -> None:
    address, authority = behind_tls
    cert, key = authority.issue("launchpad")
    secrets = {
        "no certificate": {"ca": authority.pem},
        "another authority": {"ca": Authority().pem, "cert": cert, "key": key},
        "no text of a certificate": {"ca": "text", "cert": cert, "key": key},
        "no tls": {},
    }[wrong]

    found = report.test({"address": address}, secrets)

    assert isinstance(found, Message)
    assert found.reason in ({"EngineBrokeOff", "NotAnEngine"} if wrong == "no tls" else {"EngineUntrusted"})


def test_the_test_of_an_engine_says_what_it_is_and_has(engine: Engine) -> None:
    found = report.test({"address": engine.address}, {})

    assert isinstance(found, ConnectionReport)
    assert found.version.startswith("Podman 4")
    assert found.cpu_millis == (os.cpu_count() or 0) * 1000
    assert (found.memory_bytes or 0) > 1e9
    assert found.disk_free_bytes


def test_an_engine_at_a_usual_place_is_offered(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.address)

    found = [one for one in report.offers() if one.options == {"address": engine.address}]

    assert [(one.name, one.message.reason) for one in found] == [("podman", "EngineAnswers")]


def test_a_connection_has_what_its_options_say_else_all_that_the_engine_has(engine: Engine, tmp_path: Path) -> None:
    share = runtime_at(engine.address, tmp_path, OURS, cpu=1.5, memory_gb=2, gpus=3).nodes()[0].resources

    assert (share.cpu_millis, share.memory_bytes, share.gpus) == (1500, 2_000_000_000, 3)


def _live(containers: EngineMachine) -> list[str]:
    with containers.client() as client:
        return [one["Id"] for one in client.containers()]


def _inspect(containers: EngineMachine, name: str) -> dict[str, Any]:
    with containers.client() as client:
        found: dict[str, Any] = client.inspect_container(container_name(OURS, name, 1))
    return found
