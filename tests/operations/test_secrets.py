"""Secrets: who may make them, how they are kept, and that nobody reads them again."""

from __future__ import annotations

import base64

import pytest
from cryptography.fernet import Fernet
from django.conf import settings as used
from pytest_django import Settings

from deployments.errors import InvalidInput, NotAllowed, SecretMissing
from deployments.models import Actor, AuditEntry, ResourceGroup, Role, Secret
from deployments.operations.secrets import create_secret, delete_secret, replace_secret
from deployments.scheduling import secret_values
from deployments.serving_template import SecretKey
from tests import factories as make
from tests.api.caller import ADMINISTRATOR, Caller

VALUE = "s3cret-value-of-a-test"
WANTED = {"TOKEN": SecretKey(secret="reviews", key="token")}


def encoded(**values: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


@pytest.fixture
def group(db: None) -> ResourceGroup:
    return make.make_group()


def test_the_values_are_kept_encrypted_and_opened_for_their_group_alone(group: ResourceGroup) -> None:
    secret = create_secret(ADMINISTRATOR, group, name="reviews", values={"token": VALUE, "other": "x"})

    assert VALUE not in f"{Secret.objects.values().get()}"
    assert secret.keys == ["other", "token"]
    assert secret_values.values_for(group.pk, WANTED) == {"TOKEN": VALUE}
    with pytest.raises(SecretMissing, match="resource group other does not have"):
        secret_values.values_for(make.make_group("other").pk, WANTED)


def test_a_secret_of_the_group_goes_before_one_for_all(group: ResourceGroup) -> None:
    create_secret(ADMINISTRATOR, None, name="reviews", values={"token": "for all"})
    assert secret_values.values_for(group.pk, WANTED) == {"TOKEN": "for all"}

    create_secret(ADMINISTRATOR, group, name="reviews", values={"token": VALUE})

    assert secret_values.values_for(group.pk, WANTED) == {"TOKEN": VALUE}
    assert secret_values.values_for(make.make_group("other").pk, WANTED) == {"TOKEN": "for all"}


def test_what_is_optional_may_be_missing_and_a_missing_key_is_named(group: ResourceGroup) -> None:
    create_secret(ADMINISTRATOR, group, name="reviews", values={"password": VALUE})

    optional = {"TOKEN": SecretKey(secret="reviews", key="token", optional=True)}
    assert secret_values.values_for(group.pk, optional) == {}
    with pytest.raises(SecretMissing, match="the key token of the secret reviews, which has only: password"):
        secret_values.values_for(group.pk, WANTED)


def test_a_key_is_replaced_without_losing_what_it_sealed(group: ResourceGroup, settings: Settings) -> None:
    old, new = list(used.LAUNCHPAD_SECRETS_KEYS), Fernet.generate_key().decode()
    create_secret(ADMINISTRATOR, group, name="reviews", values={"token": VALUE})

    settings.LAUNCHPAD_SECRETS_KEYS = [new, *old]
    assert secret_values.values_for(group.pk, WANTED) == {"TOKEN": VALUE}
    settings.LAUNCHPAD_SECRETS_KEYS = [new]
    with pytest.raises(SecretMissing, match="Add the former key"):
        secret_values.values_for(group.pk, WANTED)


@pytest.mark.parametrize(
    ("name", "values", "field"),
    [
        ("Reviews", {"a": "b"}, "name"),
        ("", {"a": "b"}, "name"),
        ("reviews", {}, "data"),
        ("reviews", {str(n): "" for n in range(101)}, "data"),
        ("reviews", {"a b": ""}, "data.a b"),
        ("reviews", {"a": "x\0y"}, "data.a"),
        ("reviews", {"a": "x" * 100_001}, "data.a"),
        ("reviews", {str(n): "x" * 99_999 for n in range(11)}, "data"),
    ],
)
def test_what_cannot_be_kept_is_refused(group: ResourceGroup, name: str, values: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        create_secret(ADMINISTRATOR, group, name=name, values=values)

    assert list(refused.value.problems) == [field]
    assert not Secret.objects.exists()


def test_only_administrators_of_the_place_change_them(group: ResourceGroup) -> None:
    editor = Actor(name="erin", role=Role.EDITOR)
    local = Actor(name="lou", role=Role.ADMINISTRATOR, groups=frozenset({group.pk}))
    shared = create_secret(ADMINISTRATOR, None, name="shared", values={"a": "b"})

    with pytest.raises(NotAllowed):
        create_secret(editor, group, name="reviews", values={"a": "b"})
    with pytest.raises(NotAllowed):
        replace_secret(local, shared, {"a": "c"})
    with pytest.raises(NotAllowed):
        delete_secret(local, shared)
    assert create_secret(local, group, name="reviews", values={"a": "b"}).resource_group == group


def test_programs_make_replace_list_and_remove_them(group: ResourceGroup) -> None:
    caller, path = Caller(Role.ADMINISTRATOR), "/admin/secrets/reviews"
    label = {"key": "ext.ai.sap.com/team", "value": "blue"}
    body = {"name": "reviews", "data": encoded(token=VALUE), "labels": [label]}

    made = caller.ask("POST", "/admin/secrets", body)
    again = caller.ask("POST", "/admin/secrets", body)
    shared = caller.ask("POST", "/admin/secrets", body, headers={"AI-Tenant-Scope": "true", "AI-Resource-Group": ""})
    listed = caller.get("/admin/secrets")

    assert (made.status, made.body["name"], shared.status) == (200, "reviews", 200)
    assert (again.status, again.error["details"][0]["target"]) == (409, "name")
    assert (listed.body["count"], listed.body["resources"][0]["labels"]) == (1, [label])
    assert VALUE not in f"{listed.body}"
    assert caller.get(path).body["name"] == "reviews"
    assert caller.ask("PATCH", path, {"data": encoded(token="another")}).status == 200
    assert secret_values.values_for(group.pk, WANTED) == {"TOKEN": "another"}
    assert caller.ask("PATCH", path, {"data": {"token": "?"}}).status == 400
    assert caller.ask("DELETE", path).status == 200
    assert caller.get(path).status == 404
    assert secret_values.values_for(group.pk, WANTED) == {"TOKEN": VALUE}
    told = AuditEntry.objects.filter(kind="secret").values_list("action", "before", "after")
    assert [action for action, _, _ in told] == ["delete", "update", "create", "create"]
    assert VALUE not in f"{list(told)}"


def test_programs_without_the_role_or_the_headers_are_told(group: ResourceGroup) -> None:
    nowhere = Caller(Role.ADMINISTRATOR).ask("GET", "/admin/secrets", headers={"AI-Resource-Group": ""})
    local = Caller(Role.ADMINISTRATOR, [group])

    assert nowhere.status == 400
    assert "AI-Tenant-Scope" in nowhere.error["message"]
    assert Caller(Role.EDITOR).get("/admin/secrets").status == 403
    assert local.get("/admin/secrets").status == 200
    assert local.ask("GET", "/admin/secrets", headers={"AI-Tenant-Scope": "true"}).status == 403
