"""Signing in and out, roles, resource groups, appearance, and the reader's time zone."""

from __future__ import annotations

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from deployments.models import Role, SignInLink, User
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

PAGES = ["/", "/scenarios/", "/configurations/", "/artifacts/"]
EDITOR_PAGES = ["/configurations/create/", "/artifacts/create/"]


def is_signed_in(client: Client) -> bool:
    return SESSION_KEY in client.session


@pytest.mark.parametrize("page", [*PAGES, *EDITOR_PAGES])
def test_without_sign_in_a_page_leads_to_it_and_back(client: Client, page: str) -> None:
    answer = client.get(page, {"q": "x"})

    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/?next=")
    make.make_user(username="maria", password="a good password")
    make.make_group()
    answer = client.post(answer["Location"], {"username": "maria", "password": "a good password"})
    assert answer["Location"] == f"{page}?q=x"


def test_htmx_is_sent_to_sign_in_as_a_whole_page_and_back_to_where_it_was(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/configurations/?q=a"}

    answer = client.get("/configurations/", headers=headers)

    assert answer.status_code == 200
    assert answer["HX-Redirect"] == "/sign-in/?next=%2Fconfigurations%2F%3Fq%3Da"


def test_a_wrong_password_is_told_at_the_form_and_signs_nobody_in(client: Client) -> None:
    make.make_user(username="maria", password="a good password")

    answer = client.post("/sign-in/", {"username": "maria", "password": "wrong"})

    assert answer.status_code == 422
    assert "correct username and password" in answer.content.decode()
    assert not is_signed_in(client)


@pytest.mark.parametrize("onward", ["https://evil.example.com/", "//evil.example.com/", "inf", "overview", "%"])
def test_sign_in_never_leads_to_another_site(client: Client, onward: str) -> None:
    make.make_user(username="maria", password="a good password")
    values = {"username": "maria", "password": "a good password", "next": onward}

    assert client.post("/sign-in/", values)["Location"] == "/"
    assert client.get("/sign-in/", {"next": onward})["Location"] == "/"


def test_a_sign_in_link_works_once_and_then_asks_for_the_password(client: Client) -> None:
    user = make.make_user()
    address = reverse("sign-in-link", args=[SignInLink.issue(user)])

    assert client.get(address)["Location"] == "/"
    assert client.session[SESSION_KEY] == str(user.pk)

    other = Client()
    answer = other.get(address, follow=True)
    assert answer.redirect_chain == [("/sign-in/", 302)]
    assert "was used already or is too old" in answer.content.decode()
    assert 'name="password"' in answer.content.decode()
    assert not is_signed_in(other)


def test_a_sign_in_link_of_somebody_who_was_shut_out_does_not_work(client: Client) -> None:
    user = make.make_user()
    address = reverse("sign-in-link", args=[SignInLink.issue(user)])
    User.objects.filter(pk=user.pk).update(is_active=False)

    client.get(address)

    assert not is_signed_in(client)


def test_signing_out_ends_the_session_and_needs_a_post(client: Client) -> None:
    client.force_login(make.make_user())

    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert not is_signed_in(client)


@pytest.mark.parametrize("page", EDITOR_PAGES)
def test_a_viewer_is_told_which_role_a_page_needs(client: Client, page: str) -> None:
    make.make_group()
    client.force_login(make.make_user(Role.VIEWER))

    answer = client.get(page)

    assert answer.status_code == 403
    assert "This needs the role Editor" in answer.content.decode()


@pytest.mark.parametrize("page", PAGES)
def test_a_viewer_sees_no_button_that_creates(client: Client, page: str) -> None:
    make.make_deployment()
    client.force_login(make.make_user(Role.VIEWER))

    html = client.get(page).content.decode()

    assert "create/" not in html


def test_who_may_see_no_resource_group_is_told_what_to_do(client: Client) -> None:
    make.make_group()
    client.force_login(make.make_user(groups=[]))

    answer = client.get("/")

    assert answer.status_code == 403
    assert "Ask an administrator to give you access" in answer.content.decode()


def test_what_is_in_a_resource_group_that_one_may_not_see_does_not_exist(client: Client) -> None:
    mine, other = make.make_group("mine"), make.make_group("other")
    configuration = make.make_configuration(other)
    artifact = make.make_artifact(other)
    client.force_login(make.make_user(groups=[mine]))

    assert client.get(f"/configurations/{configuration.pk}/").status_code == 404
    assert client.get(f"/artifacts/{artifact.pk}/").status_code == 404
    assert client.post(f"/artifacts/{artifact.pk}/delete/").status_code == 404
    assert client.post("/workspace/", {"workspace": "other"}).status_code == 404
    assert configuration.name not in client.get("/configurations/").content.decode()


def test_the_chosen_resource_group_stays_for_all_pages(client: Client) -> None:
    make.make_group("first")
    configuration = make.make_configuration(make.make_group("second"))
    client.force_login(make.make_user())
    assert configuration.name not in client.get("/configurations/").content.decode()

    answer = client.post("/workspace/", {"workspace": "second", "next": "/configurations/?q="})

    assert answer["Location"] == "/configurations/?q="
    assert configuration.name in client.get("/configurations/").content.decode()


def test_choosing_another_resource_group_on_a_details_page_leads_to_its_list(client: Client) -> None:
    configuration = make.make_configuration(make.make_group("first"))
    make.make_group("second")
    client.force_login(make.make_user())

    answer = client.post("/workspace/", {"workspace": "second", "next": f"/configurations/{configuration.pk}/"})

    assert answer["Location"] == "/configurations/"


def test_a_resource_group_that_was_taken_away_gives_way_to_one_that_is_left(client: Client) -> None:
    first, second = make.make_group("first"), make.make_group("second")
    user = make.make_user(groups=[first, second])
    client.force_login(user)
    client.post("/workspace/", {"workspace": "second"})

    user.resource_groups.set([first])

    html = client.get("/").content.decode()
    assert "<b>first</b>" in html
    assert "second" not in html


def test_the_appearance_is_remembered_for_the_person_and_for_the_browser(client: Client) -> None:
    user = make.make_user()
    make.make_group()
    client.force_login(user)

    answer = client.post("/appearance/", {"theme": "dark", "next": "/scenarios/"})

    assert answer["Location"] == "/scenarios/"
    assert 'data-theme="dark"' in client.get("/").content.decode()
    client.post("/sign-out/")
    assert 'data-theme="dark"' in client.get("/sign-in/").content.decode()
    elsewhere = Client()
    elsewhere.force_login(user)
    assert 'data-theme="dark"' in elsewhere.get("/").content.decode()


def test_an_appearance_that_does_not_exist_is_refused(client: Client) -> None:
    client.force_login(make.make_user())

    assert client.post("/appearance/", {"theme": '"><script>'}).status_code == 400


@pytest.mark.parametrize(
    ("cookie", "hour"),
    [
        ("Asia%2FTokyo", "9:30 PM"),
        ("America/New_York", "7:30 AM"),
        ("", "12:30 PM"),
        ("Nowhere%2FLand", "12:30 PM"),
        ("..%2F..%2Fetc%2Fpasswd", "12:30 PM"),
        ("Europe", "12:30 PM"),
        ("x" * 5000, "12:30 PM"),
    ],
)
def test_times_are_shown_in_the_zone_of_the_reader(client: Client, cookie: str, hour: str) -> None:
    configuration = make.make_configuration()
    at = timezone.now().replace(month=1, day=10, hour=12, minute=30)
    type(configuration).objects.update(created_at=at)
    client.force_login(make.make_user())
    client.cookies["tz"] = cookie

    assert hour in client.get(f"/configurations/{configuration.pk}/").content.decode()


def test_the_navigation_leads_administrators_to_the_admin_site_and_nobody_else(client: Client) -> None:
    make.make_group()
    client.force_login(make.make_user(Role.EDITOR))
    assert "/admin/" not in client.get("/").content.decode()

    client.force_login(make.make_user(Role.ADMINISTRATOR))
    assert reverse("admin:deployments_executable_changelist") in client.get("/").content.decode()


@pytest.mark.parametrize(
    ("page", "label"),
    [("/", "Overview"), ("/scenarios/", "Scenarios"), ("/artifacts/?kind=dataset", "Datasets")],
)
def test_the_navigation_marks_where_one_is(client: Client, page: str, label: str) -> None:
    make.make_group()
    client.force_login(make.make_user())

    html = squeezed(client.get(page).content.decode())

    marked = html[html.index('<nav class="side"') :].split('aria-current="page"', 1)[1]
    assert marked.split("</a>")[0].endswith(escape(label))


def test_every_page_forbids_scripts_and_styles_from_anywhere_else(client: Client) -> None:
    make.make_group()
    client.force_login(make.make_user(Role.ADMINISTRATOR))

    for page in [*PAGES, *EDITOR_PAGES, "/admin/"]:
        answer = client.get(page)
        policy = answer["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        html = answer.content.decode()
        assert " style=" not in html
        assert "<style" not in html
        assert "<script>" not in html


def test_too_many_wrong_passwords_have_to_wait_even_with_the_right_one(client: Client) -> None:
    make.make_user(username="ada", password="a long secret")
    make.make_user(username="bob", password="another secret")
    for _ in range(5):
        answer = client.post("/sign-in/", {"username": "ada", "password": "guessed"})
    assert answer.status_code == 429

    right = client.post("/sign-in/", {"username": "ada", "password": "a long secret"})

    assert (right.status_code, right["Retry-After"]) == (429, "300")
    assert "Too many wrong passwords. Wait 5 minutes" in right.content.decode()
    elsewhere = client.post("/sign-in/", {"username": "ada", "password": "a long secret"}, REMOTE_ADDR="10.0.0.7")
    assert elsewhere.status_code == 302, "nobody is locked out by somebody at another address"
    assert Client().post("/sign-in/", {"username": "bob", "password": "another secret"}).status_code == 302
