"""What Launchpad imports when it runs is among what `make up` installs, which is less than what tests install."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from django.conf import settings

ROOT = Path(settings.BASE_DIR)
OURS = {"deployments", "launchpad"}


def test_what_runs_imports_nothing_that_only_the_tests_install() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    installed = {_canonical(name) for name in re.findall(r"^([\w.-]+)(?:\[[^\]]*\])?==", lock, re.MULTILINE)}
    distributions = packages_distributions()
    missing = {
        f"{path.relative_to(ROOT)}: {module}"
        for folder in OURS
        for path in (ROOT / folder).rglob("*.py")
        if "model_servers" not in path.parts  # a package of its own, with requirements of its own
        for module in _imported(ast.parse(path.read_text()))
        if module in distributions and not installed & {_canonical(name) for name in distributions[module]}
    }
    assert missing == set()


def test_the_locks_name_the_extras_that_are_asked_for() -> None:
    # pip of Python 3.11 takes `coverage[toml]` for another requirement than `coverage==...`, and refuses it.
    for name in ("requirements.txt", "requirements-dev.txt"):
        assert "--no-strip-extras" in (ROOT / name).read_text().split("==")[0], name


def _imported(node: ast.AST) -> Iterator[str]:
    """Yield the packages that a module imports, wherever it does; not what it imports for its types alone."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                yield from _imported(ast.Module(body=[other], type_ignores=[]))
            continue
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom) and child.level == 0 and child.module:
            names = [child.module]
        else:
            names = []
        yield from (top for name in names if (top := name.partition(".")[0]) not in sys.stdlib_module_names)
        yield from _imported(child)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
