"""What may be said of a connection to an engine, and what is answered to what may not."""

from __future__ import annotations

from typing import Any

import pytest

from deployments.errors import RuntimeRejected, RuntimeUnavailable
from deployments.messages import render
from deployments.runtimes.base import Resources
from deployments.runtimes.containers import creating, gpus
from deployments.runtimes.containers.creating import ContainerPlan
from deployments.runtimes.containers.kind import DRIVER
from deployments.runtimes.containers.options import ContainerOptions, check_options
from deployments.serving_template.schema import ServerTemplate
from tests.runtimes.contract import OURS
from tests.runtimes.engine_machine import EngineMachine


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"address": "unix:///run/podman/podman.sock"},
        {"address": "tcp://engine.example:2376", "network": "host", "pull_policy": "always"},
        {"address": "ssh://deploy@engine.example:2222/run/podman/podman.sock"},
        {"cpu": 1.5, "memory_gb": 8, "gpus": 2, "allowed_images": ["registry.example/"], "user": "1000:1000"},
    ],
)
def test_options_that_can_be_used(options: dict[str, Any]) -> None:
    assert check_options(options, ()) == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"address": "/var/run/docker.sock"}, "no address of an engine"),
        ({"address": "unix://host/path"}, "no address of an engine"),
        ({"address": "tcp://engine.example"}, "no address of an engine"),
        ({"address": "tcp://engine.example:none"}, "no address of an engine"),
        ({"address": "http://engine.example:2375"}, "no address of an engine"),
        ({"address": "ssh://-oProxyCommand=touch@host"}, "no address of an engine"),
        ({"address": "ssh://-oProxyCommand=touch"}, "no address of an engine"),
        ({"cpu": -1}, "cpu is -1"),
        ({"gpus": 0.5}, "gpus is 0.5"),
        ({"memory_gb": "much"}, "memory_gb is much"),
        ({"network": "none"}, "choose published, host"),
        ({"pull_policy": "Always"}, "choose always, if-not-present, never"),
        ({"allowed_images": "registry.example"}, "list of texts"),
        ({"allowed_images": ["x", " "]}, "list of texts"),
        ({"user": "a b"}, "no user"),
        ({"user": 1000}, "write a text"),
        ({"privileged": True}, "no option privileged"),
    ],
)
def test_options_that_cannot_be_used_are_answered_with_a_sentence(options: dict[str, Any], words: str) -> None:
    problem = check_options(options, ())

    assert words in problem
    assert problem.endswith(".")
    with pytest.raises(RuntimeUnavailable, match="cannot be used"):
        DRIVER.open(OURS, options, {})


def test_a_template_needs_an_image_or_a_built_in_server() -> None:
    assert DRIVER.check("llm", ServerTemplate(image="vllm/vllm-openai:v0.6")) is None
    assert (
        DRIVER.check("hello", ServerTemplate(command=("python",), requirements=("launchpad-model-servers",))) is None
    )
    problem = DRIVER.check("script", ServerTemplate(command=("python", "x.py")))
    assert render(problem).startswith("“script” names no container image")


def body(options: ContainerOptions, **values: Any) -> dict[str, Any]:
    """Return the body of a container with a plan as small as can be."""
    spec = EngineMachine.spec_of("d1-1-0", **values)
    devices = tuple(str(number) for number in range(spec.resources.gpus))
    plan = ContainerPlan(
        image="x:1", port=spec.port or 8080, publish_on="127.0.0.1", volumes=(), gpus=devices, labels={}
    )
    return creating.body(spec, plan, options)


def test_a_command_replaces_the_entry_point_and_arguments_what_follows_it() -> None:
    both = body(ContainerOptions(), command=("serve",), args=("--port={{runtime.port}}",), port=9000)
    assert (both["Entrypoint"], both["Cmd"]) == (["serve"], ["--port=9000"])

    arguments = body(ContainerOptions(), command=(), args=("--model", "m"))
    assert "Entrypoint" not in arguments
    assert arguments["Cmd"] == ["--model", "m"]

    neither = body(ContainerOptions(), command=(), args=())
    assert {"Entrypoint", "Cmd"}.isdisjoint(neither)


def test_the_server_is_told_where_to_listen_and_whose_network_it_is_in() -> None:
    published = body(ContainerOptions(), port=9000)
    assert {"HOST=0.0.0.0", "PORT=9000"} <= set(published["Env"])
    assert published["HostConfig"]["PortBindings"] == {"9000/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}]}

    hosts = body(ContainerOptions(network="host"), port=9000)
    assert {"HOST=127.0.0.1", "PORT=9000"} <= set(hosts["Env"])
    assert hosts["HostConfig"]["NetworkMode"] == "host"
    assert not hosts["HostConfig"]["PortBindings"]


def test_gpus_are_given_by_their_numbers_and_never_twice() -> None:
    resources = Resources(cpu_millis=100, memory_bytes=100_000_000, gpus=2)

    request = body(ContainerOptions(), resources=resources)["HostConfig"]["DeviceRequests"]

    assert request == [{"Driver": "nvidia", "DeviceIDs": ["0", "1"], "Capabilities": [["gpu"]]}]
    known = gpus.devices({"DiscoveredDevices": [{"ID": "nvidia.com/gpu=1"}, {"ID": "nvidia.com/gpu=0"}]}, _none())
    assert known == ["0", "1"]
    assert gpus.choose(["0", "1", "2"], ["1"], 2) == ("0", "2")
    with pytest.raises(RuntimeRejected, match="it needs 2, 1 are free"):
        gpus.choose(["0", "1"], ["1"], 2)


def _none() -> ContainerOptions:
    return ContainerOptions()
