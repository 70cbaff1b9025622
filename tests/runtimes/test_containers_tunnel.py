"""An engine on another machine, reached by SSH: this one, by a server of the test with keys of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.lifecycle import ReplicaPhase
from deployments.messages import Message, render
from deployments.runtimes.base import ConnectionReport
from deployments.runtimes.containers import report
from deployments.runtimes.containers.tunnel import Tunnel
from tests.engine import Engine
from tests.environment import free_port
from tests.runtimes.engine_machine import EngineMachine, remove_everything, runtime_at
from tests.waiting import wait_until

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def keygen(path: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return path


@pytest.fixture
def ssh_port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Serve SSH for the user of the tests, and let `ssh` know key and host."""
    if SSHD is None or not shutil.which("ssh-keygen"):
        pytest.skip("There is no SSH server here.")
    host, key, port = keygen(tmp_path / "host"), keygen(tmp_path / "key"), free_port()
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {host.with_suffix('.pub').read_text()}")
    settings = f"AuthorizedKeysFile {key}.pub\nHostKey {host}\nPidFile none\nStrictModes no\nPermitRootLogin yes\n"
    (tmp_path / "sshd_config").write_text(f"ListenAddress 127.0.0.1:{port}\n{settings}UsePAM no\n")
    (tmp_path / "ssh_config").write_text(f"IdentityFile {key}\nUserKnownHostsFile {tmp_path}/known\n")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ssh"
    program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {tmp_path}/ssh_config "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    log = (tmp_path / "sshd.log").open("wb")
    server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(tmp_path / "sshd_config")], stdout=log, stderr=log)
    try:
        wait_until(lambda: _listens(port) or server.poll() is not None, what="the SSH server listens")
        assert server.poll() is None, (tmp_path / "sshd.log").read_text()
        yield port
    finally:
        server.kill()
        server.wait(10)
        log.close()


def address(engine: Engine, port: int) -> str:
    return f"ssh://{getpass.getuser()}@127.0.0.1:{port}{engine.socket}"


def test_a_container_runs_on_an_engine_that_is_reached_by_ssh(engine: Engine, ssh_port: int, tmp_path: Path) -> None:
    found = report.test({"address": address(engine, ssh_port)}, {})
    assert isinstance(found, ConnectionReport), render(found)

    machine = EngineMachine(engine, tmp_path / "containers")
    machine.runtime = runtime_at(address(engine, ssh_port), tmp_path / "containers")
    machine.start()
    machine.until(ReplicaPhase.HEALTHY)
    remove_everything(engine)


def test_a_tunnel_that_breaks_is_built_anew_and_ends_with_us(engine: Engine, ssh_port: int) -> None:
    tunnel = Tunnel(address(engine, ssh_port))
    tunnel.open()
    first = tunnel._process
    assert first is not None

    os.kill(first.pid, signal.SIGKILL)
    first.wait(10)
    assert not tunnel.is_up()
    tunnel.open()
    second = tunnel._process
    assert second is not None
    assert second.stdin is not None
    second.stdin.close()  # as when we are killed

    assert second.wait(10) is not None


def test_a_machine_that_does_not_know_us_is_said_so(engine: Engine, ssh_port: int, tmp_path: Path) -> None:
    (tmp_path / "ssh_config").write_text(f"UserKnownHostsFile {tmp_path}/known\nIdentityFile none\n")

    found = report.test({"address": address(engine, ssh_port)}, {})

    assert isinstance(found, Message)
    assert "127.0.0.1 cannot be reached by SSH" in render(found)
    assert "Permission denied" in render(found)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
