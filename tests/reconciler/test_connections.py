"""Several connections of one kind: each sees its own servers, and they share what there is."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from deployments.errors import RuntimeUnavailable
from deployments.lifecycle import Status
from deployments.models import Connection, Installation, installation_id
from deployments.runtimes.registry import runtime_for
from deployments.storage.secrets import encrypt
from tests.factories import capacity_of_machine, make_connection, make_group
from tests.reconciler.world import World, due

GB = 1_000_000_000


def test_the_sweep_of_a_second_connection_leaves_the_servers_of_the_first_alone(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    server = world.server_pid(f"{deployment.pk}-1-0")
    make_connection("second")

    for _ in range(3):
        due()
    world.until_status(deployment, Status.RUNNING)

    assert world.alive(deployment) == [f"{deployment.pk}-1-0"]
    assert world.server_pid(f"{deployment.pk}-1-0") == server


def test_the_sweep_of_a_second_connection_leaves_servers_without_an_owner_alone(world: World) -> None:
    deployment = world.until_status(world.deploy(), Status.RUNNING)
    (spec,) = world.specs(deployment)
    (spec.parents[1] / "owner.json").unlink()  # as the version before has left it
    make_connection("second")

    for _ in range(3):
        due()

    assert world.alive(deployment) == [f"{deployment.pk}-1-0"]


def test_deployments_of_two_connections_run_beside_each_other(world: World) -> None:
    first = world.until_status(world.deploy(), Status.RUNNING)
    world.group = make_group("other", connection=make_connection("second"))
    second = world.until_status(world.deploy(), Status.RUNNING)

    assert [world.ask(deployment)[0] for deployment in (first, second)] == [200, 200]
    names = {name: [one.name for one in runtime_for(make_connection(name)).list_all()] for name in ("local", "second")}
    assert names == {"local": [f"{first.pk}-1-0"], "second": [f"{second.pk}-1-0"]}


@pytest.mark.django_db
def test_a_second_connection_of_this_machine_is_refused_until_each_names_its_share() -> None:
    first = make_connection()
    second = Connection(name="second", kind="local")
    with pytest.raises(ValidationError, match=r"would promise more than it has: .* GB of memory"):
        second.full_clean()

    first.options = {"memory_gb": 0.3, "cpu": 1}
    first.full_clean()
    first.save()
    second.options = {"memory_gb": 0.2, "cpu": 1, "gpus": 0}
    if not capacity_of_machine().gpus:
        second.full_clean()
    second.save()

    shares = [runtime_for(one).nodes()[0].resources.memory_bytes for one in (first, second)]
    assert shares == [GB * 3 // 10, GB * 2 // 10]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory_gb": "much"}, "memory_gb is much: write a number"),
        ({"memory_gb": True}, "memory_gb is True: write a number"),
        ({"gpus": 0.5}, "for gpus a whole one"),
        ({"cpu": -1}, "from 0 on"),
        ({"memory": 3}, "There is no option memory here"),
        ({"memory_gb": 900_000}, "This machine does not have that much"),
        ([8], "Options are an object"),
    ],
)
def test_options_that_cannot_be_used_are_refused_in_words(options: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Connection(name="another", options=options).full_clean()


@pytest.mark.django_db
def test_a_runtime_is_opened_again_when_its_connection_has_changed() -> None:
    connection = make_connection()
    before = runtime_for(connection)
    assert runtime_for(Connection.objects.get(pk=connection.pk)) is before

    connection.options = {"memory_gb": 1}
    assert runtime_for(connection).nodes()[0].resources.memory_bytes == GB

    connection.options = {"memory_gb": "much"}
    with pytest.raises(RuntimeUnavailable, match="write a number"):
        runtime_for(connection)
    connection.kind = "of a newer version"
    with pytest.raises(RuntimeUnavailable, match="no runtime of the kind of a newer version"):
        runtime_for(connection)


@pytest.mark.django_db
def test_an_installation_has_one_id() -> None:
    assert installation_id() == installation_id() == Installation.objects.get().id_of_installation


@pytest.mark.django_db
def test_secrets_of_a_connection_that_were_encrypted_with_another_key_are_named(settings: object) -> None:
    connection = make_connection()
    connection.encrypted = encrypt({"token": "t0p"})
    assert connection.secrets() == {"token": "t0p"}

    connection.encrypted = "of another key"
    with pytest.raises(RuntimeUnavailable, match="LAUNCHPAD_SECRETS_KEY"):
        connection.secrets()
