"""pre-commit runs what `make lint` runs."""

from __future__ import annotations

import subprocess

import yaml

from launchpad.home import BASE_DIR


def test_what_make_lint_checks_is_checked_before_a_commit() -> None:
    make = ["make", "--dry-run", "--no-print-directory", "--old-file=.venv/.installed-dev", "lint"]
    commands = subprocess.run(make, cwd=BASE_DIR, check=True, capture_output=True, text=True).stdout.splitlines()
    config = yaml.safe_load((BASE_DIR / ".pre-commit-config.yaml").read_text())

    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]

    assert [program_of(hook["entry"]) for hook in hooks] == [program_of(command) for command in commands]
    assert {hook["language"] for hook in hooks} == {"system"}  # with the versions that the project is locked to


def program_of(command: str) -> str:
    """Return a command from its program on, without what stands for the names of files."""
    return command[command.index(".venv/bin/") :].removesuffix(" {} +")
