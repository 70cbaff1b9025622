"""What a person reads on the pages of a deployment, and what a program reads of it through the AI API."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.test import Client, override_settings

from deployments.models import Deployment, Role
from tests import factories as make
from tests.api.caller import Caller

PLAIN_STATIC = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}


def read_page(deployment: Deployment, tab: str = "") -> str:
    """Return the text of a tab as a viewer sees it, without markup and with one space between words.

    Args:
        tab: the last part of its address, `""` for the overview.
    """
    client = Client()
    client.force_login(make.make_user(Role.VIEWER))
    with override_settings(STORAGES=PLAIN_STATIC):
        answer = client.get(f"/deployments/{deployment.pk}/{tab}/" if tab else f"/deployments/{deployment.pk}/")
    assert answer.status_code == 200
    return text_of_page(answer.content.decode())


def read_api(deployment: Deployment) -> dict[str, Any]:
    """Return the body of a deployment as a program with a service key gets it."""
    answer = Caller(Role.VIEWER, groups=[deployment.resource_group]).get(f"/lm/deployments/{deployment.pk}")
    assert answer.status == 200
    body: dict[str, Any] = answer.body
    return body


def text_of_page(html: str) -> str:
    """Return what can be read in the main part of a page."""
    main = html[html.index("<main") : html.index("</main>")]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())
