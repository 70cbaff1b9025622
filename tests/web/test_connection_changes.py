"""Connections are added, changed, tested, disabled and deleted on pages; what answers on this machine is offered."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_str

from deployments import broker, reconciler
from deployments.bootstrap import seed
from deployments.errors import OperationRefused
from deployments.messages import TEXT
from deployments.models import AuditEntry, Connection, ConnectionOffer, ConnectionStatus, ResourceGroup, Role
from deployments.operations import create_deployment
from deployments.operations.connections import change_connection
from deployments.runtimes.base import StoredImage
from deployments.runtimes.fake.engine import engine as fake_engine
from deployments.storage.secrets import encrypt
from tests import factories as make
from tests.api.caller import ADMINISTRATOR, Caller
from tests.valkey import running_valkey

pytestmark = pytest.mark.django_db

SECRET = "t0p-secret-of-a-test"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def administrator(client: Client) -> Client:
    make.make_group()
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    return client


@pytest.fixture
def valkey(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    with running_valkey(monkeypatch) as process:
        broker.record_heartbeat()
        yield process


@pytest.fixture
def other() -> Connection:
    """A connection to a fake engine, with a secret."""
    return Connection.objects.create(
        name="engine", kind="fake", options={"engine": "of-pages", "port": 9}, encrypted=encrypt({"token": SECRET})
    )


def html_of(answer: Any) -> str:
    return " ".join(force_str(answer.content).split())


def inquiry_in(html: str) -> str:
    found = re.search(r"/connection-test/([\w-]+)/", html)
    assert found, html
    return found[1]


def told() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(kind="connection").order_by("pk").values_list("action", "name"))


def test_a_connection_is_added_with_the_options_of_its_kind(administrator: Client) -> None:
    Connection.objects.update(options={"memory_gb": 0.1, "cpu": 0.1})
    page = reverse("connection-add")

    html = html_of(administrator.get(page, {"kind": "local"}))
    answer = administrator.post(page, {"kind": "local", "name": "half", "option-memory_gb": "0.5", "option-cpu": "1"})

    assert "Memory (GB)" in html
    assert answer.headers["Location"] == reverse("connection", args=["half"])
    assert Connection.objects.get(name="half").options == {"memory_gb": 0.5, "cpu": 1}
    assert told() == [("create", "half")]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": "a b"}, "Use 1 to 64 letters"),
        ({"name": "local"}, "There is a connection local already"),
        ({"option-memory_gb": "much"}, "Enter a number."),
        ({"option-gpus": "-1"}, "greater than or equal to 0"),
        ({"option-memory_gb": "1000000"}, "would promise more than it has"),
        ({"name": ""}, "This field is required."),
    ],
)
def test_bad_input_is_refused_at_its_field(administrator: Client, given: dict[str, str], sentence: str) -> None:
    Connection.objects.update(options={"memory_gb": 0.1, "cpu": 0.1, "gpus": 0})
    values = {"kind": "local", "name": "second", "option-memory_gb": "0.1", "option-cpu": "1", "option-gpus": "0"}

    answer = administrator.post(reverse("connection-add"), values | given)

    assert answer.status_code == 422
    assert sentence in html_of(answer)
    assert Connection.objects.count() == 1


def test_a_kind_that_is_not_offered_cannot_be_added(administrator: Client) -> None:
    for address in ("?kind=fake", "?kind=nothing"):
        html = html_of(administrator.get(reverse("connection-add") + address))
        assert "Where are its model servers to run?" in html
        assert 'href="?kind=local"' in html
        assert 'href="?kind=fake"' not in html
    administrator.post(reverse("connection-add"), {"kind": "fake", "name": "second"})
    assert Connection.objects.count() == 1


def test_secrets_are_kept_when_nothing_is_entered_replaced_and_removed(
    administrator: Client, other: Connection
) -> None:
    page = reverse("connection-change", args=["engine"])
    values = {"name": "engine", "option-engine": "b", "option-variant": "slow", "option-port": "10"}

    assert SECRET not in html_of(administrator.get(page))
    administrator.post(page, values)
    other.refresh_from_db()
    assert (other.options, other.secrets()) == ({"engine": "b", "variant": "slow", "port": 10}, {"token": SECRET})

    administrator.post(page, values | {"option-token": "another"})
    other.refresh_from_db()
    assert other.secrets() == {"token": "another"}

    administrator.post(page, values | {"name": "renamed", "remove-token": "on"})
    other.refresh_from_db()
    assert (other.name, other.secrets()) == ("renamed", {})
    assert SECRET not in f"{list(AuditEntry.objects.values_list())}"
    assert "another" not in f"{list(AuditEntry.objects.values_list())}"


def test_secrets_that_cannot_be_read_any_more_are_entered_again(administrator: Client, other: Connection) -> None:
    Connection.objects.filter(pk=other.pk).update(encrypted="of-another-key")
    page = reverse("connection-change", args=["engine"])

    assert administrator.get(page).status_code == 200
    administrator.post(page, {"name": "engine", "option-token": "new"})

    other.refresh_from_db()
    assert other.secrets() == {"token": "new"}


def test_a_test_is_made_by_the_worker_and_its_answer_is_polled(
    administrator: Client, other: Connection, valkey: object
) -> None:
    page = reverse("connection-change", args=["engine"])
    values = {"name": "engine", "option-engine": "of-pages", "option-port": "9", "test": "1"}

    begun = html_of(administrator.post(page, values, headers=HTMX))
    inquiry_id = inquiry_in(begun)
    assert begun.startswith('<div id="test"')
    assert "a worker asks it" in begun
    address = reverse("connection-test", args=[inquiry_id])
    assert "hx-trigger" in html_of(administrator.get(address))
    reconciler.answer_inquiry(inquiry_id)

    html = html_of(administrator.get(address))
    assert "Fake 1.0 answers." in html
    assert "256 GB" in html
    assert "of-pages" in html
    assert "hx-trigger" not in html


def test_the_stored_secret_counts_in_a_test_and_an_entered_one_goes_before_it(
    administrator: Client, other: Connection, valkey: object
) -> None:
    Connection.objects.filter(pk=other.pk).update(encrypted=encrypt({"token": "wrong"}))
    page, values = reverse("connection-change", args=["engine"]), {"name": "engine", "test": "1"}
    for token, sentence in (("", "refuses the token"), ("right", "Fake 1.0 answers")):
        inquiry_id = inquiry_in(html_of(administrator.post(page, values | {"option-token": token}, headers=HTMX)))
        reconciler.answer_inquiry(inquiry_id)
        assert sentence in html_of(administrator.get(reverse("connection-test", args=[inquiry_id])))
    other.refresh_from_db()
    assert other.secrets() == {"token": "wrong"}


def test_a_test_works_without_scripts_and_keeps_what_was_entered(
    administrator: Client, other: Connection, valkey: object
) -> None:
    page = reverse("connection-change", args=["engine"])
    values = {"name": "entered", "option-engine": "of-pages"}

    begun = html_of(administrator.post(page, values | {"test": "1"}))
    inquiry_id = inquiry_in(begun)
    assert f'name="result" value="{inquiry_id}"' in begun
    reconciler.answer_inquiry(inquiry_id)
    shown = html_of(administrator.post(page, values | {"result": inquiry_id}))

    assert "Fake 1.0 answers." in shown
    assert 'value="entered"' in shown
    assert Connection.objects.filter(name="engine").exists()


def test_a_test_needs_no_name_yet(administrator: Client, other: Connection, valkey: object) -> None:
    page = reverse("connection-change", args=["engine"])

    assert inquiry_in(html_of(administrator.post(page, {"name": "", "test": "1"}, headers=HTMX)))
    assert administrator.post(page, {"name": ""}).status_code == 422


def test_a_test_of_bad_input_says_what_is_wrong_and_asks_nobody(administrator: Client, other: Connection) -> None:
    page = reverse("connection-change", args=["engine"])

    html = html_of(administrator.post(page, {"name": "engine", "option-port": "x", "test": "1"}, headers=HTMX))

    assert "Port: Enter a whole number." in html


def test_a_test_without_a_broker_is_refused_in_words(
    administrator: Client, other: Connection, valkey: subprocess.Popen[bytes]
) -> None:
    valkey.kill()
    valkey.wait(10)

    html = html_of(administrator.post(reverse("connection-change", args=["engine"]), {"name": "e", "test": "1"}))

    assert "The broker does not respond" in html


def test_a_disabled_connection_takes_nothing_new_and_says_so(administrator: Client) -> None:
    configuration = make.make_configuration()
    group = ResourceGroup.objects.get()
    toggle, page = reverse("connection-enabled", args=["local"]), reverse("connection", args=["local"])

    administrator.post(toggle, {"enabled": "0"})

    group = ResourceGroup.objects.get()
    with pytest.raises(OperationRefused, match="connection local is disabled"):
        create_deployment(ADMINISTRATOR, group, configuration)
    refused = Caller().ask("POST", "/lm/deployments", {"configurationId": str(configuration.pk)})
    assert (refused.status, "is disabled" in refused.error["message"]) == (412, True)
    assert "no new deployments and resource groups" in html_of(administrator.get(page))
    assert "The connection local is disabled" in html_of(administrator.get(reverse("deployment-create")))
    form = html_of(administrator.get(reverse("group-create")))
    assert "<option" not in form.split('name="connection"')[1].split("</select>")[0]
    assert Caller(Role.ADMINISTRATOR).ask("POST", "/admin/resourceGroups", {"resourceGroupId": "blue"}).status == 400

    administrator.post(toggle, {"enabled": "1"})

    assert create_deployment(ADMINISTRATOR, ResourceGroup.objects.get(), configuration)
    assert told() == [("disable", "local"), ("enable", "local")]


def test_it_is_deleted_only_when_no_resource_group_lives_on_it(administrator: Client, other: Connection) -> None:
    make.make_group("blue", connection=other)
    page = reverse("connection-delete", args=["engine"])

    assert "1 resource group lives on it: blue" in html_of(administrator.get(page))
    assert administrator.post(page).status_code == 422
    ResourceGroup.objects.get(pk="blue").delete()
    assert administrator.post(page).status_code == 302

    assert not Connection.objects.filter(name="engine").exists()
    assert told() == [("delete", "engine")]


def test_what_answers_on_this_machine_is_connected_by_one_click(administrator: Client) -> None:
    Connection.objects.create(name="engine", kind="fake", options={"engine": "elsewhere"})
    offer = ConnectionOffer.objects.create(
        kind="fake", digest="1", name="engine", options={"engine": "here"}, message=TEXT(text="Fake 1 answers here.")
    )
    page = reverse("connections")

    assert "Fake 1 answers here." in html_of(administrator.get(page))
    answer = administrator.post(reverse("connection-offer-add", args=[offer.pk]))

    assert answer.headers["Location"] == reverse("connection", args=["engine-2"])
    assert Connection.objects.get(name="engine-2").options == {"engine": "here"}
    assert "Fake 1 answers here." not in html_of(administrator.get(page))
    assert administrator.post(reverse("connection-offer-add", args=[offer.pk])).status_code == 404


def test_an_offer_that_is_dismissed_is_shown_to_nobody_any_more(administrator: Client) -> None:
    offer = ConnectionOffer.objects.create(
        kind="fake", digest="1", name="engine", options={"engine": "here"}, message=TEXT(text="Fake 1 answers here.")
    )

    administrator.post(reverse("connection-offer-dismiss", args=[offer.pk]))

    assert "Fake 1 answers here." not in html_of(administrator.get(reverse("connections")))
    assert Connection.objects.count() == 1


def test_an_offer_that_its_kind_does_not_accept_says_why(administrator: Client) -> None:
    offer = ConnectionOffer.objects.create(kind="fake", digest="1", name="engine", options={"variant": "odd"})

    answer = administrator.post(reverse("connection-offer-add", args=[offer.pk]), follow=True)

    assert "The variant is one of" in html_of(answer)


def test_the_list_and_the_workspace_say_since_when_one_does_not_answer(
    administrator: Client, other: Connection
) -> None:
    make.make_group("blue", connection=other)
    ConnectionStatus.objects.create(
        connection=other, unreachable_since=timezone.now() - timedelta(hours=1), problem=TEXT(text="No route.")
    )

    html = html_of(administrator.get(reverse("connections")))

    assert "fake://of-pages" in html
    menu = html.split('id="workspace-menu"')[1].split("</form>")[0]
    assert menu.count("UNREACHABLE since") == 1
    assert "engine / blue" in menu.split("UNREACHABLE")[0]
    assert html.split("<tbody>")[1].count("UNREACHABLE") == 1


def test_images_that_are_not_in_use_are_shown_with_sizes_and_removed(
    administrator: Client, other: Connection, valkey: object
) -> None:
    engine = fake_engine("of-pages")
    engine.images = [StoredImage(id="sha256:1", name="team/server:1", size_bytes=1_500_000_000)]
    page = reverse("connection-images", args=["engine"])

    waiting = html_of(administrator.get(page))
    poll = re.search(r"inquiry=([\w-]+)", waiting)
    assert poll, waiting
    assert "A worker asks for them" in waiting
    reconciler.answer_inquiry(poll[1])
    html = html_of(administrator.get(page, {"inquiry": poll[1]}))
    assert "team/server:1" in html
    assert "1.5 GB" in html

    to = administrator.post(reverse("connection-images-remove", args=["engine"])).headers["Location"]
    reconciler.answer_inquiry(to.rsplit("=", 1)[1])
    html = html_of(administrator.get(to))
    assert "1 image was removed: 1.5 GB." in html
    assert "All images that were pulled are in use." in html
    assert engine.images == []
    assert told() == [("remove-images", "engine")]
    make.make_group("blue", connection=other)
    assert administrator.get(reverse("connection-images", args=["local"])).status_code == 404


def test_of_two_who_rename_at_once_to_one_name_one_is_refused_in_words(other: Connection) -> None:
    make.make_group()
    with pytest.raises(Exception, match="There is a connection local already"):
        change_connection(ADMINISTRATOR, other, name="local", options={}, secrets={})


def test_the_next_start_does_not_add_again_what_was_renamed(other: Connection) -> None:
    make.make_group()
    Connection.objects.filter(name="local").update(name="renamed")

    seed.ensure_workspace()

    assert set(Connection.objects.values_list("name", flat=True)) == {"renamed", "engine"}
