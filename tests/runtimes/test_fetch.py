"""How artifacts come to the local disk."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployments.errors import RuntimeRejected
from deployments.messages import render
from deployments.runtimes.base import ArtifactSource, ReplicaExit
from tests.runtimes.conftest import NewMachine
from tests.runtimes.file_server import FileServer, running_file_server
from tests.runtimes.machine import Machine

SHOW = "head -c 99 {0}; echo; echo {0}; sha256sum < {0}".format("{{runtime.artifacts.model}}")


@pytest.fixture
def server() -> Iterator[FileServer]:
    with running_file_server() as running:
        yield running


class Deployed:
    """One deployment after the other, each of the same artifact."""

    def __init__(self, machine: Machine, url: str, *, sha256: str = "", group: str = "one") -> None:
        self._machine = machine
        self._fetch = ArtifactSource(placeholder="model", url=url, sha256=sha256)
        self._group = group
        self._attempt = 0

    def again(self) -> ReplicaExit:
        """Start the server once more and return how it ended."""
        self._attempt += 1
        script = ("/bin/sh", "-c", SHOW)
        spec = self._machine.spec(*script, attempt=self._attempt, fetches=[self._fetch])
        self._machine.runtime.start(replace(spec, resource_group=self._group))
        return self._machine.ended()

    def served(self) -> str:
        """Start the server once more and return what was in its file."""
        self.again()
        return self.said("stdout")[0]

    def said(self, stream: str = "launchpad") -> list[str]:
        lines = self._machine.logs()
        return [one.text for one in lines if one.stream == stream and one.attempt == self._attempt]


def cached(machine: Machine) -> list[str]:
    """Return the names of all files that downloads have left."""
    cache = machine.home / "cache"
    return sorted(path.name for path in cache.rglob("*") if path.is_file() and path.suffix != ".lock")


@pytest.mark.parametrize("validator", ["etag", "modified"])
def test_an_unchanged_file_is_not_fetched_twice_and_a_changed_one_is(
    machine: Machine, server: FileServer, validator: str
) -> None:
    values = {"etag": ['"one"', '"two"'], "modified": [f"Mon, 0{day} Jan 2024 10:00:00 GMT" for day in (1, 8)]}
    before, after = values[validator]
    setattr(server, validator, before)
    deployed = Deployed(machine, server.url("/model.bin"))

    assert deployed.served() == "a model"
    assert deployed.served() == "a model"
    assert any(line.startswith("cached copy of http://127.0.0.1") for line in deployed.said())
    server.content = b"another model"
    setattr(server, validator, after)
    assert deployed.served() == "another model"

    asked = server.header("If-None-Match" if validator == "etag" else "If-Modified-Since")
    assert asked == ["", before, before]
    assert not any("cached copy" in line for line in deployed.said())


def test_without_etag_and_date_the_checksum_tells_whether_a_file_has_changed(
    machine: Machine, server: FileServer
) -> None:
    deployed = Deployed(machine, server.url("/model.bin"))
    deployed.served()
    (file,) = [path for path in (machine.home / "cache").rglob("artifact.bin")]
    before = file.stat().st_ino

    assert deployed.served() == "a model"
    assert any("cached copy of" in line for line in deployed.said())
    assert file.stat().st_ino == before
    server.content = b"another model"
    assert deployed.served() == "another model"


def test_a_copy_of_the_expected_checksum_needs_no_server(machine: Machine, server: FileServer) -> None:
    deployed = Deployed(machine, server.url("/model.bin"), sha256=hashlib.sha256(b"a model").hexdigest())
    deployed.served()

    assert deployed.served() == "a model"

    assert len(server.asked) == 1


def test_a_copy_is_used_while_the_server_cannot_say_whether_it_is_old_but_not_when_the_file_is_gone(
    machine: Machine, server: FileServer
) -> None:
    server.etag = '"one"'
    deployed = Deployed(machine, server.url("/model.bin?X-Amz-Signature=over"))
    deployed.served()

    server.statuses = [403]
    assert deployed.served() == "a model"
    assert any("cached copy of" in line and "answered 403" in line for line in deployed.said())
    server.statuses = [404]
    assert "answered 404" in render(deployed.again().message)


def test_a_download_that_breaks_off_goes_on_where_it_was(machine: Machine, server: FileServer) -> None:
    server.content, server.etag = os.urandom(100_000).hex().encode(), '"one"'
    server.breaks_after = [70_000, 50_000]

    deployed = Deployed(machine, server.url("/model.bin"))
    deployed.again()

    assert deployed.said("stdout")[2].split()[0] == hashlib.sha256(server.content).hexdigest()

    assert server.header("Range") == ["", "bytes=70000-", "bytes=120000-"]
    assert server.header("If-Range") == ["", '"one"', '"one"']


def test_a_download_begins_anew_where_its_rest_cannot_be_had(machine: Machine, server: FileServer) -> None:
    server.content, server.etag, server.ranges = b"model " * 50_000, '"one"', False
    server.breaks_after = [100_000]

    deployed = Deployed(machine, server.url("/model.bin"))
    deployed.again()

    assert deployed.said("stdout")[2].split()[0] == hashlib.sha256(server.content).hexdigest()


def test_a_download_that_always_breaks_off_is_tried_three_times_and_leaves_nothing(
    machine: Machine, server: FileServer
) -> None:
    server.content, server.breaks_after = b"x" * 1000, [100, 100, 100]
    deployed = Deployed(machine, server.url("/model.bin?token=hidden"))

    ended = deployed.again()

    assert len(server.asked) == 3
    assert "/model.bin?… cannot be fetched: it ended after 100 B of 1 KB" in render(ended.message)
    assert sum("trying again in" in line for line in deployed.said()) == 2
    assert cached(machine) == []
    assert [path.suffix for path in (machine.home / "cache" / "artifacts").glob("*/*")] == [".lock"]


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small disk")
def test_a_full_disk_is_said_and_nothing_is_left_on_it(new_machine: NewMachine, server: FileServer) -> None:
    machine = new_machine()
    (machine.home / "cache").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=755", "tmpfs", machine.home / "cache"], check=True)
    try:
        server.content = b"x" * 5_000_000
        ended = Deployed(machine, server.url("/model.bin")).again()

        assert "there is no room for it on the disk (it has 5 MB more)" in render(ended.message)
        assert cached(machine) == []
        assert len(server.asked) == 1
    finally:
        subprocess.run(["umount", "--lazy", machine.home / "cache"], check=True)


@pytest.mark.parametrize(
    ("path", "asked", "name"),
    [
        ("/a/my model.bin", "/a/my%20model.bin", "artifact.bin"),
        ("/modèle.bin", "/mod%C3%A8le.bin", "artifact.bin"),
        ("/a/already%20encoded.tar.gz", "/a/already%20encoded.tar.gz", "artifact.tar.gz"),
        ("/a/100%.skops", "/a/100%25.skops", "artifact.skops"),
        ("/a/..", "/a/..", "artifact"),
        ("/a/%2e%2e", "/a/%2e%2e", "artifact"),
        ("/a/%2e%2e%2f%2e%2e%2fetc", "/a/%2e%2e%2f%2e%2e%2fetc", "artifact"),
        ("/a/.", "/a/.", "artifact"),
        ("/", "/", "artifact"),
        ("", "/", "artifact"),
        (f"/{'n' * 300}.onnx", f"/{'n' * 300}.onnx", "artifact.onnx"),
        ("/x?name=a b#part", "/x?name=a%20b", "artifact"),
    ],
)
def test_an_address_is_encoded_by_us_and_the_file_gets_a_name_of_ours(
    machine: Machine, server: FileServer, path: str, asked: str, name: str
) -> None:
    deployed = Deployed(machine, server.url(path))

    assert deployed.served() == "a model"

    assert [one for one, _ in server.asked] == [asked], deployed.said()
    shown = Path(deployed.said("stdout")[1])
    assert shown.name == name
    assert shown.is_relative_to(machine.home / "cache" / "artifacts")


def test_what_an_address_answers_is_told_without_its_query(machine: Machine, server: FileServer) -> None:
    server.statuses = [403]
    deployed = Deployed(machine, server.url("/x?X-Amz-Signature=secret"))

    ended = deployed.again()

    assert "/x?… cannot be fetched: the server answered 403" in render(ended.message)
    assert "secret" not in "".join([render(ended.message), *deployed.said()])
    assert len(server.asked) == 1  # another try would end the same


def test_the_listing_of_a_folder_is_not_taken_for_a_model(machine: Machine, server: FileServer) -> None:
    server.content, server.kind = b"<html>a listing", "text/html; charset=utf-8"

    ended = Deployed(machine, server.url("/folder/")).again()

    assert "a folder cannot be fetched over HTTP" in render(ended.message)
    assert cached(machine) == []


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_a_redirect_leads_to_http_only(machine: Machine, server: FileServer, location: str) -> None:
    server.location = location

    ended = Deployed(machine, server.url("/x")).again()

    assert "only http and https are followed" in render(ended.message)


def test_a_redirect_on_this_machine_is_followed_from_this_machine(machine: Machine, server: FileServer) -> None:
    with running_file_server() as other:
        server.location = other.url("/elsewhere.bin")

        assert Deployed(machine, server.url("/x")).served() == "a model"


def test_a_lower_case_proxy_is_used(machine: Machine, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.url(""))

    assert Deployed(machine, "http://models.invalid/model.bin").served() == "a model"

    assert server.asked[0][0] == "http://models.invalid/model.bin"


def test_a_redirect_from_outside_to_this_machine_is_refused(
    machine: Machine, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url(""))  # so that a public address answers here
    monkeypatch.setenv("no_proxy", "")
    server.location = "http://127.0.0.1:1/internal?key=1"

    ended = Deployed(machine, "http://8.8.8.8/model.bin").again()

    assert "it leads to http://127.0.0.1:1/internal?…, inside of this machine" in render(ended.message)
    assert len(server.asked) == 1


def test_groups_share_no_download(machine: Machine, server: FileServer) -> None:
    url = server.url("/model.bin")
    Deployed(machine, url, group="one").served()
    machine.name = f"{machine.id}-1-1"

    Deployed(machine, url, group="two").again()

    assert len({path.parent for path in (machine.home / "cache").rglob("artifact.bin")}) == 2
    assert server.header("If-None-Match") == ["", ""]


def test_what_no_artifact_names_is_removed_but_not_what_runs(machine: Machine, server: FileServer) -> None:
    named, unnamed, running = (ArtifactSource(placeholder="model", url=server.url(f"/{name}.bin")) for name in "abc")
    for number, fetch in enumerate((named, unnamed)):
        machine.run("true", name=f"{machine.id}-1-{number + 1}", fetches=[fetch])
    machine.start_script("cat {{runtime.artifacts.model}}; echo; exec sleep 600", fetches=[running])
    machine.until_said("a model")

    assert machine.runtime.remove_unused([], [("", named)]) == 1
    assert len(list((machine.home / "cache").rglob("artifact.bin"))) == 2
    machine.stop()
    machine.ended()
    assert machine.runtime.remove_unused([], [("", named)]) == 1

    (kept,) = (machine.home / "cache").rglob("artifact.bin")
    assert kept.parent == machine.runtime._spec_builder.artifact_folder(named, "")
    assert machine.runtime.remove_unused([], []) == 1
    assert cached(machine) == []


@pytest.mark.parametrize("path", ["artifacts/of-others/model", "secrets-key", "", "artifacts"])
def test_no_file_of_ours_is_an_artifact_but_its_own_upload(new_machine: NewMachine, tmp_path: Path, path: str) -> None:
    machine = new_machine(allowed_roots=(tmp_path,))
    (machine.home / "artifacts" / "of-others").mkdir(parents=True)
    (machine.home / "artifacts" / "of-others" / "model").write_text("theirs")
    (machine.home / "secrets-key").write_text("secret")
    fetch = ArtifactSource(placeholder="model", url=f"file://{machine.home / path}", folder="mine")
    missing = replace(fetch, url=f"file://{machine.home}/artifacts/of-others/there-is-none")

    messages = []
    for one in (fetch, missing):
        with pytest.raises(RuntimeRejected) as refused:
            machine.start("true", fetches=[one])
        messages.append(str(refused.value))

    assert messages[0] == messages[1]
    own = replace(fetch, url=f"file://{machine.home}/artifacts/of-others/model", folder="of-others")
    machine.run("cat {{runtime.artifacts.model}}", fetches=[own])
    assert machine.lines() == ["theirs"]


@pytest.mark.parametrize("scheme", ["file:", "FILE://", "file://localhost"])
def test_however_a_file_url_is_written_its_file_stays_where_it_is(
    new_machine: NewMachine, tmp_path: Path, scheme: str
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "model.bin").write_text("ours")
    machine = new_machine(allowed_roots=(shared,))

    machine.run(
        "cat {{runtime.artifacts.model}}; echo; echo {{runtime.artifacts.model}}",
        fetches=[ArtifactSource(placeholder="model", url=f"{scheme}{shared}/model.bin")],
    )

    assert machine.lines() == ["ours", str(shared / "model.bin")]
    assert [path.name for path in shared.iterdir()] == ["model.bin"]
