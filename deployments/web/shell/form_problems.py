"""Adds the problems that an operation reports to the fields of a form."""

from __future__ import annotations

from collections.abc import Mapping

from django.forms import BaseForm

from deployments.errors import InvalidInput


def add_problems(form: BaseForm, error: InvalidInput, names: Mapping[str, str] | None = None) -> None:
    """Add each sentence to its field, or to the whole form when the form has no such field.

    Args:
        names: the operation's name of a field -> the form's name, where they differ.
    """
    for name, sentence in error.problems.items():
        field = (names or {}).get(name, name)
        form.add_error(field if field in form.fields else None, sentence)
