"""The column with the nodes of a connection."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from deployments.runtimes.base import Node, Resources


class NodesField(models.JSONField):
    """Nodes as a list of mappings: name, cpu_millis, memory_bytes, gpus. NULL while they are not known."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"null": True, "blank": True})

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        stored = super().from_db_value(value, expression, connection)
        return tuple(map(_from_json, stored)) if isinstance(stored, list) else stored

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(_to_json(value))

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return super().get_db_prep_value(_to_json(value), connection, prepared)

    def value_from_object(self, obj: models.Model) -> Any:
        """Return what the admin site shows: plain JSON."""
        return _to_json(super().value_from_object(obj))


def _from_json(stored: dict[str, Any]) -> Node:
    name, amounts = stored["name"], {key: value for key, value in stored.items() if key != "name"}
    return Node(name=name, resources=Resources(**amounts))


def _to_json(value: Iterable[Node | dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    if value is None:
        return None
    return [{"name": node.name, **asdict(node.resources)} if isinstance(node, Node) else node for node in value]
