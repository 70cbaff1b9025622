"""The programs that the supervisor runs, the addresses of the broker, and the lock of a home."""

from __future__ import annotations

import configparser
import os
import shlex
import tempfile
from pathlib import Path

import pytest

from deployments.broker import client_url
from launchpad.home import StartRefused, lock_home
from launchpad.programs import Program, find_valkey, programs, render


def read(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(inline_comment_prefixes=(";",))
    parser.read_string(text)
    return parser


def test_an_external_broker_leaves_the_embedded_one_out() -> None:
    home = Path("/home")
    embedded = programs(home, ("haproxy",), valkey=Path("/valkey-server"), samples=False)
    external = programs(home, ("haproxy",), valkey=None, samples=False)
    assert {program.name for program in embedded} - {program.name for program in external} == {"valkey"}


def test_the_embedded_broker_listens_on_no_port() -> None:
    (valkey,) = [p for p in programs(Path("/home"), (), valkey=Path("/valkey"), samples=False) if p.name == "valkey"]
    assert valkey.command[valkey.command.index("--port") + 1] == "0"


def test_a_path_with_spaces_and_percent_signs_survives() -> None:
    home = Path("/with space/100%")
    parsed = read(render(home, [Program(name="web", command=("run", str(home), ""))]))
    command = parsed["program:web"]["command"].replace("%%", "%")
    assert shlex.split(command) == ["run", str(home), ""]
    assert parsed["supervisord"]["pidfile"].replace("%%", "%") == f"{home}/run/supervisord.pid"


def test_only_the_first_start_may_end_by_itself() -> None:
    chosen = programs(Path("/home"), ("haproxy",), valkey=Path("/valkey"), samples=True)
    parsed = read(render(Path("/home"), chosen))
    restarts = {program.name: parsed[f"program:{program.name}"]["autorestart"] for program in chosen}
    assert restarts.pop("first-start") == "unexpected"
    assert set(restarts.values()) == {"true"}


def test_there_is_a_broker_to_embed() -> None:
    valkey = find_valkey()
    assert valkey is not None
    assert os.access(valkey, os.X_OK)


@pytest.mark.parametrize(
    ("celery", "client"),
    [
        ("redis+socket:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("redis+socket:///with%20space/valkey.sock", "unix:///with%20space/valkey.sock"),
        ("redis+socket:///run/valkey.sock?virtual_host=3", "unix:///run/valkey.sock?db=3"),
        ("redis://:secret@host:6380/2", "redis://:secret@host:6380/2"),
    ],
)
def test_the_broker_has_one_address_for_celery_and_for_the_client(celery: str, client: str) -> None:
    assert client_url(celery) == client


def test_a_home_has_one_owner_at_a_time() -> None:
    with tempfile.TemporaryDirectory() as home:  # tmp_path is too long for sockets
        first = lock_home(Path(home))
        with pytest.raises(StartRefused, match=str(os.getpid())):
            lock_home(Path(home))
        first.close()
        lock_home(Path(home)).close()
