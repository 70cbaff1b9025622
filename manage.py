#!/usr/bin/env python
"""Django's command line for Launchpad."""

import os
import platform
import sys

from launchpad.version import VERSION


def main() -> None:
    # Django answers `version` with its own before it looks for a command of that name. Needs no settings, so no home.
    if sys.argv[1:] in (["version"], ["--version"]):
        import django

        python = platform.python_version()
        sys.stdout.write(f"Launchpad {VERSION} (Django {django.get_version()}, Python {python})\n")
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "launchpad.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
