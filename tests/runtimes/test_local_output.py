"""What the process beside a server makes of its output and of its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from deployments.lifecycle import ExitReason
from deployments.messages import render
from deployments.runtimes.exit_messages import exit_message, signal_message
from deployments.runtimes.local.driver import SHIM
from deployments.runtimes.local.limits import kills_for_limit, machine_kills
from deployments.runtimes.local.output import BURST, RATE, Pace
from deployments.runtimes.messages import english
from tests.runtimes.conftest import NewMachine
from tests.runtimes.machine import PYTHON, SECONDS, Machine
from tests.waiting import wait_until

BAR = """
import os, sys, time
for percent in range(1, 1001):
    sys.stderr.write(f"\\r{percent / 10:.1f} % of the weights")
    sys.stderr.flush()
while not os.path.exists(GATE):
    time.sleep(0.05)
sys.stderr.write("\\rall weights are there\\r\\n")
"""


def test_of_a_progress_bar_the_newest_state_is_shown_and_one_line_is_stored(machine: Machine, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    machine.start_python(f"GATE = {str(gate)!r}{BAR}")

    wait_until(
        lambda: [line.text for line in machine.runtime.unfinished_lines(machine.id)] == ["100.0 % of the weights"],
        timeout=SECONDS,
        what="the newest state of the bar is shown",
    )
    assert machine.lines("stderr") == []
    gate.touch()
    machine.ended()

    assert machine.lines("stderr") == ["all weights are there"]
    assert list(machine.runtime.unfinished_lines(machine.id)) == []


def test_output_without_end_is_read_at_a_pace_and_its_server_ends_with_a_stop(machine: Machine) -> None:
    machine.start_python("import sys\nwhile True: sys.stdout.write(('x' * 8000 + chr(10)) * 100)")

    wait_until(
        lambda: "It writes more than 1 MB/s of output: it has to wait." in machine.lines("launchpad"),
        timeout=SECONDS,
        what="it is told that the server waits",
    )
    machine.stop()

    assert machine.ended().reason is ExitReason.STOPPED


def test_what_was_read_beyond_the_burst_is_waited_for() -> None:
    pace = Pace(100.0)
    pace.take(BURST, 100.0)
    assert pace.pause(100.0) == 0

    pace.take(RATE, 100.0)
    assert (pace.pause(100.0), pace.pause(100.25), pace.pause(101.0)) == (1.0, 0.75, 0)

    pace.take(BURST, 1000.0)
    assert pace.pause(1000.0) == 0, "of a long silence no more than a burst is left"
    pace.take(1, 1000.0)
    assert pace.pause(1000.0) > 0


@pytest.mark.parametrize(
    ("script", "code", "message", "cause"),
    [
        ("exec no-such-server", 127, "the program is not in its environment or image", "no-such-server: not found"),
        ("exec /etc/passwd", 126, "the program may not be executed", "Permission denied"),
        ("echo 'error: model.skops is no model' >&2; exit 65", 65, "it refused its model file", "error: model.skops"),
        ("echo hello; exit 3", 3, "exit code 3.", "hello"),
        ("kill -9 $$", None, "killed by signal 9 (SIGKILL). Neither its memory limit nor the machine's memory", ""),
        ("echo serving; sh -c 'kill -9 $$'; exit $?", 137, "a process of it was killed by signal 9 (SIGKILL)", ""),
        ("echo core; kill -6 $$", None, "killed by signal 6 (SIGABRT).", "core"),
    ],
)
def test_how_a_server_ended_is_said_with_its_cause(
    machine: Machine, script: str, code: int | None, message: str, cause: str
) -> None:
    ended = machine.run(script)

    assert ended.code == code
    assert message in render(ended.message)
    assert cause in ended.first_error
    assert bool(cause) == bool(ended.first_error)


def test_a_cause_has_no_escape_sequences(machine: Machine) -> None:
    ended = machine.run(r"printf '\033]0;title\007\033[31mERROR\033[0m checkpoint not found\n'; exit 1")

    assert ended.reason is ExitReason.EXITED
    assert ended.first_error == "ERROR checkpoint not found"


def test_a_machine_without_memory_is_told_from_a_limit_that_was_met(tmp_path: Path) -> None:
    vmstat = tmp_path / "vmstat"
    vmstat.write_text("nr_free_pages 5\noom_kill 3\n")
    group = tmp_path / "v2"
    group.mkdir()

    (group / "memory.events").write_text("low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\noom_group_kill 0\n")
    by_the_machine = kills_for_limit(str(group))
    (group / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n")

    assert machine_kills(str(vmstat)) == 3
    assert machine_kills(str(tmp_path / "none")) == 0
    assert (by_the_machine, kills_for_limit(str(group))) == (0, 1)


def test_the_words_say_who_killed_a_server_where_that_is_known() -> None:
    assert "The machine ran out of memory" in english(signal_message(9, machine_ran_out=True))
    assert "The machine ran out of memory" in english(exit_message(137, machine_ran_out=True))
    assert "somebody or something else killed it" in english(signal_message(9, machine_ran_out=False))
    assert "memory" not in english(signal_message(11, machine_ran_out=True))


def test_what_a_long_preparation_says_is_seen_while_it_runs(new_machine: NewMachine, tmp_path: Path) -> None:
    gate, installer = tmp_path / "gate", tmp_path / "uv"
    installer.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = venv ]; then exit 0; fi\n'
        r"printf 'Downloading torch\n\r10 %% of 800 MB\r20 %% of 800 MB\n'"
        f"\nwhile [ ! -e {gate} ]; do sleep 0.05; done\necho 'error: no such package' >&2\nexit 1\n"
    )
    installer.chmod(0o755)
    machine = new_machine(uv=str(installer))
    machine.start("true", requirements=["torch"])

    wait_until(
        lambda: render(machine.seen(probe=True).detail).endswith("20 % of 800 MB"),
        timeout=SECONDS,
        what="its progress is seen",
    )
    assert "Downloading torch" in machine.lines("launchpad")
    gate.touch()

    ended = machine.ended()
    assert ended.reason is ExitReason.NOT_STARTED
    assert "cannot be built: no such package" in render(ended.message)


def test_a_server_is_told_where_to_listen(machine: Machine) -> None:
    machine.run('echo "$HOST $PORT"')
    assert machine.lines() == [f"127.0.0.1 {machine.port()}"]


_IMPATIENT = """
import sys
sys.path.insert(0, sys.argv[1])
import shim
shim.DRAIN_SECONDS = -1.0
shim.main(sys.argv[2])
"""
_LAST_WORDS = """
import fcntl, os
fcntl.fcntl(1, 1031, 1 << 20)  # F_SETPIPE_SZ: room for all of it, so that nobody waits for a reader
os.write(1, b"".join(b"line %d of what it says at its end\\n" % number for number in range(10_000)))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="enlarges a pipe")
def test_what_a_server_has_written_is_kept_when_no_time_is_left_after_its_end(machine: Machine) -> None:
    """As on a machine so busy that killing what is left of it takes all the time that its output has."""
    folder = machine.folder()
    folder.mkdir(parents=True)
    spec = machine.spec(PYTHON, "-I", "-S", "-c", _LAST_WORDS)
    (folder / "spec.json").write_text(json.dumps(machine.runtime._spec_builder.spec_file(spec, folder, 20_000)))
    command = [sys.executable, "-I", "-S", "-E", "-c", _IMPATIENT, str(SHIM.parent), str(folder)]

    subprocess.run(command, input="{}", text=True, check=True)
    machine.ended()

    newest = [line.text for line in machine.runtime.logs(machine.id, newest_first=True) if line.stream == "stdout"]
    assert newest[:2] == [f"line {number} of what it says at its end" for number in (9_999, 9_998)]
