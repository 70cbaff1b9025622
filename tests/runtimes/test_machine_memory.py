"""The memory that servers are placed on is what a container around Launchpad may have, where there is one."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from deployments.runtimes.local import machine

VERSION_2, VERSION_1 = "memory.max", "memory/memory.limit_in_bytes"


@pytest.mark.parametrize("name", [VERSION_2, VERSION_1])
def test_the_limit_of_the_container_counts(tmp_path: Path, name: str) -> None:
    assert machine.memory(_groups(tmp_path, name, "2000000000")) == 2_000_000_000


@pytest.mark.parametrize(("name", "unlimited"), [(VERSION_2, "max"), (VERSION_1, "9223372036854771712")])
def test_without_a_limit_it_is_the_memory_of_the_machine(tmp_path: Path, name: str, unlimited: str) -> None:
    assert machine.memory(_groups(tmp_path, name, unlimited)) == psutil.virtual_memory().total
    assert machine.memory(tmp_path / "none") == psutil.virtual_memory().total


def _groups(folder: Path, name: str, limit: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{limit}\n")
    return folder
