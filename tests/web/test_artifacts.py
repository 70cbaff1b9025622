"""Artifacts: the list, the details, adding by upload and by URL, and deleting."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from deployments.models import Artifact, Role
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

LIST = "/artifacts/"
CREATE = "/artifacts/create/"


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    with override_settings(LAUNCHPAD_HOME=tmp_path, FILE_UPLOAD_TEMP_DIR=uploads):
        yield tmp_path


@pytest.fixture
def editor(client: Client) -> Client:
    make.make_group()
    make.make_scenario()
    client.force_login(make.make_user())
    return client


def names(html: str) -> list[str]:
    return re.findall(r'<a class="main" href="[^"]*"><bdi>([^<]*)</bdi></a>', html)


def error_at(html: str, field: str) -> str:
    found = re.search(rf'id="id_{re.escape(field)}_error">.*?<span>(.*?)</span>', html, re.DOTALL)
    return found[1] if found else ""


def add(client: Client, *, address: str = CREATE, **values: Any) -> Any:
    common = {"name": "Churn", "kind": "model", "scenario": "talking", "description": ""}
    return client.post(address, {**common, **values})


def file(content: bytes = b"a model", name: str = "model.skops") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def left_behind(home: Path) -> list[Path]:
    return [path for folder in ("uploads", "artifacts") for path in (home / folder).rglob("*") if path.is_file()]


def test_each_kind_has_its_list_and_its_number(editor: Client) -> None:
    make.make_artifact(name="A model")
    make.make_artifact(name="A data set", kind="dataset")
    make.make_artifact(make.make_group("other"), name="Of others")

    html = editor.get(LIST, {"kind": "dataset"}).content.decode()

    assert names(html) == ["A data set"]
    assert "<h1>Datasets</h1>" in html
    assert 'Models<span class="n">1</span>' in squeezed(html)
    assert sorted(names(editor.get(LIST).content.decode())) == ["A data set", "A model"]
    assert editor.get(LIST, {"kind": "nonsense"}).status_code == 200


@pytest.mark.parametrize("text", ["CHURN", "example.com/churn"])
def test_they_are_found_by_a_part_of_name_or_url_in_any_case(editor: Client, text: str) -> None:
    make.make_artifact(name="Churn-2024", url="https://models.example.com/churn")
    make.make_artifact(name="Wine")

    assert names(editor.get(LIST, {"q": text}).content.decode()) == ["Churn-2024"]


def test_they_are_filtered_by_scenario(editor: Client) -> None:
    make.make_artifact(name="First")
    make.make_artifact(name="Second", scenario=make.make_scenario("silence"))

    assert names(editor.get(LIST, {"scenario": "silence"}).content.decode()) == ["Second"]


def test_an_empty_list_says_what_to_do(editor: Client) -> None:
    html = editor.get(LIST, {"kind": "model"}).content.decode()

    assert "Nothing of this kind yet" in html
    assert 'href="/artifacts/create/?kind=model"' in html


def test_the_details_say_who_uses_it(editor: Client) -> None:
    artifact = make.make_artifact(name="Churn", size=12_300_000, sha256="ab" * 32)
    user = make.make_configuration(inputs={"model": str(artifact.pk)})
    other = make.make_configuration()

    html = editor.get(f"{LIST}{artifact.pk}/").content.decode()

    assert "12 MB" in html
    assert "ab" * 32 in html
    assert user.name in html
    assert other.name not in html
    assert "A configuration uses it." in html
    assert 'aria-current="page">Models' in squeezed(html)


def test_an_upload_is_kept_with_its_checksum(editor: Client, home: Path) -> None:
    content = b"x" * 3_000_000

    answer = add(editor, source="upload", upload=file(content, name="../my model.skops"), description="Trained today.")

    artifact = Artifact.objects.get()
    assert answer["Location"] == f"{LIST}{artifact.pk}/"
    assert artifact.sha256 == hashlib.sha256(content).hexdigest()
    assert artifact.size == len(content)
    assert artifact.description == "Trained today."
    path = home / "artifacts" / str(artifact.pk) / "my_model.skops"
    assert artifact.url == f"file://{path}"
    assert path.read_bytes() == content
    assert left_behind(home) == [path]


def test_a_url_is_registered(editor: Client) -> None:
    answer = add(editor, source="url", url=" https://models.example.com/churn ")

    artifact = Artifact.objects.get()
    assert answer["Location"] == f"{LIST}{artifact.pk}/"
    assert artifact.url == "https://models.example.com/churn"
    assert artifact.created_by is not None


def test_htmx_goes_on_to_the_whole_page_of_the_new_artifact(editor: Client) -> None:
    answer = editor.post(
        CREATE,
        {"name": "Churn", "kind": "model", "scenario": "talking", "source": "upload", "upload": file()},
        headers={"HX-Request": "true"},
    )

    assert answer["HX-Redirect"] == f"{LIST}{Artifact.objects.get().pk}/"


def test_a_file_over_the_limit_is_refused_at_its_field_and_not_kept(editor: Client, home: Path) -> None:
    with override_settings(LAUNCHPAD_UPLOAD_LIMIT_MB=0.1):
        answer = add(editor, source="upload", upload=file(b"x" * 200_000))

    assert answer.status_code == 422
    assert "larger than the 100 KB that are allowed" in error_at(answer.content.decode(), "upload")
    assert left_behind(home) == []
    assert not Artifact.objects.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small disk")
@pytest.mark.parametrize("folder", ["uploads", "artifacts"])
def test_an_upload_to_a_full_disk_is_told_at_its_field_and_leaves_nothing(
    editor: Client, home: Path, folder: str
) -> None:
    (home / folder).mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", home / folder], check=True)
    try:
        answer = add(editor, source="upload", upload=file(b"x" * 5_000_000))

        assert answer.status_code == 422
        assert "the disk of Launchpad is full" in error_at(answer.content.decode(), "upload")
        assert left_behind(home) == []
        assert not Artifact.objects.exists()
    finally:
        subprocess.run(["umount", "--lazy", home / folder], check=True)


def test_an_upload_of_any_name_gets_one_that_every_disk_takes(editor: Client, home: Path) -> None:
    add(editor, source="upload", upload=file(name=f"{'ü' * 300}.skops"))

    (path,) = left_behind(home)
    assert path.suffix == ".skops"
    assert len(path.name.encode()) <= 128


def test_a_stranger_cannot_fill_the_disk_with_uploads(client: Client, home: Path) -> None:
    with override_settings(FILE_UPLOAD_TEMP_DIR=home / "missing"):  # writing anything would fail
        answer = client.post("/sign-in/", {"username": "x", "password": "x", "upload": file(b"x" * 100_000)})

    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("values", "field", "problem"),
    [
        ({"source": "upload"}, "upload", "Choose a file"),
        ({"source": "upload", "upload": file(b"")}, "upload", "The file is empty."),
        ({"source": "url"}, "url", "Give its URL"),
        ({"source": "url", "url": "ftp://x/y"}, "url", "begins with file://, http:// or https://"),
        ({"source": "url", "url": "file:///etc/passwd"}, "url", "outside the folders"),
        ({"source": "url", "url": "https://x/" + "y" * 1100}, "url", "at most 1024"),
        ({"source": "url", "url": "https://x/y", "name": ""}, "name", "Give the artifact a name."),
        ({"source": "url", "url": "https://x/y", "scenario": "nothing"}, "scenario", "does not exist any more"),
        ({"source": "url", "url": "https://x/y", "kind": "thing"}, "kind", "thing is not one of"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(editor: Client, values: dict[str, Any], field: str, problem: str) -> None:
    answer = add(editor, **values)

    html = answer.content.decode()
    assert answer.status_code == 422
    assert problem in error_at(html, field)
    assert f'value="{values.get("name", "Churn")}"' in html or values.get("name") == ""
    assert not Artifact.objects.exists()


def test_deleting_asks_first_and_takes_the_file_along(editor: Client, home: Path) -> None:
    add(editor, source="upload", upload=file())
    artifact = Artifact.objects.get()
    address = f"{LIST}{artifact.pk}/delete/"

    page = editor.get(address).content.decode()
    dialog = editor.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "Delete the artifact <bdi>Churn</bdi>?" in page
    assert "<html" in page
    assert dialog.strip().startswith("<dialog")
    assert Artifact.objects.exists()

    assert editor.post(address)["Location"] == f"{LIST}?kind=model"
    assert not Artifact.objects.exists()
    assert left_behind(home) == []


def test_an_artifact_in_use_cannot_be_deleted(editor: Client) -> None:
    artifact = make.make_artifact()
    make.make_configuration(inputs={"model": str(artifact.pk)})

    answer = editor.post(f"{LIST}{artifact.pk}/delete/", follow=True)

    assert "cannot be deleted: 1 configuration uses it" in answer.content.decode()
    assert Artifact.objects.filter(pk=artifact.pk).exists()


def test_a_viewer_can_neither_add_nor_delete(client: Client) -> None:
    artifact = make.make_artifact()
    client.force_login(make.make_user(Role.VIEWER))

    assert add(client, source="url", url="https://x/y").status_code == 403
    assert client.post(f"{LIST}{artifact.pk}/delete/").status_code == 403
    assert "This needs the role Editor." in client.get(f"{LIST}{artifact.pk}/").content.decode()
    assert Artifact.objects.count() == 1


def test_uploads_go_to_the_home_of_launchpad_alone() -> None:
    assert Path(settings.FILE_UPLOAD_TEMP_DIR).parent == Path(settings.LAUNCHPAD_HOME)


def test_the_number_of_queries_does_not_grow_with_the_rows(editor: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            editor.get(LIST)
        return len(queries)

    make.make_artifact()
    few = count()
    for number in range(12):
        make.make_artifact(scenario=make.make_scenario(f"scenario-{number}"))

    assert count() == few


@pytest.mark.parametrize(
    ("text", "is_found"),
    [("models.example/Iris", True), ("sig=abc", False), ("abc", False), ("?sig", False), ("secret", False)],
)
def test_nobody_finds_by_searching_what_is_hidden_of_an_address(client: Client, text: str, is_found: bool) -> None:
    client.force_login(make.make_user(Role.VIEWER))
    make.make_artifact(name="signed", url="https://ada:secret@models.example/iris.onnx?sig=abcdef")

    page = client.get("/artifacts/", {"q": text}).content.decode()

    assert ("signed" in page) is is_found
