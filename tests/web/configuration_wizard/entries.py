"""What a person enters in the wizard for configurations, and what it shows at its fields."""

from __future__ import annotations

import re
from typing import Any

from tests.web.windows import Window, where

WIZARD = "/configurations/create/"


def enter(window: Window, step: str, **values: Any) -> Any:
    """Send a step of the wizard, opened in this window when it is not there yet; go on with its draft."""
    window.step(step)
    return window.send(f"{WIZARD}?step={step}", **values)


def name_it(window: Window, **values: Any) -> None:
    answer = enter(window, "name", name="Weather talk", executable="talker", **values)
    assert where(answer) == f"{WIZARD}?step=parameters"


def give_values(window: Window, **values: Any) -> Any:
    given = {"parameters.greeting": "hello", "parameters.threads": "4", "parameters.topic": "weather", **values}
    return enter(window, "parameters", **given)


def error_at(html: str, field: str) -> str:
    found = re.search(rf'id="id_{re.escape(field)}_error">.*?<span>(.*?)</span>', html, re.DOTALL)
    return found[1] if found else ""


def value_of(html: str, field: str) -> str:
    found = re.search(rf'<input[^>]*name="{re.escape(field)}"[^>]*value="([^"]*)"', html)
    return found[1] if found else ""
