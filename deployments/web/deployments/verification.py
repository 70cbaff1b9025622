"""What was verified of a deployment: a prediction of its model, or only that its server is healthy."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.messages import Message
from deployments.models import Generation
from deployments.serving_template import stored_readiness_check


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The readiness check of a deployment that has succeeded.

    Args:
        words: the meaning of its success.
        answer: request and answer, None when not known.
        asked_model: whether the model had to predict.
    """

    words: str
    answer: Message | None
    asked_model: bool


def verification_of(generation: Generation | None) -> Verification | None:
    """Return what was verified of the serving generation, None when nothing was yet."""
    if generation is None or generation.verified_at is None:
        return None
    check = stored_readiness_check(generation.server_spec)
    if check is None:
        return None
    if check.is_prediction:
        words = _("answered a prediction")
    elif check.body:
        words = _("healthy, not asked: give sample rows in the configuration")
    else:
        words = _("healthy, not asked: the template names no prediction to verify it with")
    return Verification(words=words, answer=generation.readiness_answer, asked_model=check.is_prediction)
