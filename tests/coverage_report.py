"""Prints what the tests have covered, a line for each package: `python -m tests.coverage_report FILE`.

The file is the JSON of coverage.py. It knows of what ran in the processes of pytest alone: what runs only in a program
of its own (a started installation, a shim) is tested, but does not count as covered.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

LONGEST_LIST = 8  # modules that are named because much of them is not covered


def main() -> int:
    (file,) = sys.argv[1:]
    sys.stdout.writelines(f"{line}\n" for line in lines_of(json.loads(Path(file).read_text())["files"]))
    return 0


def lines_of(files: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the report.

    Args:
        files: by path, each with `summary`: `covered_lines` and `missing_lines`.
    """
    covered, missing = Counter[str](), Counter[str]()
    for path, file in files.items():
        package = ".".join(PurePath(path).parts[:2] if len(PurePath(path).parts) > 2 else PurePath(path).parts[:1])
        covered[package] += file["summary"]["covered_lines"]
        missing[package] += file["summary"]["missing_lines"]
    yield "Lines covered by the tests, by package:"
    for package in sorted(covered):
        yield f"  {_share(covered[package], missing[package])}  {package}"
    worst = sorted(files, key=lambda path: -files[path]["summary"]["missing_lines"])[:LONGEST_LIST]
    yield "Most lines not covered:"
    for path in worst:
        yield f"  {files[path]['summary']['missing_lines']:5}  {path}"
    share, lines = _share(covered.total(), missing.total()).strip(), covered.total() + missing.total()
    yield f"Coverage: {share} of {lines:,} lines"


def _share(covered: int, missing: int) -> str:
    return f"{100 * covered / max(1, covered + missing):5.1f} %"


if __name__ == "__main__":
    sys.exit(main())
