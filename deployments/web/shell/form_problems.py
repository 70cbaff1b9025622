"""What an operation refuses, put to the fields of the form that asked for it."""

from __future__ import annotations

from collections.abc import Mapping

from django.forms import BaseForm

from deployments.errors import InvalidInput


def put_problems(form: BaseForm, error: InvalidInput, names: Mapping[str, str] | None = None) -> None:
    """Add each sentence to its field, or to the whole form when the form has no such field.

    Args:
        names: what the operation calls a field -> what the form calls it, where they differ.
    """
    for name, sentence in error.problems.items():
        field = (names or {}).get(name, name)
        form.add_error(field if field in form.fields else None, sentence)
