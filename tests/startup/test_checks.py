"""Wrong settings are found and told with what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from deployments.checks import check_settings


def ids() -> set[str]:
    return {str(message.id) for message in check_settings(None)}


def test_the_defaults_are_right() -> None:
    assert ids() == set()


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("LAUNCHPAD_PORT", 0, "launchpad.E002"),
        ("LAUNCHPAD_GATEWAY_PORT", 70_000, "launchpad.E002"),
        ("LAUNCHPAD_GATEWAY_PORT", 8000, "launchpad.E003"),
        ("DATABASES", {"default": {"ENGINE": "django.db.backends.mysql"}}, "launchpad.E004"),
        ("BROKER_URL", "amqp://localhost", "launchpad.E005"),
        ("LAUNCHPAD_CPU_OVERCOMMIT", 0.5, "launchpad.E008"),
        ("LAUNCHPAD_MEMORY_GB", -1, "launchpad.E008"),
        ("LAUNCHPAD_UPLOAD_LIMIT_MB", 0, "launchpad.E008"),
        ("LAUNCHPAD_WEB_PROCESSES", 0, "launchpad.E008"),
        ("LAUNCHPAD_FILE_ROOTS", [Path("relative")], "launchpad.E009"),
        ("LAUNCHPAD_FILE_ROOTS", [Path("/there/is/no/such/folder")], "launchpad.E009"),
    ],
)
def test_a_wrong_setting_is_found(settings: Settings, name: str, value: Any, found: str) -> None:
    settings.LAUNCHPAD_PORT = 8000
    setattr(settings, name, value)
    assert found in ids()


def test_every_finding_says_what_to_do(settings: Settings, tmp_path: Path) -> None:
    settings.LAUNCHPAD_PORT = settings.LAUNCHPAD_GATEWAY_PORT = -1
    settings.BROKER_URL = "amqp://localhost"
    settings.LAUNCHPAD_TLS_CERT = str(tmp_path / "missing.pem")
    assert all(message.hint for message in check_settings(None))


def test_a_home_below_a_file_is_found(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.LAUNCHPAD_HOME = tmp_path / "file" / "home"
    assert "launchpad.E001" in ids()


def test_a_certificate_without_its_key_is_found(settings: Settings, tmp_path: Path) -> None:
    settings.LAUNCHPAD_TLS_CERT = str(tmp_path / "cert.pem")
    assert ids() == {"launchpad.E006", "launchpad.E007"}
    (tmp_path / "cert.pem").touch()
    assert ids() == {"launchpad.E006"}
    settings.LAUNCHPAD_TLS_KEY = str(tmp_path / "cert.pem")
    assert ids() == set()


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs model servers as somebody else")
def test_a_user_of_model_servers_who_does_not_exist_is_found(settings: Settings) -> None:
    settings.LAUNCHPAD_RUN_AS = "there-is-no-such-user"
    assert ids() == {"launchpad.E010"}
