"""The list of deployments: filters, sorting, paging, live rows, and stopping or deleting many."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from deployments.lifecycle import Status, TargetStatus
from deployments.models import Deployment, Role
from deployments.queries.deployments import DeploymentFilter, deployment_page
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

LIST = "/deployments/"


def signed_in(client: Client, role: Role = Role.EDITOR, **values: Any) -> Client:
    client.force_login(make.make_user(role, **values))
    return client


def rows_of(html: str) -> list[str]:
    return re.findall(r'<tr id="(d[0-9a-f]{15})"', html)


def poll_of(html: str) -> str:
    found = re.search(r'id="rows" hx-get="([^"]+)"', html)
    assert found, "the page does not poll"
    return found[1].replace("&amp;", "&")


def test_without_sign_in_the_list_leads_to_it(client: Client) -> None:
    answer = client.get(LIST)

    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign-in"))


def test_the_list_shows_what_a_row_needs(client: Client) -> None:
    message = "Waiting for capacity: it needs 11 GB of memory, 8 GB of memory free."
    deployment = make.make_deployment(status=Status.PENDING, **make.said(message))

    html = signed_in(client).get(LIST).content.decode()

    assert rows_of(html) == [deployment.pk]
    assert deployment.configuration.name in html
    assert message in html
    assert f'data-announce="Deployment {deployment.pk} is PENDING"' in html


def test_an_empty_list_says_what_to_do_and_goes_on_polling(client: Client) -> None:
    make.make_group()

    html = signed_in(client).get(LIST).content.decode()

    assert "No deployments yet" in html
    assert reverse("deployment-create") in html
    assert "empty=1" in poll_of(html)


def test_a_filter_that_fits_nothing_offers_the_way_back(client: Client) -> None:
    make.make_deployment()

    html = signed_in(client).get(LIST, {"q": "nothing like it"}).content.decode()

    assert "No deployment fits" in html
    assert f'href="{LIST}"' in html


@pytest.mark.parametrize("part", ["id", "name"])
def test_search_finds_a_part_of_the_id_and_of_the_configuration_in_any_case(client: Client, part: str) -> None:
    wanted = make.make_deployment(make.make_configuration(name="Iris-Forest"))
    make.make_deployment(make.make_configuration(name="other"))
    text = wanted.pk[3:9].upper() if part == "id" else "iris-FOR"

    html = signed_in(client).get(LIST, {"q": text}).content.decode()

    assert rows_of(html) == [wanted.pk]


def test_filters_by_status_scenario_executable_and_time_of_creation(client: Client) -> None:
    other = make.make_configuration(executable=make.make_executable("second", scenario="elsewhere"))
    old = make.make_deployment(other, status=Status.DEAD, created_at=timezone.now() - timedelta(days=3))
    new = make.make_deployment()
    signed_in(client)

    def shown(**query: str) -> set[str]:
        return set(rows_of(client.get(LIST, query).content.decode()))

    assert shown() == {old.pk, new.pk}
    assert shown(status="DEAD") == {old.pk}
    assert shown(scenario="elsewhere") == {old.pk}
    assert shown(executable="talker") == {new.pk}
    assert shown(created="day") == {new.pk}
    assert shown(configuration=str(other.pk)) == {old.pk}
    assert shown(status="NOBODY", sort="nonsense", created="never", page="x", size="7") == {old.pk, new.pk}


def test_tabs_count_under_the_other_filters(client: Client) -> None:
    make.make_deployment(make.make_configuration(name="alpha"), status=Status.DEAD)
    make.make_deployment(make.make_configuration(name="beta"))

    html = squeezed(signed_in(client).get(LIST, {"q": "alpha", "status": "RUNNING"}).content.decode())

    assert 'Dead<span class="n">1<' in html
    assert 'Running<span class="n">0<' in html


def test_sorting_turns_round_on_the_second_click(client: Client) -> None:
    first = make.make_deployment(created_at=timezone.now() - timedelta(hours=2))
    last = make.make_deployment()
    signed_in(client)

    newest = client.get(LIST).content.decode()
    assert rows_of(newest) == [last.pk, first.pk]
    assert 'aria-sort="descending"' in newest
    assert rows_of(client.get(LIST, {"sort": "created"}).content.decode()) == [first.pk, last.pk]
    assert "?sort=created" in newest


def test_pages_keep_the_filters(client: Client) -> None:
    configuration = make.make_configuration(name="many")
    for _ in range(30):
        make.make_deployment(configuration)

    html = signed_in(client).get(LIST, {"q": "many"}).content.decode()

    assert len(rows_of(html)) == 25
    assert "1–25 of 30" in html
    assert "q=many&amp;page=2" in html
    second = client.get(LIST, {"q": "many", "page": "2"}).content.decode()
    assert len(rows_of(second)) == 5


def test_the_number_of_queries_does_not_grow_with_the_rows(client: Client) -> None:
    signed_in(client)

    def queries(rows: int) -> int:
        for _ in range(rows - Deployment.objects.count()):
            make.make_deployment()
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert len(rows_of(client.get(LIST, {"size": "100"}).content.decode())) == rows
        return len(seen)

    assert queries(10) == queries(60)


def test_another_groups_deployments_are_not_shown(client: Client) -> None:
    mine, theirs = make.make_group("mine"), make.make_group("theirs")
    shown = make.make_deployment(make.make_configuration(mine))
    make.make_deployment(make.make_configuration(theirs))

    html = signed_in(client, groups=[mine]).get(LIST).content.decode()

    assert rows_of(html) == [shown.pk]


# --- live rows --------------------------------------------------------------------------------------------------


def test_a_poll_of_an_unchanged_list_is_204_with_two_queries(client: Client) -> None:
    for _ in range(3):
        make.make_deployment()
    poll = poll_of(signed_in(client).get(LIST).content.decode())

    with CaptureQueriesContext(connection) as seen:
        answer = client.get(poll, headers={"HX-Request": "true"})

    assert answer.status_code == 204
    assert len(seen) == 2, [query["sql"] for query in seen]


@pytest.mark.parametrize(
    "change",
    [
        {"status": "DEAD"},
        {"target_status": "STOPPED"},
        make.said("Waiting for capacity: it needs 3 GB of memory, 2 GB of memory free."),
        {"unreachable_since": timezone.now()},
    ],
)
def test_any_visible_change_is_shown_by_the_next_poll(client: Client, change: dict[str, Any]) -> None:
    deployment = make.make_deployment()
    poll = poll_of(signed_in(client).get(LIST).content.decode())

    Deployment.objects.filter(pk=deployment.pk).update(**change)
    answer = client.get(poll, headers={"HX-Request": "true"})

    html = answer.content.decode()
    assert answer.status_code == 200
    assert rows_of(html) == [deployment.pk]
    assert poll_of(html) != poll
    assert html.lstrip().startswith("<tbody"), "a table's body must stand first for the browser to read it"
    assert set(re.findall(r'id="([\w-]+)"[^>]*hx-swap-oob', html)) == {"list-tabs", "list-title", "list-foot"}


def test_a_new_and_a_deleted_deployment_are_changes(client: Client) -> None:
    make.make_deployment()
    poll = poll_of(signed_in(client).get(LIST).content.decode())

    added = make.make_deployment()
    changed = client.get(poll)
    assert changed.status_code == 200

    added.delete()
    assert client.get(poll_of(changed.content.decode())).status_code == 200


def test_what_only_the_loop_writes_is_no_change(client: Client) -> None:
    deployment = make.make_deployment()
    poll = poll_of(signed_in(client).get(LIST).content.decode())

    Deployment.objects.filter(pk=deployment.pk).update(lease_token="x", next_reconcile_at=timezone.now())

    assert client.get(poll).status_code == 204


def test_the_first_row_and_the_last_one_make_another_page(client: Client) -> None:
    make.make_group()
    poll = poll_of(signed_in(client).get(LIST).content.decode())
    assert client.get(poll).status_code == 204

    deployment = make.make_deployment()
    assert client.get(poll)["HX-Refresh"] == "true"

    poll = poll_of(client.get(LIST).content.decode())
    deployment.delete()
    assert client.get(poll)["HX-Refresh"] == "true"


def test_a_poll_after_the_session_is_over_leads_to_sign_in(client: Client) -> None:
    make.make_deployment()
    poll = poll_of(signed_in(client).get(LIST).content.decode())
    client.logout()

    answer = client.get(poll, headers={"HX-Request": "true"})

    assert answer.status_code != 204
    assert reverse("sign-in") in answer.headers.get("HX-Redirect", answer.headers.get("Location", ""))


def test_a_poll_is_not_204_any_more_when_the_role_has_changed(client: Client) -> None:
    make.make_deployment()
    user = make.make_user(Role.EDITOR)
    client.force_login(user)
    poll = poll_of(client.get(LIST).content.decode())

    user.role = Role.VIEWER
    user.save()

    answer = client.get(poll)
    assert answer.status_code == 200
    assert 'name="id"' not in answer.content.decode()


# --- many at once -----------------------------------------------------------------------------------------------


def test_a_viewer_sees_no_ticks_and_is_refused(client: Client) -> None:
    deployment = make.make_deployment()
    signed_in(client, Role.VIEWER)

    html = client.get(LIST).content.decode()
    assert 'name="id"' not in html
    assert reverse("deployment-create") not in html

    answer = client.post(reverse("deployment-bulk"), {"do": "stop", "id": deployment.pk, "confirmed": "1"})
    assert answer.status_code == 403
    assert Deployment.objects.get().target_status == TargetStatus.RUNNING


def test_the_dialog_says_how_many_are_eligible_and_why_the_others_are_not(client: Client) -> None:
    running = make.make_deployment()
    dead = make.make_deployment(status=Status.DEAD)

    answer = signed_in(client).post(reverse("deployment-bulk"), {"do": "stop", "id": [running.pk, dead.pk]})

    html = answer.content.decode()
    assert "1 of the 2 chosen are eligible" in html
    assert "A deployment that is DEAD cannot be stopped." in html
    assert f'name="id" value="{running.pk}"' in html
    assert f'name="id" value="{dead.pk}"' not in html
    assert Deployment.objects.filter(target_status="STOPPED").count() == 0


def test_only_the_eligible_ones_are_touched_and_each_is_answered_for(client: Client) -> None:
    running = make.make_deployment()
    dead = make.make_deployment(status=Status.DEAD)
    data = {"do": "stop", "id": [running.pk, dead.pk, "dnobody"], "confirmed": "1", "back": f"{LIST}?page=2"}

    answer = signed_in(client).post(reverse("deployment-bulk"), data)

    assert answer["Location"] == f"{LIST}?page=2"
    assert Deployment.objects.get(pk=running.pk).target_status == TargetStatus.STOPPED
    assert Deployment.objects.get(pk=dead.pk).target_status == TargetStatus.RUNNING
    html = client.get(LIST).content.decode()
    assert "1 deployment is being stopped." in html
    assert f"{dead.pk} was left alone" in html
    assert "dnobody was left alone" in html


def test_delete_takes_the_stopped_ones(client: Client) -> None:
    stopped = make.make_deployment(status=Status.STOPPED)

    signed_in(client).post(reverse("deployment-bulk"), {"do": "delete", "id": stopped.pk, "confirmed": "1"})

    assert Deployment.objects.get().target_status == TargetStatus.DELETED


@pytest.mark.parametrize("back", ["https://elsewhere.example.com/", "//elsewhere.example.com", "/admin/"])
def test_the_way_back_cannot_lead_elsewhere(client: Client, back: str) -> None:
    deployment = make.make_deployment()

    answer = signed_in(client).post(
        reverse("deployment-bulk"), {"do": "stop", "id": deployment.pk, "confirmed": "1", "back": back}
    )

    assert answer["Location"] == LIST


def test_a_page_of_ten_thousand_reads_only_its_rows() -> None:
    configuration = make.make_configuration()
    Deployment.objects.bulk_create(
        Deployment(resource_group=configuration.resource_group, configuration=configuration, status="STOPPED")
        for _ in range(300)
    )

    with CaptureQueriesContext(connection) as seen:
        page = deployment_page(configuration.resource_group.pk, DeploymentFilter(), 3)

    assert len(page.rows) == 25
    assert page.total == 300
    assert len(seen) == 3
