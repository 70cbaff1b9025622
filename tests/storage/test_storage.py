"""The artifact store: what it keeps, what it hands out, and to whom."""

from __future__ import annotations

import hashlib
import os
import tarfile
from pathlib import Path

import pytest

from deployments.storage.archives import CHUNK
from deployments.storage.artifacts import ArtifactMissing, ArtifactOutside, LocalArtifactStore


@pytest.fixture
def store(tmp_path: Path) -> LocalArtifactStore:
    (tmp_path / "shared").mkdir()
    return LocalArtifactStore(tmp_path / "home", [tmp_path / "shared"])


def test_what_is_kept_is_handed_out_to_its_owner_alone(store: LocalArtifactStore) -> None:
    kept = store.save("one", "model.bin", [b"weig", b"hts"])

    assert (kept.size, kept.sha256) == (7, hashlib.sha256(b"weights").hexdigest())
    with store.open(kept.url, owner="one") as content:
        assert content.read() == b"weights"
    for owner in ("", "another", "on"):
        with pytest.raises(ArtifactMissing):
            store.local_path(kept.url, owner=owner)

    store.delete("one")
    with pytest.raises(ArtifactMissing):
        store.local_path(kept.url, owner="one")
    store.delete("one")


def test_nothing_else_of_the_home_is_handed_out(store: LocalArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "secret-key").write_text("secret")
    (tmp_path / "shared" / "link").symlink_to(tmp_path / "home" / "secret-key")
    kept = store.save("one", "model.bin", [b"weights"])

    for path in (
        tmp_path / "home" / "secret-key",
        tmp_path / "shared" / "link",
        Path(f"{kept.url.removeprefix('file://')}/../../../secret-key"),
        tmp_path,
        Path("/etc/passwd"),
    ):
        with pytest.raises(ArtifactOutside):
            store.local_path(f"file://{path}", owner="one")


def test_shared_folders_are_open_to_everybody(store: LocalArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "shared" / "a b.bin").write_bytes(b"model")

    assert store.local_path(f"file://{tmp_path}/shared/a%20b.bin").read_bytes() == b"model"
    for gone in ("c.bin", "x" * 300, "a%00b"):
        with pytest.raises(ArtifactMissing):
            store.local_path(f"file://{tmp_path}/shared/{gone}")
    for url in (f"file:{tmp_path}/shared/a%20b.bin", f"FILE://localhost{tmp_path}/shared/a%20b.bin"):
        with store.open(url) as content:
            assert content.read() == b"model"


def test_a_folder_is_read_as_an_archive_with_what_its_links_lead_to(store: LocalArtifactStore, tmp_path: Path) -> None:
    large = bytes(range(256)) * 10_000
    (tmp_path / "shared" / "blobs").mkdir()
    (tmp_path / "shared" / "blobs" / "1").write_bytes(large)
    model = tmp_path / "shared" / "model" / "ünits"
    model.mkdir(parents=True)
    (model / "empty.json").touch()
    (model.parent / "weights.bin").symlink_to("../blobs/1")
    (model.parent / "zone").symlink_to("../blobs")

    with store.open(f"file://{tmp_path}/shared/model") as content, tarfile.open(fileobj=content, mode="r|") as archive:
        found = {entry.name: (file.read() if (file := archive.extractfile(entry)) else None) for entry in archive}

    assert found == {"ünits": None, "ünits/empty.json": b"", "weights.bin": large, "zone": None, "zone/1": large}


def test_a_link_in_a_folder_leads_only_to_what_its_owner_may_read(store: LocalArtifactStore, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "secret-key").write_text("secret")
    model = tmp_path / "shared" / "model"
    model.mkdir()

    for target in (tmp_path / "home" / "secret-key", Path("/etc/passwd"), tmp_path / "shared" / "gone", model):
        (model / "link").symlink_to(target)
        with pytest.raises(ArtifactMissing):
            store.open(f"file://{model}", owner="one")
        (model / "link").unlink()


def test_a_file_that_becomes_shorter_while_it_is_read_is_no_archive(store: LocalArtifactStore, tmp_path: Path) -> None:
    model = tmp_path / "shared" / "model"
    model.mkdir()
    for name in ("1", "2"):
        (model / name).write_bytes(bytes(CHUNK * 3))

    with store.open(f"file://{model}") as content:
        content.read(CHUNK)
        os.truncate(model / "1", CHUNK * 2)
        with pytest.raises(OSError, match="shorter"):
            content.read()


@pytest.mark.parametrize("name", ["../../x.bin", "/etc/x.bin", ".x.bin", "ü" * 400 + ".bin", "", "..", "a b\n.bin"])
def test_a_name_from_outside_leads_nowhere_else(store: LocalArtifactStore, tmp_path: Path, name: str) -> None:
    kept = store.save("one", name, [b"weights"])

    assert store.local_path(kept.url, owner="one").parent == tmp_path / "home" / "artifacts" / "one"


def test_content_that_breaks_off_leaves_nothing(store: LocalArtifactStore) -> None:
    def content() -> object:
        yield b"weig"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        store.save("one", "model.bin", content())  # type: ignore[arg-type]
    assert not store.folder("one").exists()
