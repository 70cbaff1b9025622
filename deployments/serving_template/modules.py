"""The model servers that come with Launchpad, by module; and what templates and server specs that name a file mean.

Until they became a package, templates named the files of these servers by a placeholder for their folder, and stored
server specs by its absolute path, which another checkout or version does not have. Both mean the module of that name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DISTRIBUTION = "launchpad-model-servers"  # what a requirement line calls the package
FOLDER = "runtime.model_servers"  # the placeholder of older templates
_FILE = r"/(hello_server|magika_server|onnx_server|sklearn_server)\.py"
_ARGUMENT = re.compile(rf"(?:\{{\{{{FOLDER}\}}\}}|/.*/deployments/model_servers){_FILE}")
_PART = re.compile(rf"(?:\{{\{{{FOLDER}\}}\}}|/\S*/deployments/model_servers){_FILE}")  # of a command for a shell


def names_package(requirements: Iterable[str]) -> bool:
    """Return whether one of these requirement lines is our package."""
    return any(canonicalize_name(Requirement(line).name) == DISTRIBUTION for line in requirements)


def by_module(command: Iterable[str], requirements: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return a command that names modules instead of our files, and the requirements with the package it needs then.

    Both are returned as they are when the command names none of our files.
    """
    given = tuple(command)
    changed = tuple(argument for item in given for argument in _by_module(item))
    if changed != given and DISTRIBUTION not in requirements:
        requirements = (*requirements, DISTRIBUTION)
    return changed, requirements


def _by_module(item: str) -> tuple[str, ...]:
    if match := _ARGUMENT.fullmatch(item):
        return "-m", f"launchpad_model_servers.{match[1]}"
    return (_PART.sub(r"-m launchpad_model_servers.\1", item),)
