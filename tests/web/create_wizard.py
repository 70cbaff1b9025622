"""What a person sends in the wizard that creates deployments."""

from __future__ import annotations

import re
from typing import Any

from django.test import Client

from deployments.models import Configuration, Role
from tests import factories as make
from tests.web.windows import Window, where

CREATE = "/deployments/create/"
HTMX = {"HX-Request": "true"}


def signed_in(client: Client, role: Role = Role.EDITOR, **values: Any) -> Window:
    client.force_login(make.make_user(role, **values))
    return Window(client, CREATE)


def send(window: Window, step: str, do: str = "next", **values: str) -> Any:
    """Send the form of a step that is open."""
    assert current_step(window.step(step)) == step
    return window.send(step=step, do=do, **values)


def post(window: Window, step: str, do: str = "next", **values: str) -> str:
    """Send a step that is accepted and return the address of the next one."""
    answer = send(window, step, do, **values)
    assert answer.status_code == 302, answer.content.decode()
    return where(answer)


def current_step(html: str) -> str:
    found = re.search(r'name="step" value="(\w+)"', html)
    assert found
    return found[1]


def up_to_review(window: Window, configuration: Configuration) -> None:
    post(window, "scenario", scenario=configuration.scenario_id)
    post(window, "template", executable=configuration.executable_id)
    post(window, "configuration", configuration=str(configuration.pk))
    post(window, "duration", kind="standard")
