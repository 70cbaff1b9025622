"""Rights are what the token and the database say together, at the gateway and in the API alike."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from deployments.gateway import grants, sync
from deployments.models import Deployment, ResourceGroup, Role, ServiceKey, TokenGrant, User
from deployments.operations.service_keys import issue_service_key, revoke_service_key
from deployments.reconciler.sweep import housekeeping
from tests import factories as make
from tests.api.caller import ADMINISTRATOR
from tests.gateway.running import Gateway, ModelServer

pytestmark = pytest.mark.django_db

MANY = 600


@pytest.fixture
def served(gateway: Gateway, model_server: Callable[..., ModelServer]) -> Deployment:
    """A deployment of the group `team-a` that the gateway knows from the database."""
    server = model_server("one")
    configuration = make.make_configuration(make.make_group("team-a"))
    deployment = make.make_deployment(configuration)
    server_spec = {"health_path": "/health", "retry": True}
    make.make_replica(make.make_generation(deployment, server_spec=server_spec), port=server.port)
    sync.apply()
    return deployment


def status(gateway: Gateway, deployment: Deployment, token: str) -> int:
    return gateway.ask(deployment_id=deployment.pk, token=token).status


def api_status(token: str, group: str = "team-a", path: str = "lm/deployments") -> int:
    headers = {"Authorization": f"Bearer {token}", "AI-Resource-Group": group}
    return Client().get(f"/v2/{path}", headers=headers).status_code


def of_key(key: ServiceKey) -> str:
    return grants.issue_for_key(key, lifetime_seconds=600, jti="")


def test_a_persons_token_is_for_predictions_of_one_group_alone(gateway: Gateway, served: Deployment) -> None:
    person = make.make_user(Role.ADMINISTRATOR)
    other = make.make_group("team-b")

    here = grants.issue_for_person(person, Role.ADMINISTRATOR, "team-a", lifetime_seconds=600)
    elsewhere = grants.issue_for_person(person, Role.ADMINISTRATOR, other.pk, lifetime_seconds=600)

    assert [status(gateway, served, token) for token in (here, elsewhere)] == [200, 404]
    assert api_status(here) == 403
    assert api_status(here, path="admin/resourceGroups") == 403


@pytest.mark.parametrize("change", ["delete", "rename", "move", "demote", "lock out"])
def test_whoever_is_changed_loses_their_tokens_with_the_next_sweep(
    gateway: Gateway, served: Deployment, change: str
) -> None:
    home = ResourceGroup.objects.get(pk="team-a")
    person = make.make_user(Role.EDITOR, groups=[home], username="ada")
    other = make.make_user(Role.EDITOR, groups=[home])
    tokens = [grants.issue_for_person(one, Role.EDITOR, "team-a", lifetime_seconds=600) for one in (person, other)]
    assert [status(gateway, served, token) for token in tokens] == [200, 200]

    if change == "delete":
        person.delete()
        make.make_user(Role.ADMINISTRATOR, username="ada")
    elif change == "move":
        person.resource_groups.set([make.make_group("team-b")])
    else:
        column, value = {
            "rename": ("username", "eve"),
            "demote": ("role", Role.VIEWER),
            "lock out": ("is_active", False),
        }[change]
        User.objects.filter(pk=person.pk).update(**{column: value})
    sync.apply()

    assert [status(gateway, served, token) for token in tokens] == [401, 200]
    assert api_status(tokens[0]) in {401, 403}


def test_somebody_who_gets_more_keeps_their_token(gateway: Gateway, served: Deployment) -> None:
    person = make.make_user(Role.VIEWER, groups=[ResourceGroup.objects.get(pk="team-a")])
    token = grants.issue_for_person(person, Role.VIEWER, "team-a", lifetime_seconds=600)
    person.resource_groups.add(make.make_group("team-b"))
    User.objects.filter(pk=person.pk).update(role=Role.EDITOR)
    sync.apply()

    assert status(gateway, served, token) == 200


def test_a_key_has_what_its_token_and_the_database_say_together(gateway: Gateway, served: Deployment) -> None:
    home, other = ResourceGroup.objects.get(pk="team-a"), make.make_group("team-b")
    key = issue_service_key(ADMINISTRATOR, name="batch", role=Role.EDITOR, groups=[home]).key
    token = of_key(key)
    assert (status(gateway, served, token), api_status(token), api_status(token, "team-b")) == (200, 200, 404)

    key.resource_groups.set([other])
    sync.apply()

    assert status(gateway, served, token) == 401
    assert [api_status(token, group) for group in ("team-a", "team-b")] == [404, 404]
    fresh = of_key(key)
    assert (status(gateway, served, fresh), api_status(fresh, "team-b")) == (404, 200)
    revoke_service_key(ADMINISTRATOR, key)
    assert api_status(fresh, "team-b") == 401


def test_a_key_for_hundreds_of_groups_works_at_once_everywhere(gateway: Gateway, served: Deployment) -> None:
    connection = make.make_connection()
    names = [f"a-resource-group-with-a-name-of-{number:03}-its-own" for number in range(MANY)]
    made = ResourceGroup.objects.bulk_create(ResourceGroup(pk=pk, connection=connection) for pk in names)
    groups = [*made, ResourceGroup.objects.get(pk="team-a")]
    issued = issue_service_key(ADMINISTRATOR, name="all of them", role=Role.EDITOR, groups=groups)
    elsewhere = make.make_deployment(make.make_configuration(make.make_group("team-b")))

    answer = Client().post(
        "/oauth/token",
        {
            "grant_type": "client_credentials",
            "client_id": issued.key.client_id,
            "client_secret": issued.secret,
        },
    )
    token = answer.json()["access_token"]

    assert len(token) < 2000
    assert (status(gateway, served, token), status(gateway, elsewhere, token)) == (200, 404)
    assert [api_status(token, group) for group in (names[0], names[-1], "team-a", "team-b")] == [200, 200, 200, 404]
    issued.key.resource_groups.remove(groups[-1])
    sync.apply()
    assert (status(gateway, served, token), api_status(token, "team-a")) == (401, 404)


def test_grants_are_written_once_and_go_when_no_token_names_them(served: Deployment) -> None:
    key = issue_service_key(ADMINISTRATOR, name="batch").key
    for _ in range(3):
        of_key(key)
    (grant,) = TokenGrant.objects.all()
    assert (grant.client_id, grant.groups) == (key.client_id, None)
    TokenGrant.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    housekeeping()
    assert not TokenGrant.objects.exists()
