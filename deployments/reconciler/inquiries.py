"""Answers the questions that pages have for a runtime; runs in a thread that nothing else waits for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, cast

from django.utils import translation

from deployments import inquiries, reasons
from deployments.errors import LaunchpadError, RuntimeUnavailable
from deployments.inquiries import Question, Subject
from deployments.messages import TEXT, Message
from deployments.models import Connection
from deployments.runtimes.base import ImageStore, StoredImage
from deployments.runtimes.registry import driver_of, runtime_for


def answer_inquiry(inquiry_id: str) -> None:
    """Answer a question, in the language of the person who asks."""
    question = inquiries.take_question(inquiry_id)
    if question is None:
        return
    with translation.override(question.language):
        try:
            content = _ANSWERS[question.subject](question)
        except LaunchpadError as error:
            content = _problem(error.message if isinstance(error, RuntimeUnavailable) else TEXT(text=str(error)))
        except Exception:  # unexpected, so it is logged; the page is not left waiting
            inquiries.store_answer(inquiry_id, _problem(reasons.INQUIRY_FAILED()))
            raise
    inquiries.store_answer(inquiry_id, content)


def _test(question: Question) -> dict[str, Any]:
    result = driver_of(question.kind).test(question.options, question.secrets)
    if isinstance(result, Message):
        return _problem(result)
    return {"report": asdict(result) | {"facts": [[str(label), str(value)] for label, value in result.facts]}}


def _images(question: Question) -> dict[str, Any]:
    return {"images": _listed(_store_of(question).unused_images())}


def _images_removed(question: Question) -> dict[str, Any]:
    store = _store_of(question)
    removed = store.remove_unused_images()
    return {"removed": _listed(removed), "images": _listed(store.unused_images())}


_ANSWERS: Mapping[Subject, Callable[[Question], dict[str, Any]]] = {
    Subject.TEST: _test,
    Subject.IMAGES: _images,
    Subject.IMAGES_REMOVED: _images_removed,
}


def _store_of(question: Question) -> ImageStore:
    """Return the images of a connection.

    Raises:
        RuntimeUnavailable: it cannot be asked, or was deleted meanwhile.
    """
    connection = Connection.objects.filter(pk__in=[question.connection]).first()
    if connection is None:
        raise RuntimeUnavailable(reasons.CONNECTION_GONE())
    return cast(ImageStore, runtime_for(connection))


def _listed(images: Sequence[StoredImage]) -> list[dict[str, Any]]:
    rows = [{"name": image.name, "id": image.id, "size_bytes": image.size_bytes} for image in images]
    return sorted(rows, key=lambda row: (-row["size_bytes"], row["name"]))


def _problem(message: Message) -> dict[str, Any]:
    return {"problem": message.to_json()}
