"""Messages in rows: as two columns where rows are filtered by the code, else as one."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from deployments.messages import Message, values_from_json


class Reported(models.Model):
    """Rows with a message: `reason` is its code, `params` its values, `message` both."""

    reason = models.CharField(_("reason"), max_length=64, blank=True, default="")
    params = models.JSONField(_("values"), blank=True, default=dict)

    class Meta:
        abstract = True

    @property
    def message(self) -> Message | None:
        return Message(self.reason, values_from_json(self.params)) if self.reason else None


def columns_of(message: Message | None) -> dict[str, Any]:
    """Return the values of the columns of a `Reported` row."""
    return message.to_json() if message else {"reason": "", "params": {}}


class MessageField(models.JSONField):
    """One column for a message that comes and goes with the row's state: replaced as a whole, compared as a whole.

    Rows can be filtered by its code: `waiting__reason="WaitingForCapacity"`. NULL is no message.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options | {"null": True, "blank": True})

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        content = super().from_db_value(value, expression, connection)
        return Message.from_json(content) if isinstance(content, dict) else content

    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(value.to_json() if isinstance(value, Message) else value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        value = value.to_json() if isinstance(value, Message) else value
        return super().get_db_prep_value(value, connection, prepared)

    def value_from_object(self, obj: models.Model) -> Any:
        """Return what forms and the admin site edit or show: plain JSON."""
        value = super().value_from_object(obj)
        return value.to_json() if isinstance(value, Message) else value
