"""The half of the contract that needs a shell: for runtimes whose servers are programs."""

from __future__ import annotations

import pytest

from deployments.runtimes.base import Runtime
from tests.runtimes.contract import RuntimeContract, new_id


class ShellRuntimeContract(RuntimeContract):
    """The whole suite, for runtimes that start programs."""

    WAITS = ("/bin/sh", "-c", "exec sleep 600")

    def script(self, text: str) -> tuple[str, ...]:
        """Return the command of a server that runs a shell script."""
        return ("/bin/sh", "-c", text)

    def exits(self, code: int, *lines: str) -> tuple[str, ...]:
        return ("/bin/sh", "-c", 'for line in "$@"; do echo "$line" >&2; done; exit "$0"', str(code), *lines)

    def tells(self, text: str) -> tuple[str, ...]:
        return self.script(f'echo "{text}"; echo "{text}" >&2; exit 3')

    def test_both_streams_are_told_apart(self, runtime: Runtime) -> None:
        name = f"{new_id()}-1-0"

        self.run(runtime, name, self.script("echo one; sleep 0.1; echo two >&2"))

        said = [(line.stream, line.text) for line in runtime.logs(name.split("-")[0]) if line.stream != "launchpad"]
        assert said == [("stdout", "one"), ("stderr", "two")]

    @pytest.mark.parametrize("newest_first", [False, True])
    def test_logs_are_cut_to_a_time(self, runtime: Runtime, newest_first: bool) -> None:
        deployment_id = new_id()
        self.run(runtime, f"{deployment_id}-1-0", self.script("for i in 1 2 3 4; do echo $i; sleep 0.02; done"))
        lines = list(runtime.logs(deployment_id))
        start, end = lines[1].at, lines[3].at

        found = list(runtime.logs(deployment_id, start=start, end=end, newest_first=newest_first))

        wanted = [line for line in lines if start <= line.at < end]
        assert len(wanted) >= 2
        assert found == (wanted[::-1] if newest_first else wanted)
