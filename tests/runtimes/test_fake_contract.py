"""The runtime in memory keeps the contract of all runtimes, as far as that needs no programs; and its variants."""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace

import pytest

from deployments.errors import RuntimeRejected, RuntimeUnavailable
from deployments.lifecycle import ReplicaPhase
from deployments.runtimes.base import Node, Resources, Runtime
from deployments.runtimes.fake.driver import SLOW_CALLS, FakeRuntime
from deployments.runtimes.fake.engine import engine
from deployments.runtimes.fake.kind import DRIVER
from tests.runtimes.contract import OURS, OpenAs, RuntimeContract, new_id

NODES = (
    Node(name="one", resources=Resources(cpu_millis=4000, memory_bytes=8_000_000_000, gpus=1)),
    Node(name="two", resources=Resources(cpu_millis=2000, memory_bytes=16_000_000_000)),
)


class TestFakeRuntime(RuntimeContract):
    SERVES = ("serve",)
    WAITS = ("wait",)

    def exits(self, code: int, *lines: str) -> tuple[str, ...]:
        return ("exit", str(code), *lines)

    def tells(self, text: str) -> tuple[str, ...]:
        return ("tell", text)

    @pytest.fixture
    def open_as(self) -> OpenAs:
        options = {"engine": uuid.uuid4().hex}
        return lambda owner: FakeRuntime(owner, options, {})

    @pytest.fixture
    def unreachable(self) -> Runtime:
        return FakeRuntime(OURS, {"variant": "unreachable"}, {})


class TestSlowRuntime(TestFakeRuntime):
    """Slow is not broken: the same promises hold."""

    @pytest.fixture
    def open_as(self) -> OpenAs:
        options = {"engine": uuid.uuid4().hex, "variant": "slow"}
        return lambda owner: FakeRuntime(owner, options, {})


class TestRuntimeOfSeveralNodes(TestFakeRuntime):
    """Nodes are more than one, of different sizes."""

    @pytest.fixture
    def open_as(self) -> OpenAs:
        options = {"engine": uuid.uuid4().hex}
        engine(options["engine"]).nodes = NODES
        return lambda owner: FakeRuntime(owner, options, {})

    def test_a_replica_of_a_node_that_is_gone_is_refused(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"

        with pytest.raises(RuntimeRejected, match="node three is not there any more"):
            runtime.start(replace(self.spec(name), node="three"))

        assert list(runtime.get(name.split("-")[0])) == []


def started(variant: str) -> tuple[FakeRuntime, str]:
    runtime = FakeRuntime(OURS, {"engine": uuid.uuid4().hex, "variant": variant}, {"token": "t0p-secret"})
    name = f"{new_id()}-1-0"
    runtime.start(TestFakeRuntime().spec(name))
    return runtime, name.split("-")[0]


def test_a_slow_server_takes_several_looks() -> None:
    runtime, pk = started("slow")

    phases = [runtime.get(pk)[0].phase for _ in range(SLOW_CALLS)]

    assert phases == [ReplicaPhase.STARTING] * (SLOW_CALLS - 1) + [ReplicaPhase.HEALTHY]


def test_a_server_may_never_be_healthy() -> None:
    runtime, pk = started("never")

    assert {runtime.get(pk)[0].phase for _ in range(10)} == {ReplicaPhase.STARTING}


def test_a_bad_runtime_names_endpoints_that_nothing_can_be_sent_to() -> None:
    runtime, pk = started("bad")

    (seen,) = runtime.get(pk)

    assert seen.endpoint is not None
    assert seen.endpoint.problem


def test_secrets_of_a_connection_are_in_no_message_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    runtime = FakeRuntime(OURS, {"variant": "unreachable"}, {"token": "t0p-secret"})

    with pytest.raises(RuntimeUnavailable) as refused:
        runtime.list_all()

    assert "t0p-secret" not in f"{refused.value} {runtime!r} {vars(refused.value)} {caplog.text}"


@pytest.mark.parametrize(
    ("options", "message"), [({"variant": "odd"}, "variant is one of"), ({"x": 1}, "There is no option x here")]
)
def test_options_that_it_does_not_know_are_refused(options: dict[str, object], message: str) -> None:
    assert message in DRIVER.check_options(options, [])
