"""The admin site: whom it lets in, what it may change, importing templates, revoking and rotating keys."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from deployments.auth import tokens
from deployments.lifecycle import Status
from deployments.models import (
    Attempt,
    Deployment,
    Executable,
    ResourceGroup,
    Role,
    Scenario,
    Secret,
    ServiceKey,
    User,
)
from tests import factories as make

pytestmark = pytest.mark.django_db

READ_ONLY = [
    "deployment",
    "generation",
    "replica",
    "attempt",
    "deploymentevent",
    "configuration",
    "executable",
    "secret",
]
IMPORT = "/admin/deployments/executable/import/"


@pytest.fixture
def administrator(client: Client) -> Client:
    make.make_group()
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    return client


@pytest.fixture
def rows() -> dict[str, str]:
    """One row of everything: model name -> its key."""
    deployment = make.make_deployment(status=Status.RUNNING)
    generation = make.make_generation(deployment)
    replica = make.make_replica(generation)
    attempt = Attempt.objects.create(replica=replica, number=1)
    event = make.make_event(deployment)
    key = ServiceKey.objects.create(client_id="sk-1", name="batch")
    secret = Secret.objects.create(name="reviews", keys=["token"], encrypted="sealed")
    made = [deployment, generation, replica, attempt, event, key, secret, deployment.configuration]
    made += [deployment.configuration.executable, deployment.configuration.scenario, deployment.resource_group]
    return {row._meta.model_name or "": str(row.pk) for row in made}


def upload(client: Client, text: str | bytes, name: str = "templates.yaml") -> Any:
    content = text if isinstance(text, bytes) else text.encode()
    return client.post(IMPORT, {"file": SimpleUploadedFile(name, content)}, follow=True)


def test_every_table_is_there() -> None:
    ours = {model for model in apps.get_app_config("deployments").get_models() if not model._meta.auto_created}

    assert ours <= set(admin.site._registry)


def test_every_list_and_every_form_opens(administrator: Client, rows: dict[str, str]) -> None:
    for model, row_admin in admin.site._registry.items():
        name = model._meta.model_name or ""
        assert administrator.get(f"/admin/deployments/{name}/").status_code == 200, name
        assert administrator.get(f"/admin/deployments/{name}/", {"q": "x"}).status_code == 200, name
        if name in rows:
            assert administrator.get(reverse(f"admin:deployments_{name}_change", args=[rows[name]])).status_code == 200
        added = administrator.get(f"/admin/deployments/{name}/add/").status_code
        assert added == (200 if row_admin.has_add_permission(_request(administrator)) else 403), name


def _request(client: Client) -> HttpRequest:
    return client.get("/admin/").wsgi_request


@pytest.mark.parametrize("name", READ_ONLY)
def test_what_the_loop_and_the_operations_write_cannot_be_changed(
    administrator: Client, rows: dict[str, str], name: str
) -> None:
    address = reverse(f"admin:deployments_{name}_change", args=[rows[name]])

    assert "_save" not in administrator.get(address).content.decode()
    assert administrator.post(address, {"name": "changed", "status": "DEAD"}).status_code == 403
    assert administrator.get(f"/admin/deployments/{name}/add/").status_code == 403


@pytest.mark.parametrize("name", READ_ONLY[:5])
def test_what_the_loop_writes_cannot_be_deleted(administrator: Client, rows: dict[str, str], name: str) -> None:
    answer = administrator.post(reverse(f"admin:deployments_{name}_delete", args=[rows[name]]), {"post": "yes"})

    assert answer.status_code == 403
    assert Deployment.objects.filter(pk=rows["deployment"]).exists()


@pytest.mark.parametrize(
    ("role", "all_groups", "status"),
    [
        (Role.VIEWER, True, 403),
        (Role.EDITOR, True, 403),
        (Role.ADMINISTRATOR, False, 403),
        (Role.ADMINISTRATOR, True, 200),
    ],
)
def test_only_administrators_of_all_groups_get_in(client: Client, role: Role, all_groups: bool, status: int) -> None:
    make.make_group()
    client.force_login(make.make_user(role, groups=None if all_groups else []))

    assert client.get("/admin/", follow=True).status_code == status
    assert client.get("/admin/deployments/user/", follow=True).status_code == status


def test_without_sign_in_it_leads_to_the_page_that_all_pages_use(client: Client) -> None:
    answer = client.get("/admin/deployments/user/", follow=True)

    assert answer.redirect_chain[-1][0] == "/sign-in/?next=/admin/deployments/user/"


def test_signing_out_of_the_admin_site_signs_out_of_everything(administrator: Client) -> None:
    assert administrator.post("/admin/logout/")["Location"] == "/sign-in/"
    assert administrator.get("/").status_code == 302


def test_a_file_of_templates_is_imported_and_updated(administrator: Client) -> None:
    first, second = (make.TEMPLATE.format(executable=name, scenario="talking") for name in ("talker", "whisperer"))

    answer = upload(administrator, f"{first}---\n{second}")

    html = answer.content.decode()
    assert "Template talker (talker) was imported." in html
    assert set(Executable.objects.values_list("pk", flat=True)) == {"talker", "whisperer"}
    again = upload(administrator, first.replace("1.2.0", "1.3.0")).content.decode()
    assert "Template talker (talker) was updated." in again
    assert Executable.objects.get(pk="talker").version == "1.3.0"


def test_what_is_wrong_in_a_file_is_shown_with_line_and_field_and_nothing_is_imported(administrator: Client) -> None:
    good = make.TEMPLATE.format(executable="talker", scenario="talking")
    bad = good.replace("name: talker", "name: x").replace("type: integer", "type: colour")

    answer = upload(administrator, f"{good}---\n{bad}", name="mine.yaml")

    html = answer.content.decode()
    assert answer.status_code == 422
    assert "2 problems were found; nothing was imported." in html
    assert "<td>mine.yaml</td>" in html
    assert "<code>metadata.name</code>" in html
    line = good.count("\n") + 1 + good[: good.index("name: talker")].count("\n") + 1
    assert f"<td>{line}</td>" in html
    assert not Executable.objects.exists()


def test_a_template_without_a_command_is_imported_with_a_warning(administrator: Client) -> None:
    text = make.TEMPLATE.format(executable="talker", scenario="talking")
    text = re.sub(r"command: .*", "image: registry.example.com/talker:1", text)

    html = upload(administrator, text).content.decode()

    assert "was imported" in html
    assert "gives a container image but no command" in html


@pytest.mark.parametrize(
    ("content", "problem"),
    [(b"\xff\xfe\x00", "not text in UTF-8"), (b"x" * 1_000_001, "larger than 1 MB"), (b"", "empty")],
)
def test_a_file_that_cannot_be_templates_is_refused(administrator: Client, content: bytes, problem: str) -> None:
    answer = upload(administrator, content)

    assert answer.status_code == 422
    assert problem in answer.content.decode()


def test_an_editor_cannot_import(client: Client) -> None:
    make.make_group()
    client.force_login(make.make_user(Role.EDITOR))

    assert upload(client, make.TEMPLATE.format(executable="talker", scenario="talking")).status_code == 403
    assert not Executable.objects.exists()


def test_a_service_key_is_revoked_and_never_deleted(administrator: Client) -> None:
    key = ServiceKey.objects.create(client_id="sk-1", name="batch", expires_at=timezone.now() + timedelta(days=1))
    chosen = {"action": "revoke", "_selected_action": [key.pk]}

    administrator.post("/admin/deployments/servicekey/", chosen)

    key.refresh_from_db()
    assert not key.is_usable
    deleted = administrator.post(reverse("admin:deployments_servicekey_delete", args=[key.pk]), {"post": "yes"})
    assert deleted.status_code == 403


def test_a_person_is_added_with_role_and_groups(administrator: Client) -> None:
    values = {"username": "maria", "usable_password": "false", "role": "viewer", "resource_groups": ["default"]}

    administrator.post("/admin/deployments/user/add/", values)

    maria = User.objects.get(username="maria")
    assert (maria.role, maria.all_groups, maria.has_usable_password()) == ("viewer", False, False)
    assert maria.actor().groups == frozenset({"default"})


def test_a_resource_group_in_use_cannot_be_deleted_nor_moved(administrator: Client, rows: dict[str, str]) -> None:
    make.make_connection("elsewhere")
    group = ResourceGroup.objects.get()

    administrator.post(reverse("admin:deployments_resourcegroup_delete", args=[group.pk]), {"post": "yes"})
    change = reverse("admin:deployments_resourcegroup_change", args=[group.pk])
    administrator.post(change, {"connection": "2", "labels": "{}", "deployment_quota": "5"})

    group.refresh_from_db()
    assert group.connection.name == "local"
    assert group.deployment_quota == 5


@pytest.mark.parametrize(("pk", "is_made"), [("fine-id", True), ("x", False), ("not good", False)])
def test_the_id_of_a_scenario_has_the_form_that_clients_expect(administrator: Client, pk: str, is_made: bool) -> None:
    administrator.post("/admin/deployments/scenario/add/", {"id": pk, "name": "New", "labels": "{}"})

    assert Scenario.objects.exists() == is_made


def test_deployments_can_be_requeued(administrator: Client) -> None:
    later = timezone.now() + timedelta(hours=1)
    deployment = make.make_deployment(next_reconcile_at=later)

    answer = administrator.post(
        "/admin/deployments/deployment/",
        {"action": "requeue", "_selected_action": [deployment.pk]},
        follow=True,
    )

    assert "1 deployment is reconciled." in answer.content.decode()
    deployment.refresh_from_db()
    assert deployment.next_reconcile_at is not None
    assert deployment.next_reconcile_at < later


def test_the_signing_key_is_rotated_after_a_question(administrator: Client) -> None:
    before = tokens.signing_key().kid
    page = "/admin/deployments/servicekey/rotate/"
    assert "stay valid until they expire" in administrator.get(page).content.decode()
    assert {key.kid for key in tokens.accepted_keys()} == {before}

    answer = administrator.post(page, follow=True)

    kids = {key.kid for key in tokens.accepted_keys()}
    assert before in kids
    assert len(kids) == 2
    assert "Tokens are signed by a new key now" in answer.content.decode()
    assert page in answer.content.decode()
