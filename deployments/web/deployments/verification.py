"""What was verified of a deployment: an answer of its model, or that its server is healthy and no more."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from deployments.messages import Message
from deployments.models import Generation
from deployments.serving_template import stored_readiness_check


@dataclass(frozen=True, kw_only=True)
class Verification:
    """The request that showed that a deployment answers.

    Args:
        words: what its success says.
        answer: what was asked and answered, None when not known.
        asked_model: whether the model had to answer.
    """

    words: str
    answer: Message | None
    asked_model: bool


def verification_of(generation: Generation | None) -> Verification | None:
    """Return what was verified of the generation that serves, None when nothing was yet."""
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
