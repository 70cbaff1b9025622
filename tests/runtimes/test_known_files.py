"""What a file says is known without reading it again, until it is another one."""

from __future__ import annotations

import os
import time
from pathlib import Path

from deployments.runtimes.local.attempt_files import write_atomically
from deployments.runtimes.local.known_files import SETTLED_SECONDS, read_known
from tests.waiting import wait_until


def settled(path: Path) -> bool:
    return time.time() - path.stat().st_ctime > SETTLED_SECONDS


def test_a_file_is_read_again_when_it_was_replaced_written_to_or_removed(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    assert read_known(str(path)) is None

    for content, write in (
        ('{"a": 1}', lambda text: write_atomically(str(path), text)),
        ('{"a": 2}', lambda text: write_atomically(str(path), text)),
        ('{"a": 3}', path.write_text),
    ):
        write(content)
        assert read_known(str(path)) == {"a": int(content[-2])}, "a new file is read each time"
        wait_until(lambda: settled(path), timeout=5, what="it is settled")
        assert read_known(str(path)) == {"a": int(content[-2])}

    path.write_text('{"a"')
    wait_until(lambda: settled(path), timeout=5, what="it is settled")
    assert read_known(str(path)) is None, "cut off"
    path.unlink()
    assert read_known(str(path)) is None


def test_a_file_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    path = tmp_path / "spec.json"
    write_atomically(str(path), '{"a": 1}')
    wait_until(lambda: settled(path), timeout=5, what="it is settled")
    first = read_known(str(path))

    assert read_known(str(path)) is first
    os.utime(path)  # changes nothing but its times
    wait_until(lambda: settled(path), timeout=5, what="it is settled")
    assert read_known(str(path)) == first
