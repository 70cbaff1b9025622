"""The version is said in one place and shown wherever somebody who reports a fault would look for it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from django.test import Client, override_settings

from launchpad.console import banner
from launchpad.home import BASE_DIR
from launchpad.version import VERSION
from tests import factories as make

PLAIN_STATIC = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
FACTS = {"sign_in_url": "", "user": "admin", "inference_url": "", "authority": ""}


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_command_line_tells_the_version_and_needs_no_home(tmp_path: Path, word: str) -> None:
    command = [sys.executable, "manage.py", word]
    environment = os.environ | {"LAUNCHPAD_HOME": str(tmp_path / "home")}
    said = subprocess.run(command, cwd=BASE_DIR, env=environment, check=True, capture_output=True, text=True).stdout

    assert said.startswith(f"Launchpad {VERSION} (Django 5.")
    assert not (tmp_path / "home").exists()


def test_the_project_file_takes_the_version_from_the_same_place() -> None:
    project = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())
    module, _, name = project["tool"]["setuptools"]["dynamic"]["version"]["attr"].rpartition(".")

    assert "version" in project["project"]["dynamic"]
    assert getattr(import_module(module), name) == VERSION


def test_the_banner_says_which_version_is_running(tmp_path: Path) -> None:
    assert f"Launchpad {VERSION} is running." in banner(tmp_path, FACTS)


@pytest.mark.django_db
def test_healthz_tells_the_version_also_when_something_does_not_work(client: Client) -> None:
    answer = client.get("/healthz")  # there is no worker

    assert answer.status_code == 503
    assert answer.json()["version"] == VERSION


@pytest.mark.django_db
@override_settings(STORAGES=PLAIN_STATIC)
def test_the_version_is_at_the_foot_of_the_pages_of_those_who_have_signed_in(client: Client) -> None:
    before = client.get("/sign-in/").content.decode()
    client.force_login(make.make_user())
    page = client.get("/scenarios/").content.decode()

    assert re.search(rf"Launchpad {re.escape(VERSION)}</p>\s*</nav>", page)
    assert f"Launchpad {VERSION}" not in before
