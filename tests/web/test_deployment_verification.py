"""What a deployment's page says of the request that has verified it."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.lifecycle import Status
from deployments.messages import TEXT
from deployments.models import Role
from deployments.scheduling.server_specs import server_spec_of, to_dict
from tests import factories as make

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"method": "POST", "path": "/p", "body": '{"instances": [[1]]}'}, "answered a prediction"),
        ({"method": "POST", "path": "/p", "body": "a picture"}, "answered a prediction"),
        ({"method": "POST", "path": "/p", "body": '{"instances": []}'}, "healthy, not asked: give sample rows"),
        ({"method": "POST", "path": "/p", "body": '{"inputs": []}'}, "healthy, not asked: give sample rows"),
        ({"method": "GET", "path": "/health"}, "healthy, not asked: the template names no prediction"),
    ],
)
def test_verified_says_what_was_verified_and_what_was_asked(client: Client, check: dict[str, str], words: str) -> None:
    now = timezone.now()
    deployment = make.make_deployment(status=Status.RUNNING, started_at=now, verified_at=now, serving_generation=1)
    server_spec = to_dict(server_spec_of(deployment.configuration)) | {"readiness_check": check}
    answer = f"{check['method']} {check['path']} answered 200"
    make.make_replica(
        make.make_generation(deployment, server_spec=server_spec, verified_at=now, readiness_answer=TEXT(text=answer))
    )
    client.force_login(make.make_user(Role.VIEWER))

    html = client.get(reverse("deployment", args=[deployment.pk])).content.decode()

    fact = html[html.index("<dt>Verified</dt>") :].partition("</div>")[0]
    assert words in fact
    assert answer in fact
