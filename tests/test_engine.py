"""The engine of the tests runs containers, and nothing of it stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine import IMAGE, NoEngine, client_of, push, running_engine, running_registry


def test_an_engine_of_the_tests_leaves_nothing() -> None:
    try:
        with running_engine() as engine, running_registry() as registry:
            folder = engine.folder
            image = push(engine, registry, "team/private:1")
            engine.podman("run", "--detach", "--publish=127.0.0.1::80", IMAGE, "sleep", "600")
            engine.stop()
            engine.start()
            with client_of(engine.address) as client:
                running = client.api.containers()
                names = [name for one in client.api.images() for name in one["RepoTags"] or ()]
    except NoEngine as none:
        pytest.skip(str(none))

    assert [one["State"] for one in running] == ["running"]
    assert image not in names
    assert not folder.exists()
    assert str(folder) not in Path("/proc/mounts").read_text()
    assert not [one for one in Path("/proc").glob("[0-9]*/cmdline") if str(folder) in _text(one)]


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode(errors="replace")
    except OSError:
        return ""  # it has ended meanwhile
