"""The changelog is in the form of Keep a Changelog, and its newest version is the one that is shown."""

from __future__ import annotations

import re

from launchpad.home import BASE_DIR
from launchpad.version import VERSION

VERSIONS = re.findall(r"^## \[(\S+)\] - (.+)$", (BASE_DIR / "CHANGELOG.md").read_text(), re.MULTILINE)


def test_the_newest_version_of_the_changelog_is_the_one_that_is_shown() -> None:
    assert VERSIONS[0][0] == VERSION


def test_only_the_newest_version_may_be_unreleased_and_all_others_have_a_date() -> None:
    for number, (_, date) in enumerate(VERSIONS):
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", date) or (number == 0 and date == "Unreleased")
