"""Compiles the translations for Django. The repository holds their text alone: a compiled file beside it can disagree
with it, and causes conflicts in merges. In pure Python, as not every machine has gettext.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from launchpad.home import BASE_DIR

SOURCES = BASE_DIR / "deployments" / "locale"


def compiled_dir(home: Path) -> Path:
    """Return the folder of the compiled files: the checkout may belong to another user than the one who runs it."""
    return home / "locale"


def compile_translations(home: Path) -> None:
    """Compile all of SOURCES (50 ms). An unchanged file is not written again, so that a start works on a full disk.

    Raises:
        OSError: a file cannot be written, or a source is not in gettext's format.
    """
    import polib  # not at the top: the settings import this module in every process

    for source in SOURCES.glob("*/LC_MESSAGES/*.po"):
        target = (compiled_dir(home) / source.relative_to(SOURCES)).with_suffix(".mo")
        compiled = polib.pofile(str(source)).to_binary()
        if target.exists() and target.read_bytes() == compiled:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
        draft.write_bytes(compiled)
        os.replace(draft, target)  # a running web server may be reading it
