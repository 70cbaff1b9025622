"""Configurations, artifacts and templates: what is accepted, and what is said when it is not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django import conf
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from pytest_django import Settings

from deployments import operations
from deployments.errors import InvalidInput, NotAllowed, OperationRefused
from deployments.models import Actor, Artifact, Configuration, Executable, Role
from deployments.storage.artifacts import artifact_store
from tests import factories

pytestmark = pytest.mark.django_db

EDITOR = Actor(name="erin", role=Role.EDITOR)
VALUES = {"greeting": "hi", "threads": "1", "topic": "weather"}


def _configure(parameters: dict[str, str], inputs: dict[str, str] | None = None, name: str = "one") -> Configuration:
    executable = factories.make_executable()
    if inputs is None:
        inputs = {"model": str(factories.make_artifact().pk)}
    return operations.create_configuration(
        EDITOR, factories.make_group(), executable, name=name, parameters=parameters, inputs=inputs
    )


def test_defaults_are_written_into_a_configuration() -> None:
    configuration = _configure({"topic": "weather"})

    assert configuration.parameters == {"greeting": "hello", "threads": "2", "topic": "weather"}


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({}, "parameters.topic"),
        (VALUES | {"threads": "many"}, "parameters.threads"),
        (VALUES | {"greetings": "x"}, "parameters.greetings"),
        (VALUES | {"topic": "x" * 5001}, "parameters.topic"),
    ],
)
def test_a_value_that_does_not_fit_is_named(parameters: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        _configure(parameters)

    assert field in refused.value.problems
    assert not Configuration.objects.exists()


def test_more_than_a_thousand_parameters_are_refused() -> None:
    with pytest.raises(InvalidInput, match="1000"):
        _configure(VALUES | {f"extra{n}": "" for n in range(1001)})


def test_an_artifact_of_the_wrong_kind_or_of_another_group_is_refused() -> None:
    dataset = factories.make_artifact(kind="dataset")
    elsewhere = factories.make_artifact(factories.make_group("elsewhere"))

    for artifact in (dataset, elsewhere):
        with pytest.raises(InvalidInput) as refused:
            _configure(VALUES, {"model": str(artifact.pk)})
        assert set(refused.value.problems) == {"artifacts.model"}
    with pytest.raises(InvalidInput):
        _configure(VALUES, {"model": "no-uuid"})


def test_a_configuration_needs_a_name() -> None:
    with pytest.raises(InvalidInput) as refused:
        _configure(VALUES, name="  ")

    assert "name" in refused.value.problems


def _upload(content: bytes, name: str = "model.bin") -> Artifact:
    return operations.upload_artifact(
        EDITOR,
        factories.make_group(),
        factories.make_scenario(),
        name="uploaded",
        kind="model",
        upload=SimpleUploadedFile(name, content),
    )


def test_an_upload_is_kept_with_its_checksum_and_goes_with_its_artifact() -> None:
    artifact = _upload(b"weights", name="../../my model.bin")

    path = Path(artifact.url.removeprefix("file://"))
    assert path.read_bytes() == b"weights"
    assert path.is_relative_to(artifact_store().folder(str(artifact.pk)))
    assert artifact.sha256 == hashlib.sha256(b"weights").hexdigest()
    assert artifact.size == 7

    operations.delete_artifact(EDITOR, artifact)
    assert not path.exists()


def test_an_upload_that_is_empty_or_too_large_is_refused(settings: Settings) -> None:
    settings.LAUNCHPAD_UPLOAD_LIMIT_MB = 0.00001  # 10 bytes

    for content in (b"", b"x" * 11):
        with pytest.raises(InvalidInput) as refused:
            _upload(content)
        assert set(refused.value.problems) == {"upload"}
    assert not Artifact.objects.exists()


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "file://host/model",
        "ftp://host/model",
        "http://",
        "model.bin",
        "javascript:alert(1)",
        pytest.param("https://host/" + "x" * 1100, id="too long"),
        pytest.param(f"file://{conf.settings.LAUNCHPAD_HOME}/secret-key", id="out of the store"),
    ],
)
def test_an_address_that_may_not_be_used_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        operations.add_artifact(
            EDITOR, factories.make_group(), factories.make_scenario(), name="a", kind="model", url=url
        )

    assert set(refused.value.problems) == {"url"}


def test_an_artifact_in_use_is_not_deleted() -> None:
    configuration = _configure(VALUES)
    artifact = next(iter(configuration.artifacts().values()))

    with pytest.raises(OperationRefused, match="1 configuration uses it"):
        operations.delete_artifact(EDITOR, artifact)


def test_importing_again_updates_in_place(tmp_path: Path) -> None:
    file = tmp_path / "talker.yaml"
    file.write_text(factories.TEMPLATE.format(executable="talker", scenario="talking"))
    call_command("import_template", str(file))
    file.write_text(file.read_text().replace("Template talker", "Better talker"))
    call_command("import_template", str(file))

    assert Executable.objects.get().name == "Better talker"


def test_a_file_with_an_error_is_not_imported_and_the_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(
        factories.TEMPLATE.format(executable="talker", scenario="talking").replace("kind: Serving", "kind: ")
    )

    with pytest.raises(CommandError, match=r"Not imported: .*broken\.yaml"):
        call_command("import_template", str(file), str(tmp_path / "missing.yaml"))

    said = capsys.readouterr().err
    assert f"{file}, line 2, kind:" in said
    assert "cannot be read" in said
    assert not Executable.objects.exists()


def test_only_administrators_import_templates() -> None:
    with pytest.raises(NotAllowed, match="Administrator"):
        operations.import_templates(EDITOR, "")


def test_an_import_does_not_let_a_file_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "wild.yaml"
    file.write_text('apiVersion: "ai.sap.com/v1alpha1"\nkind: "Serving\\e[2J\\e]0;owned\\aTemplate"\n')

    with pytest.raises(CommandError):
        call_command("import_template", str(file))

    said = capsys.readouterr()
    assert "wild.yaml" in said.err
    assert "\x1b" not in said.err + said.out
