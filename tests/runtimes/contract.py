"""One suite that every runtime has to pass: what `deployments.runtimes.base.Runtime` promises, seen from outside.

`RuntimeContract` asks nothing of a server but that it can serve, wait and end; `shell_contract.py` has the rest, for
runtimes whose servers are programs. A runtime's own test module inherits one of them, gives the fixtures `open_as` and
`unreachable`, and says how its servers are made where that differs.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from deployments.errors import CursorInvalid, RuntimeRejected, RuntimeUnavailable
from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.messages import render
from deployments.runtimes.base import LogLine, Owner, ReplicaSpec, ReplicaStatus, Resources, Runtime
from tests.waiting import wait_until

OURS = Owner(installation="a1", connection="1")
OTHERS = (Owner(installation="a1", connection="2"), Owner(installation="b2", connection="1"))
SMALL = Resources(cpu_millis=100, memory_bytes=200_000_000)

OpenAs = Callable[[Owner], Runtime]


def new_id() -> str:
    """Return the id of a deployment that nobody has."""
    return f"d{uuid.uuid4().hex[:15]}"


class RuntimeContract:
    """What a driver may change: how a server is told what to do, and how long its runtime may take."""

    SECONDS = 20.0  # until a server is started or has ended
    SERVES: tuple[str, ...]  # the command of a server that answers GET / with 200 on {{runtime.port}}

    @pytest.fixture
    def open_as(self) -> OpenAs:
        """Open runtimes on one engine without replicas; all they have ends afterwards."""
        pytest.fail("The test module of a runtime gives this fixture.")

    @pytest.fixture
    def runtime(self, open_as: OpenAs) -> Runtime:
        return open_as(OURS)

    @pytest.fixture
    def unreachable(self) -> Runtime:
        """Give a runtime that cannot be asked."""
        pytest.fail("The test module of a runtime gives this fixture.")

    WAITS: tuple[str, ...]  # the command of a server that never listens, and ends when it is told to

    def exits(self, code: int, *lines: str) -> tuple[str, ...]:
        """Return the command of a server that writes lines to stderr and ends with an exit code."""
        pytest.fail("The test module of a runtime gives this command.")

    def tells(self, text: str) -> tuple[str, ...]:
        """Return the command of a server that writes a text, with `$VARIABLES`, to both streams and ends with 3."""
        pytest.fail("The test module of a runtime gives this command.")

    def spec(self, name: str, command: tuple[str, ...] = (), *, attempt: int = 1) -> ReplicaSpec:
        command = command or self.SERVES
        return ReplicaSpec(
            name=name, attempt=attempt, command=command, resources=SMALL, health_path="/", grace_seconds=5
        )

    def wait(self, runtime: Runtime, name: str, phase: ReplicaPhase) -> ReplicaStatus:
        """Wait until a replica is in a phase and return it."""
        deployment_id = name.split("-")[0]

        def look() -> ReplicaStatus | None:
            found = [one for one in runtime.get(deployment_id) if one.name == name]
            return found[0] if found and found[0].phase is phase else None

        found = wait_until(look, timeout=self.SECONDS, what=f"{name} is {phase}")
        assert found is not None
        return found

    def run(self, runtime: Runtime, name: str, command: tuple[str, ...] = (), *, attempt: int = 1) -> ReplicaStatus:
        """Run a server that ends by itself to its end."""
        runtime.start(self.spec(name, command or self.exits(0), attempt=attempt))
        return self.wait(runtime, name, ReplicaPhase.EXITED)

    # --- start --------------------------------------------------------------------------------------------------

    def test_a_server_is_seen_healthy_with_its_address(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        before = datetime.now(UTC)

        runtime.start(self.spec(name))
        at_once = next(one for one in runtime.list_all() if one.name == name)
        seen = self.wait(runtime, name, ReplicaPhase.HEALTHY)

        assert (seen.attempt, seen.exit) == (1, None)
        assert seen.endpoint is not None
        assert seen.endpoint.problem is None
        assert at_once.endpoint in (None, seen.endpoint)
        assert before - timedelta(seconds=1) <= seen.started_at <= datetime.now(UTC)

    def test_the_same_attempt_again_starts_nothing(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        runtime.start(self.spec(name))
        first = self.wait(runtime, name, ReplicaPhase.HEALTHY)

        runtime.start(self.spec(name))
        again = self.wait(runtime, name, ReplicaPhase.HEALTHY)

        assert (again.started_at, again.endpoint) == (first.started_at, first.endpoint)

    def test_many_starts_of_one_attempt_at_once_start_one_server(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        spec = self.spec(name, self.exits(0, "begun"))

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(runtime.start, [spec] * 8))
        self.wait(runtime, name, ReplicaPhase.EXITED)

        assert [line.text for line in runtime.logs(name.split("-")[0]) if line.stream == "stderr"] == ["begun"]

    def test_an_attempt_that_has_ended_is_not_started_again(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        first = self.run(runtime, name, self.exits(3))

        runtime.start(self.spec(name))

        assert self.wait(runtime, name, ReplicaPhase.EXITED) == first

    def test_the_last_attempt_is_the_one_seen(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        self.run(runtime, name, self.exits(3))

        runtime.start(self.spec(name, attempt=2))
        seen = self.wait(runtime, name, ReplicaPhase.HEALTHY)

        assert (seen.attempt, seen.exit) == (2, None)

    def test_what_can_never_start_is_rejected_with_a_sentence(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"

        with pytest.raises(RuntimeRejected, match=r"input artifact model.*\.$"):
            runtime.start(self.spec(name, ("serve", "{{runtime.artifacts.model}}")))

        assert [one for one in runtime.list_all() if one.name == name] == []

    def test_a_secret_reaches_the_server_and_is_struck_out_of_its_log(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        script = self.tells("it is $TOKEN")
        secret = {"TOKEN": "top-secret"}
        spec = self.spec(name, script)

        runtime.start(replace(spec, secret_env=secret))
        ended = self.wait(runtime, name, ReplicaPhase.EXITED).exit

        assert ended is not None
        said = {line.text for line in runtime.logs(name.split("-")[0]) if line.stream != "launchpad"}
        assert said == {"it is [secret]"}
        assert "top-secret" not in f"{ended} {replace(spec, secret_env=secret)}"

    # --- how it ends --------------------------------------------------------------------------------------------

    def test_an_exit_code_is_seen_with_the_cause(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"

        ended = self.run(runtime, name, self.exits(3, "fine", "ValueError: no such model", "more")).exit

        assert ended is not None
        assert (ended.reason, ended.code, ended.signal) == (ExitReason.EXITED, 3, None)
        assert ended.first_error == "ValueError: no such model"
        line = next(line for line in runtime.logs(name.split("-")[0]) if line.text == ended.first_error)
        assert ended.first_error_at == line.at
        assert render(ended.message).endswith(".")

    def test_a_program_that_is_not_there_is_not_started(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"

        runtime.start(self.spec(name, ("no-such-program-anywhere",)))
        ended = self.wait(runtime, name, ReplicaPhase.EXITED).exit

        assert ended is not None
        assert ended.reason is ExitReason.NOT_STARTED
        assert "no-such-program-anywhere" in render(ended.message)

    # --- stop ---------------------------------------------------------------------------------------------------

    def test_a_stop_ends_the_server_however_often_it_is_asked(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        runtime.start(self.spec(name))
        self.wait(runtime, name, ReplicaPhase.HEALTHY)

        runtime.stop(name, 1)
        phase = next(one.phase for one in runtime.list_all() if one.name == name)
        runtime.stop(name, 1)
        first = self.wait(runtime, name, ReplicaPhase.EXITED)
        runtime.stop(name, 1)

        assert phase in {ReplicaPhase.STOPPING, ReplicaPhase.EXITED}
        assert first.exit is not None
        assert first.exit.reason is ExitReason.STOPPED
        assert self.wait(runtime, name, ReplicaPhase.EXITED) == first

    def test_a_server_can_be_stopped_before_it_is_healthy(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"

        runtime.start(self.spec(name, self.WAITS))
        runtime.stop(name, 1)
        ended = self.wait(runtime, name, ReplicaPhase.EXITED).exit

        assert ended is not None
        assert ended.reason is ExitReason.STOPPED

    def test_a_stop_of_what_was_never_started_does_nothing(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"

        runtime.stop(name, 2)

        assert list(runtime.list_all()) == []
        runtime.start(self.spec(name))
        assert self.wait(runtime, name, ReplicaPhase.HEALTHY).attempt == 1

    def test_an_older_attempt_never_runs_after_a_newer_one(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        runtime.start(self.spec(name, attempt=3))
        self.wait(runtime, name, ReplicaPhase.HEALTHY)

        runtime.start(self.spec(name, self.exits(0, "late"), attempt=2))

        assert self.wait(runtime, name, ReplicaPhase.HEALTHY).attempt == 3
        runtime.stop(name, 3)
        self.wait(runtime, name, ReplicaPhase.EXITED)
        runtime.start(self.spec(name, self.exits(0, "late"), attempt=2))
        assert self.wait(runtime, name, ReplicaPhase.EXITED).attempt == 3
        assert "late" not in {line.text for line in runtime.logs(name.split("-")[0])}

    # --- looking ------------------------------------------------------------------------------------------------

    def test_only_the_replicas_of_a_deployment_are_its_own(self, runtime: Runtime) -> None:
        one, other = new_id(), new_id()
        names = [f"{one}-1-0", f"{one}-1-1", f"{other}-1-0"]
        for name in names:
            self.run(runtime, name)

        assert sorted(seen.name for seen in runtime.get(one)) == names[:2]
        assert list(runtime.get(one[:-1])) == []
        assert set(names) <= {seen.name for seen in runtime.list_all()}

    def test_a_healthy_server_stays_so_for_those_who_do_not_ask_it(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        runtime.start(self.spec(name))
        self.wait(runtime, name, ReplicaPhase.HEALTHY)

        unasked = runtime.get(name.split("-")[0], probe=False)

        assert [one.phase for one in unasked] == [ReplicaPhase.HEALTHY]
        assert [one.phase for one in runtime.list_all() if one.name == name] == [ReplicaPhase.HEALTHY]

    def test_nodes_have_names_of_their_own_and_room_for_something(self, runtime: Runtime) -> None:
        nodes = runtime.nodes()

        names = [node.name for node in nodes]
        assert all(names)
        assert len(set(names)) == len(names) >= 1
        for node in nodes:
            assert node.resources.cpu_millis >= 1000
            assert node.resources.memory_bytes >= 100_000_000
            assert node.resources.gpus >= 0

    def test_nodes_are_the_same_whoever_asks_and_whatever_runs(self, open_as: OpenAs) -> None:
        runtime = open_as(OURS)
        before = {node.name: node.resources for node in runtime.nodes()}
        name = f"{new_id()}-1-0"
        runtime.start(self.spec(name))
        self.wait(runtime, name, ReplicaPhase.HEALTHY)

        again = open_as(OURS)

        assert {node.name: node.resources for node in again.nodes()} == before

    def test_a_replica_starts_on_every_node_and_without_one(self, runtime: Runtime) -> None:
        deployment_id = new_id()
        nodes = ["", *(node.name for node in runtime.nodes())]

        for number, node in enumerate(nodes):
            runtime.start(replace(self.spec(f"{deployment_id}-1-{number}"), node=node))

        for number in range(len(nodes)):
            self.wait(runtime, f"{deployment_id}-1-{number}", ReplicaPhase.HEALTHY)

    # --- whose it is --------------------------------------------------------------------------------------------

    @pytest.mark.parametrize("owner", OTHERS, ids=["another connection", "another installation"])
    def test_what_others_have_started_is_neither_seen_nor_touched(self, open_as: OpenAs, owner: Owner) -> None:
        ours, theirs = open_as(OURS), open_as(owner)
        name = f"{new_id()}-1-0"
        ours.start(self.spec(name))
        self.wait(ours, name, ReplicaPhase.HEALTHY)

        theirs.stop(name, 1)
        theirs.delete(name)

        assert list(theirs.list_all()) == []
        assert list(theirs.get(name.split("-")[0])) == []
        assert list(theirs.logs(name.split("-")[0])) == []
        assert [(one.name, one.phase) for one in ours.list_all()] == [(name, ReplicaPhase.HEALTHY)]
        with pytest.raises(RuntimeRejected, match=name):
            theirs.start(self.spec(name))

    # --- logs and deletion --------------------------------------------------------------------------------------

    def test_logs_hold_all_replicas_and_attempts_in_the_order_of_time(self, runtime: Runtime) -> None:
        deployment_id = new_id()
        self.run(runtime, f"{deployment_id}-1-0", self.exits(1, "one"))
        self.run(runtime, f"{deployment_id}-1-1", self.exits(1, "two"))
        self.run(runtime, f"{deployment_id}-1-0", self.exits(1, "three"), attempt=2)

        lines = list(runtime.logs(deployment_id))
        said = [line for line in lines if line.stream != "launchpad"]

        assert [(line.replica[-1], line.attempt, line.stream, line.text) for line in said] == [
            ("0", 1, "stderr", "one"),
            ("1", 1, "stderr", "two"),
            ("0", 2, "stderr", "three"),
        ]
        assert all(earlier.at <= later.at for earlier, later in pairwise(lines))
        assert list(runtime.logs(deployment_id, newest_first=True)) == lines[::-1]
        of_one = [line for line in lines if (line.replica, line.attempt) == (f"{deployment_id}-1-0", 2)]
        assert list(runtime.logs(deployment_id, replica=f"{deployment_id}-1-0", attempt=2)) == of_one

    @pytest.mark.parametrize("newest_first", [False, True])
    def test_logs_are_read_on_from_a_cursor(self, runtime: Runtime, newest_first: bool) -> None:
        deployment_id = new_id()
        for replica in (0, 1):
            self.run(runtime, f"{deployment_id}-1-{replica}", self.exits(0, *"12345"))
        whole = list(runtime.logs(deployment_id, newest_first=newest_first))
        assert len(whole) >= 10

        pieces: list[LogLine] = []
        cursor = ""
        while piece := runtime.logs(deployment_id, limit=3, cursor=cursor, newest_first=newest_first):
            assert len(piece) <= 3
            pieces += piece
            cursor = piece[-1].cursor

        assert pieces == whole
        with pytest.raises(CursorInvalid):
            runtime.logs(deployment_id, cursor="of somebody else")

    def test_what_is_deleted_leaves_nothing(self, runtime: Runtime) -> None:
        deployment_id = new_id()
        kept, gone = f"{deployment_id}-1-0", f"{deployment_id}-1-1"
        for name in (kept, gone):
            self.run(runtime, name, self.exits(0, "word"))

        for _ in range(2):
            runtime.delete(gone)
        runtime.delete(f"{new_id()}-1-0")

        assert [one.name for one in runtime.get(deployment_id)] == [kept]
        assert {line.replica for line in runtime.logs(deployment_id)} == {kept}

    def test_a_server_that_runs_is_not_deleted(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"
        runtime.start(self.spec(name))
        self.wait(runtime, name, ReplicaPhase.HEALTHY)

        runtime.delete(name)

        assert self.wait(runtime, name, ReplicaPhase.HEALTHY).name == name

    # --- a runtime that cannot be asked -------------------------------------------------------------------------

    @pytest.mark.parametrize("call", ["start", "stop", "get", "list_all", "delete", "logs"])
    def test_a_runtime_that_cannot_be_asked_says_why(self, unreachable: Runtime, call: str) -> None:
        name = f"{new_id()}-1-0"
        calls: dict[str, Callable[[], object]] = {
            "start": lambda: unreachable.start(self.spec(name)),
            "stop": lambda: unreachable.stop(name, 1),
            "get": lambda: unreachable.get(name.split("-")[0]),
            "list_all": unreachable.list_all,
            "delete": lambda: unreachable.delete(name),
            "logs": lambda: list(unreachable.logs(name.split("-")[0])),
        }

        with pytest.raises(RuntimeUnavailable, match=r"^[A-Z].+\.$"):
            calls[call]()
