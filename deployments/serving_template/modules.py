"""The model servers that come with Launchpad, by module; and the modules for the files that older templates name.

Before they became a package, templates named the files of these servers with a placeholder for their folder, and
stored server specs had absolute paths, which another checkout or version does not have. Both become the module of that
name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DISTRIBUTION = "launchpad-model-servers"  # its name in requirement lines
FOLDER_PLACEHOLDER = "runtime.model_servers"  # the placeholder of older templates
_FILE = r"/(hello_server|magika_server|onnx_server|sklearn_server)\.py"
_ARGUMENT = re.compile(rf"(?:\{{\{{{FOLDER_PLACEHOLDER}\}}\}}|/.*/deployments/model_servers){_FILE}")
_PART = re.compile(
    rf"(?:\{{\{{{FOLDER_PLACEHOLDER}\}}\}}|/\S*/deployments/model_servers){_FILE}"
)  # within a shell command


def names_package(requirements: Iterable[str]) -> bool:
    """Return whether one of the requirement lines is the package of the model servers."""
    return any(canonicalize_name(Requirement(line).name) == DISTRIBUTION for line in requirements)


def with_modules(command: Iterable[str], requirements: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the command with modules in place of our files, and the requirements with the package that it then needs.

    Both are returned unchanged when the command names none of our files.
    """
    original = tuple(command)
    changed = tuple(argument for item in original for argument in _by_module(item))
    if changed != original and DISTRIBUTION not in requirements:
        requirements = (*requirements, DISTRIBUTION)
    return changed, requirements


def _by_module(item: str) -> tuple[str, ...]:
    if match := _ARGUMENT.fullmatch(item):
        return "-m", f"launchpad_model_servers.{match[1]}"
    return (_PART.sub(r"-m launchpad_model_servers.\1", item),)
