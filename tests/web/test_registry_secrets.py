"""The page for credentials of container registries, and what the other pages of secrets show of them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.encoding import force_str

from deployments.models import DOCKER_CONFIG_KEY, Role, Secret
from deployments.operations.registry_credentials import docker_config
from deployments.scheduling import secret_values
from deployments.serving_template import SecretKey
from tests import factories as make

pytestmark = pytest.mark.django_db

PASSWORD = "pa55-word-of-a-test"
WANTED = {"CONFIG": SecretKey(secret="registry", key=DOCKER_CONFIG_KEY)}


def test_the_page_writes_the_same_form_and_never_shows_it_again(client: Client) -> None:
    group = make.make_group()
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    given = {"name": "registry", "group": group.pk, "registry": "r.example", "user": "u", "password": PASSWORD}

    bad = client.post(reverse("secret-registry-create"), given | {"user": "u:v"})
    assert (bad.status_code, b"has no colon" in bad.content) == (422, True)
    assert PASSWORD not in force_str(bad.content)
    assert client.post(reverse("secret-registry-create"), given).status_code == 302

    secret = Secret.objects.get()
    assert secret.is_of_registry
    assert secret_values.values_for(group.pk, WANTED) == {"CONFIG": docker_config("r.example", "u", PASSWORD)}
    page = reverse("secret", args=[secret.pk])
    for address in (page, reverse("secrets")):
        html = force_str(client.get(address).content)
        assert "Registry credentials" in html
        assert PASSWORD not in html

    assert client.post(page, {"registry": "r.example", "user": "u", "password": "new"}).status_code == 302
    assert secret_values.values_for(group.pk, WANTED) == {"CONFIG": docker_config("r.example", "u", "new")}


def test_a_plain_secret_with_that_key_is_checked_at_its_field_too(client: Client) -> None:
    group = make.make_group()
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    rows = {"form-TOTAL_FORMS": "1", "form-INITIAL_FORMS": "0", "form-0-key": DOCKER_CONFIG_KEY, "form-0-value": "{}"}

    answer = client.post(reverse("secret-create"), {"name": "registry", "group": group.pk, **rows})

    assert (answer.status_code, b"at least one registry" in answer.content) == (422, True)
