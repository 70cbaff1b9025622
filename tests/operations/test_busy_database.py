"""A change that another writer keeps waiting is told to come again, on every database."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections
from pytest_django.fixtures import Settings

from deployments.models import ResourceGroup, Role
from tests import factories as make
from tests.api.caller import Caller

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def somebody_writes(group: ResourceGroup) -> Iterator[None]:
    """Hold what a change of the group needs, as a program in the middle of its transaction does."""
    other = connections.create_connection("default")
    other.ensure_connection()
    other.set_autocommit(False)
    try:
        with other.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            else:
                cursor.execute("SELECT 1 FROM deployments_resourcegroup WHERE id = %s FOR UPDATE", [group.pk])
        yield
        other.rollback()
    finally:
        other.close()


def test_a_change_that_waits_for_another_writer_is_told_to_come_again(settings: Settings) -> None:
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # for the page that is not shown
    caller = Caller(Role.ADMINISTRATOR, [make.make_group("team-a")])
    label = {"key": "ext.ai.sap.com/team", "value": "blue"}
    with somebody_writes(make.make_group("team-a")):
        began = time.monotonic()
        refused = caller.ask("PATCH", "/admin/resourceGroups/team-a", {"labels": [label]})
        took = time.monotonic() - began

    assert (refused.status, refused.error["code"], refused.headers["Retry-After"]) == (503, "ServiceUnavailable", "5")
    assert 4.5 < took < 8
    assert caller.ask("PATCH", "/admin/resourceGroups/team-a", {"labels": [label]}).status == 202
