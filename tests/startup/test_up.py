"""Starting and stopping the way a user does it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from launchpad import gateway_keeper
from launchpad.leftovers import marked
from launchpad.stop_requests import SECOND_REQUEST_AFTER_SECONDS
from tests.stack import Stack
from tests.waiting import wait_until

pytestmark = pytest.mark.stack
PROGRAMS = ["valkey", "gateway", "web", "worker"]


@pytest.fixture(scope="module")
def installation() -> Iterator[Stack]:
    """One installation for all tests here, in whatever state the last one has left it."""
    stack = Stack()
    yield stack
    stack.close()


@pytest.fixture
def stack(installation: Stack) -> Stack:
    """The same, running."""
    if not installation.is_running:
        installation.start()
    return installation


def test_the_banner_says_where_to_go_and_how_to_stop(stack: Stack) -> None:
    assert stack.health() == 200
    assert f"{stack.base_url}/sign-in/" in stack.output
    assert stack.gateway_url in stack.output
    assert str(stack.home) in stack.output
    assert "Ctrl-C" in stack.output


def test_a_fresh_installation_speaks_german(stack: Stack) -> None:
    page = stack.http.request("GET", f"{stack.base_url}/sign-in/", headers={"Accept-Language": "de"}).data.decode()
    assert "Anmelden" in page


def test_the_link_of_the_banner_signs_in_once(stack: Stack) -> None:
    first = stack.http.request("GET", stack.sign_in_url, redirect=False)
    second = stack.http.request("GET", stack.sign_in_url, redirect=False)
    assert "launchpad_session" in first.headers.get("Set-Cookie", "")
    assert "launchpad_session" not in second.headers.get("Set-Cookie", "")


def test_the_password_of_the_file_signs_in(stack: Stack) -> None:
    answer = stack.http.request("GET", f"{stack.base_url}/", headers=stack.sign_in(), redirect=False)
    assert answer.status == 200


def test_a_password_is_kept_as_a_slow_hash(stack: Stack) -> None:
    algorithm, iterations, *_ = stack.rows("SELECT password FROM deployments_user")[0][0].split("$")
    assert (algorithm, int(iterations) >= 600_000) == ("pbkdf2_sha256", True)


def test_the_service_key_of_the_file_gets_a_token(stack: Stack) -> None:
    assert stack.token().count(".") == 2


def test_secrets_are_readable_by_their_owner_only(stack: Stack) -> None:
    for name in ("secret-key", "admin-password", "service-key.json", "launchpad.sqlite3"):
        assert stat.S_IMODE((stack.home / name).stat().st_mode) == 0o600, name


def test_a_second_start_on_the_same_folder_is_refused_in_one_sentence(stack: Stack) -> None:
    other = Stack(stack.home)
    other.launch()
    assert other.up is not None
    assert other.up.wait(timeout=30) == 1
    assert "is running already" in other.output
    assert len(other.output.splitlines()) == 1
    assert stack.health() == 200


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_killed_program_is_started_again(stack: Stack, name: str) -> None:
    process = stack.process(name)
    process.kill()
    wait_until(
        lambda: stack.pid(name) not in (0, process.pid) and stack.health() == 200,
        timeout=30,
        what=f"{name} is back and everything answers",
    )
    wait_until(lambda: "was restarted" in stack.output, what="the terminal reports it")


def test_a_killed_supervisor_is_started_again_with_all_programs_and_the_gateway_goes_on(stack: Stack) -> None:
    gateway = stack.pid("gateway")
    others = [name for name in PROGRAMS if name != "gateway"]
    before = {name: stack.process(name).pid for name in others}
    supervisor = stack.process("web").parent()
    assert supervisor is not None
    supervisor.kill()
    wait_until(
        lambda: all(stack.pid(name) not in (0, before[name]) for name in others) and stack.health() == 200,
        timeout=30,
        what="all programs are new and answer",
    )
    assert "starting everything again" in stack.output
    assert stack.pid("gateway") == gateway


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_process(stack: Stack, number: signal.Signals) -> None:
    assert stack.stop(number) == 0
    assert stack.all_processes() == []
    assert stack.output.rstrip().endswith("Launchpad has stopped.")


def test_a_second_ctrl_c_stops_at_once(stack: Stack) -> None:
    assert stack.up is not None
    stack.process("worker").suspend()  # it will not follow SIGTERM
    stack.up.send_signal(signal.SIGINT)
    wait_until(lambda: stack.output.rstrip().endswith("running)"), what="it says that it stops")
    stack.up.send_signal(signal.SIGINT)  # the same request, passed on by make
    with pytest.raises(subprocess.TimeoutExpired):
        stack.up.wait(SECOND_REQUEST_AFTER_SECONDS)
    assert stack.stop(signal.SIGINT) == 130
    assert stack.all_processes() == []


def test_a_signal_to_the_process_group_is_one_wish(stack: Stack) -> None:
    assert stack.up is not None
    for _ in range(3):
        stack.up.send_signal(signal.SIGTERM)
    assert stack.up.wait(timeout=30) == 0
    assert stack.output.rstrip().endswith("Launchpad has stopped.")


def test_the_end_of_make_ends_it() -> None:
    stack = Stack(env={"MAKELEVEL": "1"})
    stack.launch("/bin/sh", "-c", '"$@" & wait', "make")
    wait_until(lambda: "Sign in" in stack.output, timeout=60, what="it is running")
    assert stack.up is not None
    stack.up.send_signal(signal.SIGHUP)
    stack.up.wait(timeout=10)
    wait_until(lambda: "Launchpad has stopped." in stack.output, timeout=30, what="it has stopped")
    assert stack.all_processes() == []
    stack.close()


@pytest.mark.parametrize("phase", ["at once", "Starting Launchpad ..."])
def test_a_stop_before_everything_runs_stops_model_servers_too(stack: Stack, phase: str) -> None:
    pk = stack.deploy()
    wait_until(lambda: stack.status(pk) == "RUNNING", timeout=60, what="the deployment is running")
    stack.kill()
    assert stack.model_servers()
    shown = stack.output.count(phase)
    stack.launch()
    if phase != "at once":
        wait_until(lambda: stack.output.count(phase) > shown, what="it has come so far")
    else:
        wait_until(lambda: len(stack.all_processes()) > 1, what="the checks run")
    assert stack.stop() == 0
    assert stack.model_servers() == {}
    assert stack.all_processes() == []
    assert stack.output.rstrip().endswith("Launchpad has stopped.")


def test_a_failure_of_the_foreground_process_leaves_nothing_running(stack: Stack) -> None:
    stack.stop()
    broken = (
        "import sys\n"
        "from launchpad import console, up\n"
        "def banner(*_): raise LookupError('broken')\n"
        "console.banner = banner\n"
        "sys.exit(up.main())\n"
    )
    stack.launch(program=("-c", broken))
    assert stack.up is not None
    assert stack.up.wait(timeout=60) == 1
    assert "LookupError: broken" in stack.output
    assert "Launchpad has stopped." in stack.output
    assert stack.all_processes() == []


def test_a_supervisor_that_ends_at_once_is_started_again_with_longer_and_longer_pauses(stack: Stack) -> None:
    path = stack.home / "run" / "supervisord.conf"
    whole = path.read_text()
    shown = len(stack.output)
    path.write_text("[supervisord]\nnodaemon = perhaps\n")
    supervisor = stack.process("web").parent()
    assert supervisor is not None
    supervisor.kill()
    wait_until(lambda: "again in 2 s" in stack.output[shown:], timeout=30, what="it waits longer")
    assert "again in 1 s" in stack.output[shown:]
    path.write_text(whole)
    wait_until(lambda: stack.health() == 200, timeout=30, what="everything answers again")


def test_a_killed_web_server_is_back_at_once(stack: Stack) -> None:
    stack.process("web").kill()
    began = time.monotonic()
    wait_until(lambda: stack.health() != 200, what="it is away")
    wait_until(lambda: stack.health() == 200, what="it is back")
    assert time.monotonic() - began < 4  # 2 s on a machine with nothing else to do


def test_after_kill_9_of_everything_the_next_start_works(stack: Stack) -> None:
    stack.kill()
    stack.start()
    assert stack.health() == 200


def test_after_kill_9_of_the_foreground_process_the_next_start_takes_over(stack: Stack) -> None:
    assert stack.up is not None
    gateway = {process.pid for process in marked(str(stack.home), gateway_keeper.MARK)}
    before = {process.pid for process in stack.all_processes()} - gateway
    stack.up.kill()
    stack.up.wait(timeout=10)
    stack.start()
    assert stack.health() == 200
    assert not before & {process.pid for process in stack.all_processes()}
    assert stack.pid("gateway") in gateway


def test_a_frozen_gateway_is_started_anew(stack: Stack) -> None:
    gateway = stack.pid("gateway")
    for worker in psutil.Process(gateway).children():
        worker.suspend()
    wait_until(
        lambda: stack.pid("gateway") not in (0, gateway) and stack.health() == 200,
        timeout=60,
        what="another gateway answers",
    )


def test_the_gateway_is_started_before_anything_else_from_what_is_on_disk(stack: Stack) -> None:
    stack.kill()
    stack.launch()
    wait_until(lambda: stack.pid("gateway"), what="the gateway answers")
    assert stack.programs() == {}
    wait_until(lambda: stack.health() == 200, timeout=60, what="everything answers")


def refusal(stack: Stack) -> str:
    """Return what a start that must fail prints."""
    stack.launch()
    assert stack.up is not None
    assert stack.up.wait(timeout=30) == 1
    assert stack.all_processes() == []
    return stack.output.strip()


@pytest.mark.parametrize("which", ["port", "gateway_port"])
def test_a_taken_port_is_told_in_one_sentence(which: str) -> None:
    stack = Stack()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", getattr(stack, which)))
        taken.listen()
        said = refusal(stack)
    assert said.startswith(f"Port {getattr(stack, which)} is taken by another program")
    assert len(said.splitlines()) == 1
    stack.close()


@pytest.mark.skipif(bool(shutil.which("haproxy", path="/usr/local/sbin:/usr/sbin:/sbin")), reason="it is installed")
def test_a_platform_without_haproxy_is_told_what_to_install() -> None:
    nowhere = {"PATH": str(Path(sys.executable).parent), "RAY_SERVE_HAPROXY_BINARY_PATH": "/there/is/none"}
    stack = Stack(env=nowhere)
    said = refusal(stack).splitlines()
    assert "There is no HAProxy for this system: install version" in said[-1]
    assert "Traceback" not in "".join(said)
    stack.close()


def test_a_home_that_cannot_be_written_is_told_in_one_sentence() -> None:
    stack = Stack()
    file = stack.home / "file"
    file.touch()
    stack.env["LAUNCHPAD_HOME"] = str(file / "home")
    said = refusal(stack)
    assert said.startswith(f"The folder {file / 'home'} cannot be written")
    assert len(said.splitlines()) == 1
    stack.close()


def test_a_home_with_a_long_path_is_told_in_one_sentence() -> None:
    stack = Stack()
    stack.env["LAUNCHPAD_HOME"] = str(stack.home / ("long" * 20))
    said = refusal(stack)
    assert "is too long" in said
    assert len(said.splitlines()) == 1
    stack.close()


@pytest.mark.parametrize(
    ("setting", "value", "word"),
    [
        ("LAUNCHPAD_PORT", "eight", "not a number"),
        ("LAUNCHPAD_PORT", "70000", "from 1 to 65535"),
        ("LAUNCHPAD_BIND", "nowhere.invalid", "not an address of this machine"),
        ("DATABASE_URL", "nonsense", "DATABASE_URL cannot be read"),
        ("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none", "database cannot be reached"),
        ("BROKER_URL", "amqp://localhost", "BROKER_URL is not the address"),
        ("LAUNCHPAD_TLS_CERT", "/etc/hostname", "Only one of LAUNCHPAD_TLS_CERT and LAUNCHPAD_TLS_KEY"),
    ],
)
def test_a_wrong_setting_is_told_and_nothing_is_started(setting: str, value: str, word: str) -> None:
    stack = Stack(env={setting: value})
    said = refusal(stack)
    assert word in said
    assert "Traceback" not in said
    stack.close()


def test_production_settings_pass_the_deployment_checks() -> None:
    env = {"LAUNCHPAD_URL": "https://launchpad.example.com", "LAUNCHPAD_RUN_AS": os.environ.get("USER", "root")}
    stack = Stack(env=env)
    stack.manage("check", "--deploy", "--fail-level", "WARNING")
    stack.close()
