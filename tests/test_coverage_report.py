"""What CI prints of coverage."""

from __future__ import annotations

from typing import Any

from tests.coverage_report import lines_of


def file(*, covered: int, missing: int) -> dict[str, Any]:
    return {"summary": {"covered_lines": covered, "missing_lines": missing}}


def test_lines_are_counted_by_package_and_in_all_and_the_worst_module_is_named_first() -> None:
    report = list(
        lines_of(
            {
                "deployments/web/views/overview.py": file(covered=3, missing=0),
                "deployments/web/forms.py": file(covered=0, missing=1),
                "deployments/errors.py": file(covered=0, missing=5),
                "deployments/__init__.py": file(covered=0, missing=0),
            }
        )
    )

    assert "   75.0 %  deployments.web" in report
    assert "    0.0 %  deployments" in report
    assert report[report.index("Most lines not covered:") + 1] == "      5  deployments/errors.py"
    assert report[-1] == "Coverage: 33.3 % of 9 lines"
