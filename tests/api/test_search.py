"""What `$search` finds, the same on every database."""

from __future__ import annotations

import pytest

from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("text", "flag", "found"),
    [
        ("Iris", {}, {"Iris one"}),
        ("iris", {}, {"iris two"}),
        ("iris", {"searchCaseInsensitive": "false"}, {"iris two"}),
        ("iris", {"searchCaseInsensitive": "true"}, {"Iris one", "iris two"}),
        ("IRIS", {"searchCaseInsensitive": "True"}, {"Iris one", "iris two"}),
        ("ä", {}, set()),
        ("ä", {"searchCaseInsensitive": "true"}, {"Äpfel 100%_"}),
        ("100%_", {}, {"Äpfel 100%_"}),
        ("0%_", {"searchCaseInsensitive": "true"}, {"Äpfel 100%_"}),
        (".*", {"searchCaseInsensitive": "true"}, set()),
        ("", {"searchCaseInsensitive": "IRIS"}, {"Iris one", "iris two"}),
    ],
)
def test_a_search_looks_at_the_case_unless_told_otherwise(text: str, flag: dict[str, str], found: set[str]) -> None:
    for name in ("Iris one", "iris two", "Äpfel 100%_"):
        make.make_configuration(name=name)
        make.make_artifact(name=name)
    caller = Caller()

    for kind in ("configurations", "artifacts"):
        answer = caller.get(f"/lm/{kind}", __search=text, **flag).body
        assert {one["name"] for one in answer["resources"]} == found
        assert caller.get(f"/lm/{kind}/$count", __search=text, **flag).body == str(len(found))
