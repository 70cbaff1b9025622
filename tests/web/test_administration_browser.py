"""The pages of the administration in a real Chromium: accessible, and gone through by a person."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from deployments.messages import TEXT
from deployments.models import (
    Actor,
    AuditEntry,
    Connection,
    ConnectionOffer,
    ConnectionStatus,
    ResourceGroup,
    Role,
    Secret,
    ServiceKey,
)
from deployments.operations.secrets import create_secret
from tests import factories as make
from tests.browser import DESKTOP, MOBILE, faults_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ACTOR = Actor(name="ada", role=Role.ADMINISTRATOR)


@pytest.mark.parametrize(
    ("theme", "size"),
    [("light", DESKTOP), ("dark", MOBILE), ("contrast", DESKTOP)],
    ids=["light-desktop", "dark-mobile", "contrast-desktop"],
)
def test_every_page_is_accessible_and_fits(open_page: Any, theme: str, size: Any) -> None:
    group = make.make_group("team.blue", labels={"team": "blue"}, deployment_quota=3)
    person = make.make_user(Role.EDITOR, groups=[group])
    make.make_deployment(make.make_configuration(group))
    old = Connection.objects.create(name="old", kind="fake", disabled_at=timezone.now())
    since, why = timezone.now(), TEXT(text="No route to it.")
    ConnectionStatus.objects.create(connection=old, unreachable_since=since, problem=why)
    ConnectionOffer.objects.create(
        kind="fake", name="new", options={"engine": "new"}, message=TEXT(text="It answers.")
    )
    make.make_group("archive", connection=old)
    secret = create_secret(ACTOR, group, name="reviews", values={"token": "value"})
    key = ServiceKey.objects.create(client_id="sk-1", name="batch")
    AuditEntry.objects.create(
        actor="ada", action="update", kind="user", before={"a": 1}, after={"a": 2}, channel="api"
    )
    lists = ("connections", "groups", "users", "keys", "secrets", "audit-log")
    forms = ("group-create", "user-create", "key-create", "secret-create", "secret-registry-create", "password")
    paths = [reverse(name) for name in (*lists, *forms)]
    paths += [reverse("connection", args=["local"]), reverse("user", args=[person.pk])]
    paths += [reverse(name, args=[group.pk]) for name in ("group", "group-delete")]
    paths += [reverse(name, args=[secret.pk]) for name in ("secret", "secret-delete")]
    paths += [reverse("key-revoke", args=[key.pk])]
    paths += [reverse("connection-add"), f"{reverse('connection-add')}?kind=containers"]
    paths += [reverse(name, args=["old"]) for name in ("connection", "connection-change", "connection-delete")]

    faults = faults_of(open_page("/", role=Role.ADMINISTRATOR, theme=theme, size=size), paths)

    assert not faults, "\n".join(faults)


def test_the_button_of_the_admin_site_is_as_tall_as_the_others(open_page: Any) -> None:
    page = open_page(reverse("admin:deployments_executable_changelist"), role=Role.ADMINISTRATOR)

    box = page.get_by_role("link", name="Import template").bounding_box()

    assert box is not None
    assert box["height"] == 30


def test_the_admin_site_says_when_the_server_is_away_and_when_it_is_back(open_page: Any) -> None:
    page = open_page(reverse("groups"), role=Role.ADMINISTRATOR)
    page.clock.install()
    page.goto(reverse("admin:index"))
    banner = page.locator("#connection")
    expect(banner).to_be_hidden()

    page.evaluate("() => { self.kept = fetch; fetch = () => Promise.reject(new TypeError('no network')); }")
    page.clock.run_for(11_000)
    expect(banner).to_be_visible()

    page.evaluate("() => { fetch = self.kept; }")
    with page.expect_response("**/ping/"):
        page.clock.run_for(11_000)
    expect(banner).to_be_hidden()


def test_a_group_with_contents_goes_when_its_id_is_typed(open_page: Any) -> None:
    make.make_deployment(make.make_configuration(make.make_group("team.blue")))
    page = open_page(reverse("group", args=["team.blue"]), role=Role.ADMINISTRATOR)

    page.get_by_role("button", name="Delete").click()
    page.locator("#confirmed").fill("team.red")
    page.locator("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#confirmed-error")).to_contain_text("Type team.blue")
    page.locator("#confirmed").fill("team.blue")
    page.locator("dialog").get_by_role("button", name="Delete").click()

    expect(page.locator("#messages")).to_contain_text("goes as soon as")
    assert ResourceGroup.objects.get(pk="team.blue").deleting_since is not None


def test_a_key_is_made_downloaded_and_revoked(open_page: Any) -> None:
    make.make_group()
    page = open_page(reverse("keys"), role=Role.ADMINISTRATOR)

    page.get_by_role("link", name=re.compile("Create")).first.click()
    page.get_by_label("Name").fill("Nightly batch")
    page.get_by_role("button", name="Create").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert download.value.suggested_filename == "service-key.json"
    assert ServiceKey.objects.get().client_id in download.value.path().read_text()
    page.get_by_role("link", name="Back to the service keys").click()
    page.get_by_role("button", name="Revoke Nightly batch").click()
    page.locator("dialog").get_by_role("button", name="Revoke").click()

    expect(page.locator("#messages")).to_contain_text("was revoked")
    assert not ServiceKey.objects.get().is_usable


def test_a_secret_is_made_by_keyboard_alone_with_more_rows(open_page: Any) -> None:
    make.make_group()
    page = open_page(reverse("secret-create"), role=Role.ADMINISTRATOR)

    page.get_by_label("Name").fill("reviews")
    page.locator("#id_form-0-key").fill("token")
    page.locator("#id_form-0-value").fill("value")
    page.get_by_role("button", name="More rows").press("Enter")
    page.locator("#id_form-5-key").fill("user")
    page.locator("#id_form-5-value").fill("me")
    page.get_by_role("button", name="Create").press("Enter")

    expect(page.locator("#messages")).to_contain_text("was created")
    assert Secret.objects.get().keys == ["token", "user"]
