"""What kinds of runtimes say of their connections: options that make a form, and the test of this machine."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from django.utils import translation
from pytest_django import Settings

from deployments.messages import Message, render
from deployments.runtimes import registry
from deployments.runtimes.base import ConnectionReport, OptionType
from deployments.runtimes.fake import kind as fake_kind


@pytest.mark.parametrize("kind", [driver.kind for driver in registry.drivers()])
def test_options_have_names_of_their_own_and_defaults_that_the_kind_accepts(kind: str) -> None:
    driver = registry.driver_of(kind)
    names = [option.name for option in driver.option_fields]
    defaults = {
        option.name: option.default
        for option in driver.option_fields
        if option.type is not OptionType.SECRET and option.default is not None
    }

    assert len(names) == len(set(names))
    assert driver.check_options(defaults, []) == ""
    for option in driver.option_fields:
        assert bool(option.choices) is (option.type is OptionType.CHOICE), option.name


def test_the_test_of_this_machine_says_what_it_has_in_the_language_of_who_asks() -> None:
    driver = registry.driver_of("local")

    with translation.override("de"):
        report = driver.test({"memory_gb": 2, "cpu": 1}, {})

    assert isinstance(report, ConnectionReport)
    assert report.version.startswith("Linux")
    assert report.memory_bytes == psutil.virtual_memory().total
    assert report.disk_free_bytes
    assert ("Deployments bekommen", "2 GB, 1 CPU, 0 GPU") in report.facts


def test_the_test_of_this_machine_says_what_is_wrong(settings: Settings, tmp_path: Path) -> None:
    found = registry.driver_of("local").test({"memory_gb": "much"}, {})
    assert isinstance(found, Message)
    assert "memory_gb is much" in render(found)

    settings.LAUNCHPAD_HOME, settings.LAUNCHPAD_RUN_AS = tmp_path, "nobody-of-that-name"
    found = registry.driver_of("local").test({}, {})
    assert isinstance(found, Message) is bool(registry.driver_of("local").settings_problem())


def test_the_fake_one_tells_a_wrong_token_from_a_right_one() -> None:
    assert isinstance(fake_kind.DRIVER.test({}, {"token": "right"}), ConnectionReport)
    assert isinstance(fake_kind.DRIVER.test({}, {"token": "wrong"}), Message)
