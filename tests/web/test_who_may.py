"""One table of all pages: who has to have which role, and what somebody of another resource group finds there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from deployments.models import Connection, ConnectionOffer, ResourceGroup, Role, SavedView, Secret, ServiceKey
from tests import factories as make

pytestmark = pytest.mark.django_db

ANYBODY, VIEWER, EDITOR, LOCAL, EVERYWHERE = "anybody", "viewer", "editor", "administrator of a group", "administrator"
RANK = (ANYBODY, VIEWER, EDITOR, LOCAL, EVERYWHERE)
# name -> least role to look at it, least role to send its form; None: that way it does not exist.
PAGES: dict[str, tuple[str | None, str | None]] = {
    **dict.fromkeys(("health", "ping", "unread", "notice", "oauth-jwks"), (ANYBODY, None)),
    **dict.fromkeys(("sign-in",), (ANYBODY, ANYBODY)),
    **dict.fromkeys(("sign-in-link",), (ANYBODY, None)),
    **dict.fromkeys(("oauth-token", "sign-out", "appearance", "language"), (None, ANYBODY)),
    **dict.fromkeys(("overview", "overview-state", "help", "scenarios", "scenario", "template"), (VIEWER, None)),
    **dict.fromkeys(("configurations", "configuration", "artifacts", "artifact", "deployments"), (VIEWER, None)),
    **dict.fromkeys(("deployment-rows", "deployment-download", "deployment", "deployment-status"), (VIEWER, None)),
    **dict.fromkeys(("deployment-scaling", "deployment-resources", "deployment-events"), (VIEWER, None)),
    **dict.fromkeys(("deployment-facts", "deployment-logs", "deployment-log-download"), (VIEWER, None)),
    **dict.fromkeys(("notifications", "password"), (VIEWER, VIEWER)),
    **dict.fromkeys(("shortcuts", "workspace", "deployment-columns", "deployment-view-save"), (None, VIEWER)),
    **dict.fromkeys(("deployment-view-delete",), (None, VIEWER)),
    **dict.fromkeys(("artifact-create", "artifact-delete", "configuration-create"), (EDITOR, EDITOR)),
    **dict.fromkeys(("deployment-create", "deployment-update", "deployment-stop"), (EDITOR, EDITOR)),
    **dict.fromkeys(("deployment-delete", "deployment-roll-back"), (EDITOR, EDITOR)),
    **dict.fromkeys(("deployment-bulk",), (None, EDITOR)),
    **dict.fromkeys(("deployment-playground", "deployment-token"), (None, VIEWER)),
    **dict.fromkeys(("secrets",), (LOCAL, None)),
    **dict.fromkeys(("secret", "secret-create", "secret-delete", "secret-registry-create"), (LOCAL, LOCAL)),
    **dict.fromkeys(("connections", "connection", "groups", "users", "keys", "audit-log"), (EVERYWHERE, None)),
    **dict.fromkeys(("connection-add", "connection-change", "connection-delete"), (EVERYWHERE, EVERYWHERE)),
    **dict.fromkeys(("connection-enabled", "connection-offer-add", "connection-offer-dismiss"), (None, EVERYWHERE)),
    **dict.fromkeys(("connection-test", "connection-images"), (EVERYWHERE, None)),
    **dict.fromkeys(("connection-images-remove",), (EVERYWHERE, EVERYWHERE)),
    **dict.fromkeys(("audit-download",), (EVERYWHERE, None)),
    **dict.fromkeys(("group", "group-create", "group-delete", "user", "user-create"), (EVERYWHERE, EVERYWHERE)),
    **dict.fromkeys(("key-create", "key-revoke"), (EVERYWHERE, EVERYWHERE)),
    **dict.fromkeys(("user-link",), (None, EVERYWHERE)),
}
OF_A_GROUP = {name for name in PAGES if name.split("-")[0] in {"deployment", "configuration", "artifact", "secret"}}


def names(patterns: list[Any]) -> Iterator[str]:
    """Return the name of every address, but for the admin site and the AI API, which have tables of their own."""
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield str(pattern.name)
        elif isinstance(pattern, URLResolver) and pattern.app_name not in {"admin", "ninja"}:
            yield from names(pattern.url_patterns)


@pytest.fixture
def places() -> dict[str, str]:
    """One thing of everything, in the group `default`: name of a page -> its address."""
    group = make.make_group()
    deployment = make.make_deployment()
    configuration = deployment.configuration
    artifact = make.make_artifact()
    secret = Secret.objects.create(resource_group=group, name="reviews", encrypted="", keys=["token"])
    key = ServiceKey.objects.create(client_id="sk-1", name="batch")
    local, offer = Connection.objects.get().name, ConnectionOffer.objects.create(kind="fake", name="fake")
    known: dict[str, Sequence[Any]] = {
        "sign-in-link": ["unknown"],
        "scenario": [configuration.scenario_id],
        "template": [configuration.scenario_id, configuration.executable_id],
        "configuration": [configuration.pk],
        "artifact": [artifact.pk],
        "artifact-delete": [artifact.pk],
        "deployment-view-delete": [SavedView.objects.create(user=make.make_user(), name="mine", query="").pk],
        **dict.fromkeys(("connection", "connection-change", "connection-delete", "connection-enabled"), (local,)),
        **dict.fromkeys(("connection-images", "connection-images-remove"), (local,)),
        "connection-test": ["unknown"],
        **dict.fromkeys(("connection-offer-add", "connection-offer-dismiss"), (offer.pk,)),
        **dict.fromkeys(("group", "group-delete"), (group.pk,)),
        **dict.fromkeys(("user", "user-link"), (make.make_user().pk,)),
        **dict.fromkeys(("secret", "secret-delete"), (secret.pk,)),
        "key-revoke": [key.pk],
    }
    plain = {"deployment-rows", "deployment-bulk", "deployment-columns", "deployment-download", "deployment-view-save"}
    for name in PAGES:
        if name.startswith("deployment") and name not in {*plain, "deployments", "deployment-create", *known}:
            known[name] = [deployment.pk]
    return {name: reverse(name, args=known.get(name, [])) for name in PAGES}


def client_of(role: str, group: ResourceGroup) -> Client:
    client = Client()
    if role != ANYBODY:
        kind = Role.ADMINISTRATOR if role in {LOCAL, EVERYWHERE} else Role(role)
        client.force_login(make.make_user(kind, groups=[group] if role == LOCAL else None))
    return client


def test_the_table_names_every_page() -> None:
    assert set(names(get_resolver().url_patterns)) - {"None"} == set(PAGES)


@pytest.mark.parametrize("role", RANK)
def test_each_role_gets_what_the_table_says(places: dict[str, str], role: str) -> None:
    wrong = []
    secret = Secret.objects.get()
    for name, needed in PAGES.items():
        for method, least in zip(("get", "post"), needed, strict=True):
            client = client_of(role, make.make_group())
            status = getattr(client, method)(places[name]).status_code
            if least is None:
                fits = status == 405
            elif RANK.index(role) >= RANK.index(least):
                fits = (status not in {403, 405} and status < 500) or name == "health"
            else:
                fits = status == (302 if role == ANYBODY else 403)
            if not fits:
                wrong.append(f"{method} {name} ({places[name]}): {status}")
            secret.save()  # which may have been deleted
    assert not wrong, wrong


def test_what_belongs_to_another_group_is_not_there(places: dict[str, str]) -> None:
    wrong = []
    other = make.make_group("other")
    for name in sorted(OF_A_GROUP):
        if not any(character.isdigit() for character in places[name]) or name == "deployment-view-delete":
            continue
        for method, least in zip(("get", "post"), PAGES[name], strict=True):
            client = client_of(LOCAL, other)
            status = getattr(client, method)(places[name]).status_code
            if least is not None and status != 404:
                wrong.append(f"{method} {name}: {status}")
    assert not wrong, wrong
