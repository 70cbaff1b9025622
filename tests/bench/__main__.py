"""Measures, prints each figure as it comes, and ends with 1 when a promise is not kept."""

from __future__ import annotations

import os
import sys
from importlib import import_module

from tests import environment  # noqa: F401  before Django: nothing is measured in a real installation

import django  # isort: skip

from tests.bench.figures import tell

BENCHMARKS = ("pages", "installation", "idle", "weight", "api", "containers")


def main(names: list[str]) -> int:
    if unknown := set(names) - set(BENCHMARKS):
        tell(f"There is no {', '.join(sorted(unknown))}. Choose of: {', '.join(BENCHMARKS)}.")
        return 2
    os.environ["DJANGO_SETTINGS_MODULE"] = "launchpad.settings"
    django.setup()
    broken = 0
    for name in names or BENCHMARKS:
        for figure in import_module(f"tests.bench.{name}").measure():
            tell(figure)
            broken += not figure.is_kept
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
