"""Models and other artifacts: brought into volumes of the engine, seen where templates expect them, and removed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from deployments.errors import RuntimeRejected
from deployments.lifecycle import ExitReason
from deployments.messages import render
from deployments.runtimes.base import ArtifactSource
from tests.engine import IMAGE
from tests.runtimes.engine_machine import EngineMachine
from tests.runtimes.file_server import FileServer, running_file_server

GROUP = "default"


@pytest.fixture
def models(tmp_path: Path, settings: Settings) -> Path:
    """A folder that artifacts may be taken from."""
    folder = tmp_path / "models"
    folder.mkdir()
    settings.LAUNCHPAD_FILE_ROOTS = [folder]
    return folder


@pytest.fixture
def file_server() -> Iterator[FileServer]:
    with running_file_server() as running:
        yield running


def source(path: Path, placeholder: str = "model", sha256: str = "") -> ArtifactSource:
    return ArtifactSource(placeholder=placeholder, url=f"file://{path}", sha256=sha256)


def test_a_file_is_below_mnt_models_and_its_placeholder_is_its_path(containers: EngineMachine, models: Path) -> None:
    (models / "net.onnx").write_bytes(b"weights")
    script = 'echo "$0"; cat "$0"; echo; echo "$STORAGE_URI"; echo no > /mnt/models/new || echo read-only'
    checksum = hashlib.sha256(b"weights").hexdigest()

    containers.start(
        "/bin/sh",
        "-c",
        script,
        "{{runtime.artifacts.model}}",
        env={"STORAGE_URI": "{{runtime.artifacts.model}}"},
        fetches=(source(models / "net.onnx", sha256=checksum),),
        resource_group=GROUP,
    )
    containers.ended()

    assert containers.lines() == ["/mnt/models/net.onnx", "weights", "/mnt/models", "read-only"]
    assert "The input artifact model was copied to the engine: 7 B." in containers.lines("launchpad")


def test_a_folder_lies_in_mnt_models_itself_with_what_its_links_lead_to(
    containers: EngineMachine, models: Path
) -> None:
    (models / "blobs").mkdir()
    (models / "blobs" / "1").write_text("linked")
    (models / "llm" / "sub").mkdir(parents=True)
    (models / "llm" / "config.json").write_text("{}")
    (models / "llm" / "sub" / "part").symlink_to(models / "blobs" / "1")
    (models / "words").write_text("other")
    fetches = (source(models / "llm"), source(models / "words", "labels"))

    containers.script(
        "cd /mnt/models; echo *; cat sub/part; echo; cat /mnt/artifacts/labels/words", fetches=fetches, model="model"
    )

    assert containers.lines() == ["config.json sub", "linked", "other"]


def test_what_was_changed_since_it_was_uploaded_is_not_served(containers: EngineMachine, models: Path) -> None:
    (models / "net.onnx").write_bytes(b"changed")

    ended = containers.script("true", fetches=(source(models / "net.onnx", sha256="0" * 64),))

    assert ended.reason is ExitReason.NOT_STARTED
    assert "was changed since it was uploaded" in render(ended.message)
    assert volumes(containers) == []


def test_files_outside_of_the_allowed_folders_are_refused_at_once(containers: EngineMachine, models: Path) -> None:
    with pytest.raises(RuntimeRejected, match="outside the allowed folders"):
        containers.start(fetches=(source(models.parent),))

    (models / "folder").mkdir()
    (models / "folder" / "link").symlink_to("/etc/passwd")
    ended = containers.script("cat /mnt/models/link", fetches=(source(models / "folder"),))

    assert ended.reason is ExitReason.NOT_STARTED
    assert not containers.lines()


def test_a_download_reaches_the_container_and_stays_on_the_engine_alone(
    containers: EngineMachine, file_server: FileServer
) -> None:
    file_server.content = b"from afar"
    fetch = ArtifactSource(placeholder="model", url=file_server.url("/net.onnx"))

    for attempt in (1, 2):
        containers.script("cat /mnt/models/net.onnx; echo", fetches=(fetch,), attempt=attempt)

    assert containers.lines() == ["from afar", "from afar"]
    assert "The input artifact model is on the engine already." in containers.lines("launchpad")
    assert not list(containers.home.rglob("*.onnx"))


def test_a_download_that_fails_says_why(containers: EngineMachine, file_server: FileServer) -> None:
    file_server.statuses = [404]
    fetch = ArtifactSource(placeholder="model", url=file_server.url("/none.onnx"))

    ended = containers.script("true", fetches=(fetch,))

    assert ended.reason is ExitReason.NOT_STARTED
    assert "the server answered 404" in render(ended.message)


def test_volumes_are_removed_when_their_artifact_or_group_is_gone_and_no_container_has_them(
    containers: EngineMachine, models: Path
) -> None:
    (models / "a").write_text("a")
    (models / "b").write_text("b")
    kept, gone = source(models / "a"), source(models / "b")
    containers.script("true", fetches=(kept,), resource_group=GROUP)
    containers.script("true", fetches=(gone,), resource_group=GROUP, attempt=2)
    assert len(volumes(containers)) == 2

    assert containers.runtime.remove_unused([GROUP], [(GROUP, kept)]) == 0  # a container has it
    containers.runtime.delete(containers.name)
    assert containers.runtime.remove_unused([GROUP], [(GROUP, kept)]) == 1
    assert containers.runtime.remove_unused([], [(GROUP, kept)]) == 1

    assert volumes(containers) == []


def test_what_a_killed_worker_left_while_it_filled_a_volume_is_removed(
    containers: EngineMachine, models: Path
) -> None:
    (models / "a").write_text("a")
    containers.script("true", fetches=(source(models / "a"),), resource_group=GROUP)
    containers.runtime.delete(containers.name)
    (volume,) = volumes(containers)
    mount = {"Type": "volume", "Source": volume, "Target": "/launchpad"}
    with containers.client() as client:
        loader = {"Image": IMAGE, "Entrypoint": ["/nothing"], "HostConfig": {"Mounts": [mount]}}
        client.create_container_from_config(loader, name=f"{volume}-loader")

    assert containers.runtime.remove_unused([], []) == 1

    assert volumes(containers) == []
    with containers.client() as client:
        assert client.containers(all=True) == []


def test_another_group_gets_a_volume_of_its_own(containers: EngineMachine, models: Path) -> None:
    (models / "a").write_text("a")

    for attempt, group in enumerate(("one", "two"), start=1):
        containers.script("true", fetches=(source(models / "a"),), resource_group=group, attempt=attempt)

    assert len(volumes(containers)) == 2


def test_a_volume_that_somebody_emptied_by_making_it_anew_is_filled_again(
    containers: EngineMachine, models: Path
) -> None:
    (models / "a").write_text("content")
    containers.script("true", fetches=(source(models / "a"),))
    (name,) = volumes(containers)
    with containers.client() as client:
        client.remove_container(containers.container()["Id"], force=True)
        client.remove_volume(name)

    containers.script("cat /mnt/models/a; echo", fetches=(source(models / "a"),), attempt=2)

    assert containers.lines() == ["content"]


def volumes(containers: EngineMachine) -> list[str]:
    with containers.client() as client:
        found = client.volumes(filters={"label": "launchpad.installation"})["Volumes"] or []
    return [str(one["Name"]) for one in found]
