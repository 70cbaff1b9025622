"""Which changes of deployments may be requested, and by whom."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deployments import operations
from deployments.errors import InvalidInput, NotAllowed, OperationRefused, QuotaExceeded
from deployments.lifecycle import Action, Status, TargetStatus
from deployments.models import Actor, Deployment, DeploymentEvent, Role
from tests import factories

pytestmark = pytest.mark.django_db

EDITOR = Actor(name="erin", role=Role.EDITOR)
VIEWER = Actor(name="vic", role=Role.VIEWER)
STRANGER = Actor(name="sam", role=Role.EDITOR, groups=frozenset({"elsewhere"}))

TABLE = {
    Status.UNKNOWN: {Action.DELETE},
    Status.PENDING: {Action.STOP, Action.UPDATE},
    Status.RUNNING: {Action.STOP, Action.UPDATE},
    Status.STOPPING: set(),
    Status.STOPPED: {Action.DELETE},
    Status.DEAD: {Action.DELETE, Action.UPDATE},
}


def _update(actor: Actor, deployment: Deployment) -> None:
    other = factories.make_configuration(deployment.resource_group)
    operations.update_deployment(actor, deployment, other)


DO: dict[Action, Callable[[Actor, Deployment], None]] = {
    Action.STOP: operations.stop_deployment,
    Action.DELETE: operations.delete_deployment,
    Action.UPDATE: _update,
}


@pytest.mark.parametrize("status", list(Status))
@pytest.mark.parametrize("action", list(Action))
def test_the_table_of_allowed_actions(status: Status, action: Action) -> None:
    deployment = factories.make_deployment(status=status)
    generation = deployment.generation

    if action in TABLE[status]:
        DO[action](EDITOR, deployment)
        assert deployment.generation == generation + 1
        assert deployment.last_operation == action.upper()
    else:
        with pytest.raises(OperationRefused):
            DO[action](EDITOR, deployment)
        deployment.refresh_from_db()
        assert deployment.generation == generation


def test_a_new_deployment_is_unknown_and_wants_to_run() -> None:
    configuration = factories.make_configuration()

    deployment = operations.create_deployment(EDITOR, configuration.resource_group, configuration, ttl="90m")

    assert (deployment.status, deployment.target_status) == (Status.UNKNOWN, TargetStatus.RUNNING)
    assert deployment.expires_at is not None
    assert (deployment.expires_at - deployment.created_at).total_seconds() == 90 * 60
    assert DeploymentEvent.objects.get(deployment=deployment).actor == "erin"


@pytest.mark.parametrize("ttl", ["9m", "0h", "5", "m", "-1h", "1w", "99999999d", "1.5h"])
def test_a_duration_that_makes_no_sense_is_refused_at_its_field(ttl: str) -> None:
    configuration = factories.make_configuration()

    with pytest.raises(InvalidInput) as refused:
        operations.create_deployment(EDITOR, configuration.resource_group, configuration, ttl=ttl)

    assert set(refused.value.problems) == {"ttl"}
    assert not Deployment.objects.exists()


def test_an_update_does_not_change_the_end_of_the_duration() -> None:
    configuration = factories.make_configuration()
    deployment = operations.create_deployment(EDITOR, configuration.resource_group, configuration, ttl="1h")
    end = deployment.expires_at
    Deployment.objects.filter(pk=deployment.pk).update(status=Status.RUNNING)
    deployment.refresh_from_db()

    _update(EDITOR, deployment)

    assert deployment.expires_at == end


def test_a_quota_is_refused_with_its_numbers() -> None:
    group = factories.make_group(deployment_quota=1)
    configuration = factories.make_configuration(group)
    operations.create_deployment(EDITOR, group, configuration)

    with pytest.raises(QuotaExceeded, match="may have 1 deployments and has 1"):
        operations.create_deployment(EDITOR, group, configuration)


def test_a_viewer_and_a_stranger_change_nothing() -> None:
    deployment = factories.make_deployment()

    for actor in (VIEWER, STRANGER):
        with pytest.raises(NotAllowed):
            operations.stop_deployment(actor, deployment)
        with pytest.raises(NotAllowed):
            operations.create_deployment(actor, deployment.resource_group, deployment.configuration)


def test_the_configuration_in_use_and_those_of_others_cannot_be_chosen() -> None:
    deployment = factories.make_deployment()
    elsewhere = factories.make_configuration(factories.make_group("elsewhere"))
    other_scenario = factories.make_configuration(
        executable=factories.make_executable("other", scenario="other-scenario")
    )

    for configuration, reason in (
        (deployment.configuration, "in use already"),
        (elsewhere, "no such configuration"),
        (other_scenario, "same scenario"),
    ):
        with pytest.raises(InvalidInput, match=reason):
            operations.update_deployment(EDITOR, deployment, configuration)


def test_a_dead_deployment_may_try_its_configuration_again() -> None:
    deployment = factories.make_deployment(status=Status.DEAD)

    operations.update_deployment(EDITOR, deployment, deployment.configuration)

    assert deployment.target_status == TargetStatus.RUNNING


def test_nothing_can_be_rolled_back_to_when_nothing_ever_ran() -> None:
    with pytest.raises(OperationRefused, match="ever running"):
        operations.roll_back_deployment(EDITOR, factories.make_deployment(status=Status.DEAD))


def test_bulk_stops_what_it_may_and_says_why_not_for_the_rest() -> None:
    running, stopped = factories.make_deployment(), factories.make_deployment(status=Status.STOPPED)

    items = operations.stop_deployments(EDITOR, running.resource_group, [running.pk, stopped.pk, "d-unknown"])

    assert [item.done for item in items] == [True, False, False]
    assert "stopped already" in items[1].message
    assert "no deployment d-unknown" in items[2].message


def test_bulk_takes_no_more_than_a_hundred() -> None:
    group = factories.make_group()

    with pytest.raises(InvalidInput, match="101 were chosen"):
        operations.delete_deployments(EDITOR, group, [f"d{n:015x}" for n in range(101)])


def test_of_two_requests_on_the_same_state_one_is_refused() -> None:
    first = factories.make_deployment()
    second = Deployment.objects.get(pk=first.pk)
    operations.stop_deployment(EDITOR, first)

    with pytest.raises(OperationRefused, match="changed meanwhile"):
        _update(EDITOR, second)
