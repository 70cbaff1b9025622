"""Credentials of container registries: their form, who may write them, and that nobody reads them again."""

from __future__ import annotations

import json

import pytest

from deployments.models import DOCKER_CONFIG_KEY, AuditEntry, Role, Secret
from deployments.operations.registry_credentials import docker_config, docker_config_problem
from deployments.scheduling import secret_values
from deployments.serving_template import SecretKey
from tests import factories as make
from tests.api.caller import Caller

PATH = "/admin/dockerRegistrySecrets"
PASSWORD = "pa55-word-of-a-test"
WANTED = {"CONFIG": SecretKey(secret="registry", key=DOCKER_CONFIG_KEY)}


def test_what_the_form_writes_is_what_the_check_takes() -> None:
    text = docker_config("registry.example:5000", "Zoë", "p:w")

    assert docker_config_problem(text) == ""
    assert json.loads(text)["auths"]["registry.example:5000"]["auth"] == "Wm/DqzpwOnc="


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("eyJhdXRocyI6IHt9fQ==", "This is not JSON"),
        ("[" * 100_000, "This is not JSON"),
        ("[]", "at least one registry"),
        ("{}", "at least one registry"),
        ('{"auths": []}', "at least one registry"),
        ('{"auths": {}}', "at least one registry"),
        ('{"auths": {" ": {"auth": "dTpw"}}}', "has no address"),
        ('{"auths": {"r.example": {}}}', "r.example needs"),
        ('{"auths": {"r.example": "dTpw"}}', "r.example needs"),
        ('{"auths": {"r.example": {"username": "u"}}}', "r.example needs"),
        ('{"auths": {"r.example": {"username": "u", "password": 1}}}', "r.example needs"),
        ('{"auths": {"r.example": {"auth": "no base64"}}}', "r.example needs"),
        ('{"auths": {"r.example": {"auth": "dXA="}}}', "r.example needs"),  # without a colon
        ('{"auths": {"good.example": {"auth": "dTpw"}, "r.example": {"auth": 7}}}', "r.example needs"),
    ],
)
def test_what_opens_no_registry_is_refused_in_words(config: str, sentence: str) -> None:
    assert sentence in docker_config_problem(config)


@pytest.mark.django_db
def test_programs_write_replace_list_and_remove_them() -> None:
    group = make.make_group()
    make.make_group("other")
    caller, config = Caller(Role.ADMINISTRATOR), docker_config("r.example", "u", PASSWORD)
    body = {"name": "registry", "data": {DOCKER_CONFIG_KEY: config}}
    caller.ask("POST", "/admin/secrets", {"name": "of-another-kind", "data": {"token": "eA=="}})

    assert caller.ask("POST", PATH, body).status == 202
    assert caller.ask("POST", PATH, body).status == 409
    assert caller.get(PATH).body == {"count": 1, "resources": [{"name": "registry"}]}
    assert caller.get(f"{PATH}/registry").body == {"name": "registry"}
    assert caller.get(f"{PATH}/of-another-kind").status == 404
    assert caller.ask("GET", f"{PATH}/registry", headers={"AI-Resource-Group": "other"}).status == 404
    assert secret_values.values_for(group.pk, WANTED) == {"CONFIG": config}

    patch = {"data": {DOCKER_CONFIG_KEY: docker_config("r.example", "u", "another")}}
    changed = caller.ask("PATCH", f"{PATH}/registry", patch, content_type="application/merge-patch+json")
    assert (changed.status, changed.body["id"]) == (202, "registry")
    assert "another" in secret_values.values_for(group.pk, WANTED)["CONFIG"]
    assert caller.ask("DELETE", f"{PATH}/registry").status == 202
    assert caller.get(f"{PATH}/registry").status == 404
    assert PASSWORD not in f"{list(AuditEntry.objects.values_list())}"
    assert [entry.action for entry in AuditEntry.objects.filter(name="registry")] == ["delete", "update", "create"]


@pytest.mark.django_db
def test_without_a_resource_group_they_are_for_all_and_need_an_administrator_of_all() -> None:
    group = make.make_group()
    body = {"name": "registry", "data": {DOCKER_CONFIG_KEY: docker_config("r.example", "u", PASSWORD)}}
    everywhere = {"AI-Resource-Group": ""}

    assert Caller(Role.ADMINISTRATOR, [group]).ask("POST", PATH, body, headers=everywhere).status == 403
    assert Caller(Role.ADMINISTRATOR).ask("POST", PATH, body, headers=everywhere).status == 202

    assert Secret.objects.get().resource_group is None
    assert PASSWORD in secret_values.values_for(group.pk, WANTED)["CONFIG"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "data", "target"),
    [
        ("registry", {DOCKER_CONFIG_KEY: '{"auths": {}}'}, f"data.{DOCKER_CONFIG_KEY}"),
        ("registry", {DOCKER_CONFIG_KEY: 7}, f"data.{DOCKER_CONFIG_KEY}"),
        ("registry", {}, f"data.{DOCKER_CONFIG_KEY}"),
        ("registry", {DOCKER_CONFIG_KEY: '{"auths": {"r": {"auth": "dTpw"}}}', "more": "x"}, "data.more"),
        ("Registry", {DOCKER_CONFIG_KEY: '{"auths": {"r": {"auth": "dTpw"}}}'}, "name"),
        ("r" * 64, {DOCKER_CONFIG_KEY: '{"auths": {"r": {"auth": "dTpw"}}}'}, "name"),
    ],
)
def test_bad_input_of_programs_is_refused_at_its_field(name: str, data: dict[str, object], target: str) -> None:
    make.make_group()

    answer = Caller(Role.ADMINISTRATOR).ask("POST", PATH, {"name": name, "data": data})

    assert answer.status == 400
    assert [detail["target"] for detail in answer.error["details"]] == [target]
    assert not Secret.objects.exists()
