"""What a container may not do, whatever its template says: asked of the engine, and tried from inside."""

from __future__ import annotations

import pytest

from deployments.errors import RuntimeRejected
from deployments.lifecycle import ExitReason, ReplicaPhase
from deployments.runtimes.base import Mount, Resources
from tests.runtimes.conftest import NewEngineMachine
from tests.runtimes.contract import SMALL
from tests.runtimes.engine_machine import EngineMachine


def test_the_engine_is_asked_for_a_container_without_any_privilege(containers: EngineMachine) -> None:
    containers.start()
    containers.until(ReplicaPhase.HEALTHY)

    config = containers.container()["HostConfig"]

    assert config["Privileged"] is False
    assert not config["CapAdd"]
    assert "no-new-privileges" in config["SecurityOpt"]
    assert not [one for one in config["SecurityOpt"] if "unconfined" in one]
    assert (config["Memory"], config["MemorySwap"]) == (SMALL.memory_bytes, SMALL.memory_bytes)
    assert config["PidsLimit"] > 0
    assert config["PidMode"] in {"", "private"}
    assert not config["Binds"]
    assert not config["Devices"]
    assert config["RestartPolicy"]["Name"] in {"", "no"}
    assert containers.container()["HostConfig"]["PortBindings"]["8080/tcp"][0]["HostIp"] == "127.0.0.1"


def test_from_inside_there_are_neither_capabilities_nor_a_way_to_more(containers: EngineMachine) -> None:
    script = """
        grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
        chown nobody /www && echo chown || echo refused
        mknod /tmp/device b 8 0 && echo mknod || echo refused
        mount -t tmpfs none /www && echo mount || echo refused
        ls /var/run/docker.sock /run/podman 2>/dev/null && echo socket || echo refused
    """

    containers.script(script)
    said = containers.lines()

    none = "0" * 16
    for line in (f"CapEff:\t{none}", f"CapBnd:\t{none}", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert line in said
    assert said.count("refused") == 4


def test_a_read_only_root_leaves_the_mounts_and_tmp(containers: EngineMachine) -> None:
    mounts = (Mount(path="/scratch"), Mount(path="/memory", in_memory=True, size_bytes=1_000_000))
    script = "for f in /www /tmp /scratch /memory; do touch $f/new && echo $f || echo no; done"

    containers.script(script, read_only_root=True, mounts=mounts)

    assert containers.lines() == ["no", "/tmp", "/scratch", "/memory"]


def test_mounts_are_open_to_the_user_of_the_connection_and_gone_with_the_container(
    new_engine_machine: NewEngineMachine,
) -> None:
    containers = new_engine_machine(user="1234:1234")

    containers.script("id -u; touch /scratch/new && echo written", mounts=(Mount(path="/scratch"),))
    with containers.client() as client:
        before = len(client.volumes()["Volumes"])
    containers.runtime.delete(containers.name)

    assert containers.lines() == []
    with containers.client() as client:
        assert len(client.volumes()["Volumes"] or ()) == before - 1
        assert client.containers(all=True) == []


def test_shared_memory_has_the_size_that_the_template_gives(containers: EngineMachine) -> None:
    mount = Mount(path="/dev/shm", in_memory=True, size_bytes=20_000_000)

    containers.script("grep ' /dev/shm ' /proc/mounts", mounts=(mount,))

    assert any("size=19532k" in line or "size=20000000" in line for line in containers.lines())


def test_images_that_are_not_allowed_are_refused_in_words(new_engine_machine: NewEngineMachine) -> None:
    containers = new_engine_machine(allowed_images=["registry.example/team/"])

    with pytest.raises(RuntimeRejected, match=r"may not be run here.*registry\.example/team/"):
        containers.start()


def test_secrets_are_in_no_label_and_in_no_record(containers: EngineMachine) -> None:
    secret = "first-line-of-secret\nsecond-line-of-secret"
    ended = containers.script('echo "$KEY"; echo "$KEY" >&2; exit 4', secret_env={"KEY": secret})

    labels = str(containers.container()["Config"]["Labels"])
    records = "".join(path.read_text() for path in containers.home.rglob("*.json"))

    assert ended.reason is ExitReason.EXITED
    assert "line-of-secret" not in labels + records + str(ended)
    assert containers.lines() == ["[secret]", "[secret]"]


def test_a_server_that_takes_more_memory_than_it_may_is_said_to(containers: EngineMachine) -> None:
    limit = Resources(cpu_millis=500, memory_bytes=50_000_000)

    ended = containers.script("x=0123456789abcdef; while true; do x=$x$x; done", resources=limit)

    assert ended.reason is ExitReason.OUT_OF_MEMORY
    assert ended.message.params["memory_bytes"] == 50_000_000


def test_a_server_that_somebody_kills_is_not_said_to_have_taken_too_much(containers: EngineMachine) -> None:
    containers.start()
    containers.until(ReplicaPhase.HEALTHY)

    with containers.client() as client:
        client.kill(containers.container()["Id"], signal="SIGKILL")
    ended = containers.ended()

    assert (ended.reason, ended.signal, ended.code) == (ExitReason.SIGNALED, 9, None)
