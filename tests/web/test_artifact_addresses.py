"""Which addresses of artifacts are taken, by page and API alike, and what is told of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client, override_settings

from deployments.models import Actor, Artifact, AuditEntry, Role
from deployments.operations import delete_artifact, upload_artifact
from deployments.runtimes.addresses import redacted
from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db

EDITOR = Actor(name="editor", role=Role.EDITOR)
REFUSED = {
    "https://host/%00": "control character",
    "https://host/a%0d%0aX-Header:%20x": "control character",
    "https://host/a\x07b": "control character",
    "http://[::1": "cannot be read",
    "http://host:port/x": "cannot be read",
    "http://host:70000/x": "cannot be read",
    "https:///x": "names no host",
    "https://two words/x": "names no host",
    "https://user:password@host/x": "with a secret",
    "https://user@host/x": "with a secret",
    "file://user:password@localhost/x": "with a secret",
    "ftp://host/x": "begins with file://, http:// or https://",
    f"file:///{'n' * 300}": "There is nothing at",
}
TAKEN = [
    "https://host/a/my model.bin",
    "https://host/modèle.bin",
    "https://müller.example/x",
    "https://host/a/..",
    "https://host/a/%2e%2e",
    "https://host/a/.",
    "https://host/",
    "https://host",
    "https://host/x@y",
    "http://[::1]:8080/x",
    f"https://host/{'n' * 300}",
]


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    with override_settings(LAUNCHPAD_HOME=tmp_path):
        yield tmp_path


def by_page(client: Client, url: str) -> tuple[int, str]:
    make.make_group()
    make.make_scenario()
    client.force_login(make.make_user())
    values = {"name": "Churn", "kind": "model", "scenario": "talking", "source": "url", "url": url}
    answer = client.post("/artifacts/create/", values)
    found = re.search(r'id="id_url_error">.*?<span>(.*?)</span>', answer.content.decode(), re.DOTALL)
    return answer.status_code, found[1] if found else ""


def by_api(url: str) -> tuple[int, str]:
    caller = Caller(groups=[make.make_group()])
    body = {"name": "Churn", "kind": "model", "scenarioId": make.make_scenario().pk, "url": url}
    answer = caller.ask("POST", "/lm/artifacts", json.dumps(body).encode())
    return answer.status, answer.body["error"]["message"] if answer.status != 201 else ""


@pytest.mark.parametrize(("url", "problem"), REFUSED.items())
def test_an_address_that_cannot_be_used_is_refused_with_the_reason(client: Client, url: str, problem: str) -> None:
    status, told = by_api(url)
    assert (status, problem in told) == (400, True), told
    assert "password" not in told or "user and password" in told

    if "\x07" not in url:  # a form leaves control characters out by itself
        status, told = by_page(client, url)
        assert (status, problem in told) == (422, True), told
    assert not Artifact.objects.exists()


def test_half_a_character_is_refused() -> None:
    status, told = by_api("https://host/\ud800")

    assert status == 400
    assert told
    assert not Artifact.objects.exists()


@pytest.mark.parametrize("url", TAKEN)
def test_an_address_that_only_looks_odd_is_taken_as_it_is(client: Client, url: str) -> None:
    assert by_api(url) == (201, "")
    assert by_page(client, url)[0] == 302
    assert set(Artifact.objects.values_list("url", flat=True)) == {url}


def upload(home: Path, group: str = "default") -> Artifact:
    from django.core.files.uploadedfile import SimpleUploadedFile

    return upload_artifact(
        EDITOR,
        make.make_group(group),
        make.make_scenario(),
        name="m",
        kind="model",
        upload=SimpleUploadedFile("model.skops", b"a model"),
    )


def test_a_file_in_our_store_is_refused_as_if_it_did_not_exist(client: Client, home: Path) -> None:
    theirs = upload(home, "others")
    (home / "secrets-key").write_text("secret")
    store = home / "artifacts"
    there = [
        theirs.url,
        f"file://{store / str(theirs.pk)}",
        f"file://{store}",
        f"file://{store}/samples/../{theirs.pk}",
    ]

    for url in there:
        path = url.removeprefix("file://")
        for status, told in (by_api(url), by_page(client, url)):
            assert status in {400, 422}
            assert told == f"There is nothing at {path}."
    assert by_api(f"file://{store}/nothing")[1] == f"There is nothing at {store}/nothing."


def test_an_allowed_folder_that_holds_our_own_opens_nothing_of_it(home: Path) -> None:
    (home / "secrets-key").write_text("secret")
    with override_settings(LAUNCHPAD_FILE_ROOTS=[home.parent]):
        for path in (home / "secrets-key", home, home.parent):
            assert by_api(f"file://{path}") == (400, f"There is nothing at {path}.")


def test_what_stands_after_the_question_mark_is_on_no_page_and_in_no_audit_entry(client: Client) -> None:
    url = "https://host/x?X-Amz-Signature=topsecret#part"
    by_page(client, url)
    artifact = Artifact.objects.get()

    pages = [client.get(address).content.decode() for address in ("/artifacts/", f"/artifacts/{artifact.pk}/")]
    delete_artifact(EDITOR, artifact)

    assert "https://host/x?…" in pages[1]
    told = [*pages, *(f"{one.before}{one.after}" for one in AuditEntry.objects.all())]
    assert not any("topsecret" in text for text in told)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("see https://h/x?a=b&c=d now", "see https://h/x?… now"),
        ("https://u:p@h/x", "https://h/x"),
        ("http://h/x#frag.", "http://h/x?…"),
        ("https://h/x and http://h/y?z", "https://h/x and http://h/y?…"),
    ],
)
def test_texts_show_addresses_without_what_may_be_secret(text: str, shown: str) -> None:
    assert redacted(text) == shown
