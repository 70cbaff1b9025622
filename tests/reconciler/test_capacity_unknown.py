"""While nobody knows what a connection has, nothing is refused and everybody reads why nothing happens yet."""

from __future__ import annotations

import pytest
from django.test import Client, override_settings

from deployments import operations
from deployments.lifecycle import Status
from deployments.models import Connection, ConnectionStatus, Deployment, Generation, Replica, ResourcePlan, Role
from tests import factories as make
from tests.api.caller import Caller
from tests.reader import PLAIN_STATIC, read_api, read_page, text_of_page
from tests.reconciler.world import ACTOR, FakeWorld
from tests.web.windows import Window

CREATE = "/deployments/create/"
NOT_KNOWN = "How much is free is not known: the connection has not answered yet."
CANNOT_BE_REACHED = "The runtime or the gateway cannot be reached"


@pytest.fixture
def silent(fake_world: FakeWorld) -> FakeWorld:
    """A world whose runtime has never answered."""
    set_variant(fake_world, "unreachable")
    ConnectionStatus.objects.all().delete()
    return fake_world


def set_variant(world: FakeWorld, variant: str) -> None:
    connection = Connection.objects.get(pk=world.group.connection_id)
    connection.options = connection.options | {"variant": variant}
    connection.save()


def review(world: FakeWorld) -> Window:
    """Go through the wizard up to its last step."""
    configuration = world.configure()
    client = Client()
    client.force_login(make.make_user(Role.EDITOR))
    window = Window(client, CREATE)
    window.open(configuration=str(configuration.pk), group=world.group.pk)
    window.send(step="duration", do="next", kind="standard")
    window.step("review")
    return window


def test_the_review_says_that_it_cannot_tell_and_what_is_created_runs_once_the_runtime_answers(
    silent: FakeWorld,
) -> None:
    with override_settings(STORAGES=PLAIN_STATIC):
        window = review(silent)
        assert NOT_KNOWN in text_of_page(window.step("review"))
        assert window.send(step="review", do="create").status_code == 302
    deployment = Deployment.objects.get()

    silent.until(lambda: Deployment.objects.get().unreachable_since, "it is noted")
    assert CANNOT_BE_REACHED in read_page(deployment)
    assert silent.status(deployment) == Status.UNKNOWN
    assert read_api(deployment)["status"] == "UNKNOWN"
    assert not Replica.objects.exists(), "nothing is promised of what nobody knows"

    set_variant(silent, "")
    Deployment.objects.update(next_reconcile_at=None)
    silent.until_status(deployment, Status.RUNNING)
    assert CANNOT_BE_REACHED not in read_page(deployment)


def test_a_program_may_create_too_and_what_never_fits_says_so_once_that_is_known(silent: FakeWorld) -> None:
    ResourcePlan.objects.filter(pk="huge").update(memory_bytes=900_000_000_000_000)
    body = {"configurationId": str(silent.configure("huge", resourcePlan="huge").pk)}
    caller = Caller(Role.EDITOR, groups=[silent.group])

    answer = caller.ask("POST", "/lm/deployments", body)

    assert answer.status == 202
    set_variant(silent, "")
    silent.until(lambda: "can never fit" in read_page(Deployment.objects.get()), "it says what is missing")
    assert silent.status(Deployment.objects.get()) == Status.PENDING
    again = caller.ask("POST", "/lm/deployments", body)
    assert again.status == 400, "now that it is known, it is refused at once"
    assert "It can never run here" in again.error["message"]


def test_an_update_that_cannot_be_judged_is_taken_and_the_servers_go_on(fake_world: FakeWorld) -> None:
    deployment = fake_world.until_status(fake_world.deploy(), Status.RUNNING)
    set_variant(fake_world, "unreachable")
    ConnectionStatus.objects.all().delete()

    operations.update_deployment(ACTOR, deployment, fake_world.configure("other"))
    fake_world.until(lambda: Deployment.objects.get().unreachable_since, "it is noted")

    assert CANNOT_BE_REACHED in read_page(deployment)
    assert fake_world.status(deployment) == Status.RUNNING
    assert fake_world.ask(deployment)[0] == 200
    set_variant(fake_world, "")
    fake_world.until(lambda: Deployment.objects.get().serving_generation == 2, "the update serves", timeout=30)
    assert Generation.objects.get(number=1).outcome != Generation.Outcome.FAILED
