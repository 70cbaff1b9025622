"""The local runtime keeps the contract of all runtimes."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployments.runtimes.base import Runtime
from deployments.runtimes.local.driver import LocalRuntime
from deployments.runtimes.preparation.sandbox import SandboxSettings
from tests.runtimes.contract import OpenAs
from tests.runtimes.machine import ROOT, SERVES, Machine
from tests.runtimes.shell_contract import ShellRuntimeContract


class TestLocalRuntime(ShellRuntimeContract):
    SERVES = SERVES

    @pytest.fixture
    def open_as(self, machine: Machine) -> OpenAs:
        return lambda owner: LocalRuntime(home=machine.home, owner=owner, sandbox=SandboxSettings(folders=(ROOT,)))

    @pytest.fixture
    def unreachable(self, tmp_path: Path) -> Runtime:
        """A home that is no folder: so the disk answers when it is broken, to root too."""
        home = tmp_path / "broken"
        home.write_text("not a folder")
        return LocalRuntime(home=home)
