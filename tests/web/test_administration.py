"""The pages of the administration: connections, resource groups, people, service keys, secrets and the audit log."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from deployments.lifecycle import TargetStatus
from deployments.models import AuditEntry, Deployment, ResourceGroup, Role, Secret, ServiceKey, SignInLink, User
from deployments.reconciler import remove_emptied_groups
from tests import factories as make
from tests.web.html import squeezed

pytestmark = pytest.mark.django_db

LISTS = ("connections", "groups", "users", "keys", "secrets", "audit-log")
FORMS = ("group-create", "user-create", "key-create", "secret-create")


@pytest.fixture
def group() -> ResourceGroup:
    return make.make_group()


@pytest.fixture
def administrator(client: Client, group: ResourceGroup) -> Client:
    client.force_login(make.make_user(Role.ADMINISTRATOR, username="ada"))
    return client


def html_of(client: Client, name: str, *args: Any, **query: str) -> str:
    return client.get(reverse(name, args=args), query).content.decode()


def rows_of(*pairs: tuple[str, str]) -> dict[str, str]:
    """Return what the rows of keys and values send."""
    sent = {"form-TOTAL_FORMS": str(len(pairs)), "form-INITIAL_FORMS": "0"}
    for number, (key, value) in enumerate(pairs):
        sent |= {f"form-{number}-key": key, f"form-{number}-value": value}
    return sent


def error_at(html: str, field: str) -> str:
    found = re.search(rf'id="id_{re.escape(field)}_error">.*?<span>(.*?)</span>', html, re.DOTALL)
    return found[1] if found else ""


@pytest.mark.parametrize("name", [*LISTS, *FORMS])
def test_each_page_opens_for_administrators_alone(administrator: Client, group: ResourceGroup, name: str) -> None:
    assert administrator.get(reverse(name)).status_code == 200
    for user in (make.make_user(Role.EDITOR), make.make_user(Role.VIEWER)):
        other = Client()
        other.force_login(user)
        assert other.get(reverse(name)).status_code == 403
    assert Client().get(reverse(name)).status_code == 302


def test_an_administrator_of_some_groups_gets_their_secrets_and_nothing_else(group: ResourceGroup) -> None:
    client = Client()
    client.force_login(make.make_user(Role.ADMINISTRATOR, groups=[group]))
    Secret.objects.create(resource_group=make.make_group("other"), name="of-others", encrypted="", keys=["a"])
    elsewhere = Secret.objects.create(name="shared", encrypted="", keys=["a"])

    page = html_of(client, "secrets")

    assert "of-others" not in page
    assert "shared" not in page
    assert reverse("users") not in page
    assert client.get(reverse("secret", args=[elsewhere.pk])).status_code == 404
    for name in ("connections", "groups", "users", "keys", "audit-log", "group-create"):
        assert client.get(reverse(name)).status_code == 403
    client.post(reverse("secret-create"), {"name": "mine", "group": "", **rows_of(("token", "value"))})
    assert not Secret.objects.filter(name="mine").exists()


def test_without_any_resource_group_one_can_be_made(client: Client) -> None:
    make.make_connection()
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    assert reverse("group-create") in client.get("/").content.decode()

    connection = make.make_connection()
    answer = client.post(reverse("group-create"), {"group": "team.blue", "connection": connection.pk})

    assert answer.status_code == 302
    assert client.get("/").status_code == 200


# --- Resource groups --------------------------------------------------------------------------------------------


def test_a_group_is_made_with_quotas_and_labels_and_changed(administrator: Client) -> None:
    connection = make.make_connection()
    values = {"group": "team.blue", "connection": connection.pk, "deployment_quota": "3", "labels": "team=blue\nx=y"}
    administrator.post(reverse("group-create"), values)
    group = ResourceGroup.objects.get(pk="team.blue")
    assert (group.deployment_quota, group.replica_quota, group.labels) == (3, None, {"team": "blue", "x": "y"})

    page = html_of(administrator, "group", "team.blue")
    assert "team=blue" in page
    administrator.post(reverse("group", args=["team.blue"]), {"replica_quota": "2", "labels": ""})

    group.refresh_from_db()
    assert (group.deployment_quota, group.replica_quota, group.labels) == (None, 2, {})
    entry = AuditEntry.objects.filter(kind="resourcegroup").first()
    assert entry is not None
    assert ("deployment_quota", "3", "") in entry.changes
    assert '0<span class="muted">of 2</span>' in squeezed(html_of(administrator, "groups"))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"group": "x"}, "group"),
        ({"group": "default"}, "group"),
        ({"group": "team.blue", "deployment_quota": "-1"}, "deployment_quota"),
        ({"group": "team.blue", "replica_quota": "many"}, "replica_quota"),
        ({"group": "team.blue", "labels": "no label"}, "labels"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(administrator: Client, values: dict[str, str], field: str) -> None:
    answer = administrator.post(reverse("group-create"), {"connection": make.make_connection().pk, **values})

    assert answer.status_code == 422
    assert error_at(answer.content.decode(), field)
    assert ResourceGroup.objects.count() == 1


def test_an_empty_group_is_deleted_at_once(administrator: Client) -> None:
    make.make_group("old")

    administrator.post(reverse("group-delete", args=["old"]))

    assert not ResourceGroup.objects.filter(pk="old").exists()


def test_a_group_goes_with_its_contents_when_its_id_is_typed(administrator: Client) -> None:
    old = make.make_group("old")
    deployment = make.make_deployment(make.make_configuration(old))
    Secret.objects.create(resource_group=old, name="token", encrypted="", keys=["a"])
    kept = make.make_deployment()
    where = reverse("group-delete", args=["old"])
    page = administrator.get(where).content.decode()
    assert all(f"{label}: 1" in page for label in ("Deployments", "Configurations", "Artifacts", "Secrets"))

    refused = administrator.post(where, {"confirmed": "odl"})
    assert "Type old to confirm" in refused.content.decode()
    assert Deployment.objects.get(pk=deployment.pk).target_status == TargetStatus.RUNNING
    administrator.post(where, {"confirmed": "old"})

    assert Deployment.objects.get(pk=deployment.pk).target_status == TargetStatus.DELETED
    assert Deployment.objects.get(pk=kept.pk).target_status == TargetStatus.RUNNING
    assert "being deleted" in html_of(administrator, "groups")
    remove_emptied_groups()
    assert ResourceGroup.objects.filter(pk="old").exists(), "as long as it has deployments"
    Deployment.objects.filter(pk=deployment.pk).delete()
    remove_emptied_groups()
    assert list(ResourceGroup.objects.values_list("pk", flat=True)) == ["default"]
    assert not Secret.objects.exists()


def test_nothing_is_added_to_a_group_that_is_being_deleted(administrator: Client) -> None:
    old = make.make_group("old")
    make.make_deployment(make.make_configuration(old))
    administrator.post(reverse("group-delete", args=["old"]), {"confirmed": "old"})
    administrator.post(reverse("workspace"), {"workspace": "old"})

    answer = administrator.post(
        reverse("artifact-create"),
        {"name": "new", "kind": "model", "scenario": "talking", "source": "url", "url": "https://example.com/m"},
    )

    assert answer.status_code == 403
    assert "is being deleted" in answer.content.decode()
    assert "Ask an administrator" not in answer.content.decode()


# --- People -----------------------------------------------------------------------------------------------------


def test_a_new_user_comes_in_by_a_link_and_chooses_a_password(administrator: Client, group: ResourceGroup) -> None:
    values = {"username": "erin", "role": "editor", "groups": [group.pk], "is_active": "on"}
    page = administrator.post(reverse("user-create"), values).content.decode()
    erin = User.objects.get(username="erin")
    assert (erin.role, erin.all_groups, list(erin.resource_groups.all())) == ("editor", False, [group])
    link = re.search(r'id="link-text">http://testserver(.*?)</code>', page)
    assert link is not None

    client = Client()
    assert client.get(link[1]).status_code == 302
    new = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    weak = client.post(reverse("password"), {"new_password1": "1", "new_password2": "1"})
    assert weak.status_code == 422
    assert client.post(reverse("password"), new).status_code == 302
    assert client.get("/").status_code == 200, "the session goes on"

    again = Client()
    again.post("/sign-in/", {"username": "erin", "password": "correct horse battery"})
    assert error_at(again.post(reverse("password"), new).content.decode(), "old_password")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"username": "ada", "all_groups": "on"}, "username"),
        ({"username": "a b", "all_groups": "on"}, "username"),
        ({"username": "erin"}, "groups"),
        ({"username": "erin", "all_groups": "on", "email": "x"}, "email"),
        ({"username": "erin", "all_groups": "on", "role": "king"}, "role"),
    ],
)
def test_a_wrong_entry_about_somebody_is_said_at_its_field(
    administrator: Client, values: dict[str, str], field: str
) -> None:
    answer = administrator.post(reverse("user-create"), {"role": "viewer", "is_active": "on", **values})

    assert answer.status_code == 422
    assert error_at(answer.content.decode(), field)
    assert User.objects.count() == 1


def test_somebody_who_may_not_sign_in_any_more_is_out_at_once(administrator: Client) -> None:
    erin = make.make_user(username="erin")
    other = Client()
    other.force_login(erin)
    assert other.get("/").status_code == 200

    administrator.post(reverse("user", args=[erin.pk]), {"role": "editor", "all_groups": "on"})

    assert other.get("/").status_code == 302
    assert administrator.post(reverse("user-link", args=[erin.pk])).status_code == 403
    assert not SignInLink.objects.exists()


def test_administrators_cannot_lock_themselves_out(administrator: Client) -> None:
    ada = User.objects.get(username="ada")

    for values in ({"role": "editor", "all_groups": "on", "is_active": "on"}, {"role": "administrator"}):
        answer = administrator.post(reverse("user", args=[ada.pk]), {"all_groups": "on", **values})
        assert "Ask another administrator" in answer.content.decode()

    ada.refresh_from_db()
    assert (ada.role, ada.is_active) == ("administrator", True)


# --- Service keys -----------------------------------------------------------------------------------------------


def test_a_key_is_shown_once_as_the_file_that_programs_read(administrator: Client, group: ResourceGroup) -> None:
    page = administrator.post(reverse("key-create"), {"name": "batch", "role": "viewer", "groups": [group.pk]})
    found = re.search(r'href="data:application/json;base64,([^"]*)"', page.content.decode())
    assert found is not None
    file = json.loads(base64.b64decode(found[1]))

    key = ServiceKey.objects.get()
    assert (file["clientid"], set(file)) == (key.client_id, {"clientid", "clientsecret", "url", "serviceurls"})
    assert (key.role, key.all_groups, list(key.resource_groups.all())) == ("viewer", False, [group])
    assert file["clientsecret"] not in html_of(administrator, "keys")
    assert page.headers["Cache-Control"].startswith("max-age=0")
    asked = {"grant_type": "client_credentials", "client_id": key.client_id, "client_secret": file["clientsecret"]}
    assert "never" in html_of(administrator, "keys")
    assert Client().post("/oauth/token", asked).status_code == 200
    key.refresh_from_db()
    assert key.last_used_at is not None

    administrator.post(reverse("key-revoke", args=[key.pk]))

    assert Client().post("/oauth/token", asked).status_code == 401
    assert "revoked" in html_of(administrator, "keys")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x", "expires_at": "2020-01-01T00:00"}, "expires_at"),
        ({"name": "x", "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "all_groups": ""}, "groups"),
    ],
)
def test_a_key_that_cannot_be_issued_is_not(administrator: Client, values: dict[str, str], field: str) -> None:
    answer = administrator.post(reverse("key-create"), {"role": "editor", "all_groups": "on", **values})

    assert answer.status_code == 422
    assert error_at(answer.content.decode(), field)
    assert not ServiceKey.objects.exists()


# --- Secrets ----------------------------------------------------------------------------------------------------


def test_a_secret_is_made_replaced_and_deleted_and_never_shown(administrator: Client, group: ResourceGroup) -> None:
    sent = {"name": "reviews", "group": group.pk, **rows_of(("token", "s3cret-one"), ("", ""))}
    assert administrator.post(reverse("secret-create"), sent).status_code == 302
    secret = Secret.objects.get()
    where = reverse("secret", args=[secret.pk])
    assert "token" in html_of(administrator, "secrets")
    assert "s3cret" not in administrator.get(where).content.decode()

    more = administrator.post(where, {**rows_of(("token", "s3cret-two")), "more": "1"}).content.decode()
    assert more.count('-value"') >= 4, "rows are added and what was entered is kept"
    assert "s3cret-two" in more
    administrator.post(where, rows_of(("token", "s3cret-two"), ("user", "me")))

    secret.refresh_from_db()
    assert secret.keys == ["token", "user"]
    administrator.post(reverse("secret-delete", args=[secret.pk]))
    assert not Secret.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Reviews", **rows_of(("token", "x"))},
        {"name": "reviews", **rows_of(("", ""))},
        {"name": "reviews", **rows_of(("", "value without a key"))},
        {"name": "reviews", **rows_of(("a b", "x"))},
        {"name": "reviews", "form-TOTAL_FORMS": "many"},
    ],
)
def test_a_secret_that_cannot_be_kept_is_refused(administrator: Client, values: dict[str, str]) -> None:
    answer = administrator.post(reverse("secret-create"), {"group": "default", **values})

    assert answer.status_code == 422
    assert not Secret.objects.exists()


# --- The audit log ----------------------------------------------------------------------------------------------


def test_the_audit_log_is_filtered_and_downloaded(administrator: Client) -> None:
    for number in range(3):
        AuditEntry.objects.create(
            actor=f"person-{number}",
            action="create",
            kind="deployment",
            object_id=f"d{number}",
            after={"ttl": "=1+1"},
            channel="api",
            address="192.0.2.7",
        )
    AuditEntry.objects.create(actor="zoe", action="sign in", kind="session", channel="page")

    page = html_of(administrator, "audit-log", kind="deployment", q="person-1")
    assert "person-1" in page
    assert "person-2" not in page
    assert "Nothing found" in html_of(administrator, "audit-log", group="default", period="day")
    answer = administrator.get(reverse("audit-download"), {"action": "create", "channel": "api"})
    lines = b"".join(answer).decode().splitlines()

    assert len(lines) == 4
    assert "zoe" not in "".join(lines)
