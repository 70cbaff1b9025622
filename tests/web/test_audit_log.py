"""The audit log: every change, once, with who, what, before, after and from where; never a secret."""

from __future__ import annotations

import csv
import io
import json

import pytest
from django.test import Client

from deployments import operations
from deployments.errors import OperationRefused
from deployments.lifecycle import Status
from deployments.models import Actor, AuditEntry, Deployment, Role
from deployments.operations.resource_groups import create_resource_group, delete_resource_group
from deployments.operations.service_keys import issue_service_key, revoke_service_key
from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db

ACTOR = Actor(name="ada", role=Role.ADMINISTRATOR)


def entries(*columns: str) -> list[tuple[object, ...]]:
    return list(AuditEntry.objects.order_by("pk").values_list(*columns))


def test_a_deployment_leaves_its_whole_story() -> None:
    make.make_plan("tiny")
    one, two = make.make_configuration(name="one"), make.make_configuration(name="two")
    deployment = operations.create_deployment(ACTOR, one.resource_group, one, ttl="2h")
    Deployment.objects.update(status=Status.RUNNING)
    deployment.refresh_from_db()
    operations.update_deployment(ACTOR, deployment, two)
    deployment.refresh_from_db()
    operations.stop_deployment(ACTOR, deployment)

    created, updated, stopped = AuditEntry.objects.filter(kind="deployment").order_by("pk")

    assert (created.action, created.actor, created.object_id) == ("create", "ada", deployment.pk)
    assert (created.group, created.channel, created.address) == ("default", "command", None)
    assert created.after == {"configuration": str(one.pk), "ttl": "2h"}
    assert updated.before is not None
    assert updated.after is not None
    assert (updated.before["configuration"], updated.after["configuration"]) == (str(one.pk), str(two.pk))
    assert (stopped.before, stopped.after) == ({"target_status": "RUNNING"}, {"target_status": "STOPPED"})


def test_what_is_refused_is_not_recorded() -> None:
    deployment = make.make_deployment(status=Status.STOPPED)

    with pytest.raises(OperationRefused):
        operations.stop_deployment(ACTOR, deployment)

    assert entries("action") == []


def test_keys_and_groups_are_recorded_without_their_secrets() -> None:
    make.make_connection()
    issued = issue_service_key(ACTOR, name="robot")
    revoke_service_key(ACTOR, issued.key)
    revoke_service_key(ACTOR, issued.key)
    delete_resource_group(ACTOR, create_resource_group(ACTOR, "team", labels={}))

    assert entries("action", "kind") == [
        ("create", "servicekey"),
        ("revoke", "servicekey"),
        ("create", "resourcegroup"),
        ("delete", "resourcegroup"),
    ]
    everything = json.dumps(list(AuditEntry.objects.values("name", "before", "after")))
    assert issued.secret not in everything
    assert issued.key.secret_hash not in everything


def test_channel_and_address_are_those_of_the_request(client: Client) -> None:
    make.make_plan("tiny")
    configuration = make.make_configuration()
    Caller().ask("POST", "/lm/deployments", {"configurationId": str(configuration.pk)})
    client.force_login(make.make_user(Role.EDITOR, username="eve"))
    deployment = make.make_deployment(configuration, status=Status.RUNNING)
    client.post(f"/deployments/{deployment.pk}/stop/")

    api, page = AuditEntry.objects.filter(kind="deployment").order_by("pk")

    assert (api.channel, api.actor, api.address) == ("api", "program", "127.0.0.1")
    assert (page.channel, page.actor, page.address) == ("page", "eve", "127.0.0.1")


def test_sign_ins_are_recorded_the_refused_ones_too(client: Client) -> None:
    make.make_user(username="ada", password="a long secret")
    client.post("/sign-in/", {"username": "ada", "password": "guessed"})
    client.post("/sign-in/", {"username": "ada", "password": "a long secret"})
    client.post("/sign-out/")

    assert entries("actor", "action") == [("ada", "sign-in refused"), ("ada", "sign-in"), ("ada", "sign-out")]
    assert "guessed" not in json.dumps(list(AuditEntry.objects.values("name", "before", "after")))


def test_administrators_read_filter_and_export_it_and_nobody_changes_it(client: Client) -> None:
    create_resource_group(ACTOR, "team", labels={}, connection=make.make_connection())
    client.force_login(make.make_user(Role.ADMINISTRATOR))
    first = AuditEntry.objects.get(kind="resourcegroup")
    page = "/admin/deployments/auditentry/"
    wanted = {"action": "create", "q": "ada"}

    assert "team" in client.get("/administration/audit-log/", wanted).content.decode()
    answer = client.get("/administration/audit-log/download/", wanted)
    heading, row = csv.reader(io.StringIO(b"".join(answer).decode("utf-8-sig")))
    assert (heading[1], row[1], row[5]) == ("actor", "ada", "team")
    assert client.post(f"{page}{first.pk}/delete/", {"post": "yes"}).status_code == 403
    assert client.post(f"{page}add/", {}).status_code == 403


def test_a_change_by_the_admin_site_is_recorded(client: Client) -> None:
    client.force_login(make.make_user(Role.ADMINISTRATOR, username="root"))
    fields = {"id": "huge", "description": "", "cpu_millis": 1000, "memory_bytes": 2_000_000_000, "gpus": 0}

    client.post("/admin/deployments/resourceplan/add/", fields)

    assert ("root", "create", "resourceplan", "huge", "admin") in entries(
        "actor", "action", "kind", "object_id", "channel"
    )
