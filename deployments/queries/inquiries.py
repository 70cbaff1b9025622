"""What a worker has found out about a connection for a page that has asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from deployments.auth.permissions import require_everywhere
from deployments.inquiries import Answer, AnswerState, answer_of
from deployments.messages import Message, render, size
from deployments.models import Actor, Connection
from deployments.runtimes.options import TEST_SECONDS


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """How far the test of a connection is.

    Args:
        id: to ask again with.
        problem: one sentence on what is wrong, `""` while it is under way and when nothing is.
        version: what answers, `""` until it has.
        facts: label and value of what is known of it.
    """

    id: str
    problem: str = ""
    version: str = ""
    facts: Sequence[tuple[str, str]] = ()

    @property
    def is_waiting(self) -> bool:
        return not self.problem and not self.version


@dataclass(frozen=True, kw_only=True)
class UnusedImages:
    """Images of a connection that are not in use.

    Args:
        id: to ask again with.
        problem: why they are not known, `""` for nothing.
        is_waiting: a worker has not answered yet.
        images: name and size in bytes, the largest first.
        removed: those that were just removed, None when nobody has asked for that.
    """

    id: str
    problem: str = ""
    is_waiting: bool = False
    images: Sequence[tuple[str, int]] = ()
    removed: Sequence[tuple[str, int]] | None = None

    @property
    def total_bytes(self) -> int:
        return sum(size_bytes for _name, size_bytes in self.images)

    @property
    def removed_bytes(self) -> int:
        return sum(size_bytes for _name, size_bytes in self.removed or ())


def test_result(actor: Actor, inquiry_id: str) -> TestResult:
    """Return how far a test is."""
    require_everywhere(actor)
    answer = answer_of(inquiry_id)
    if problem := _problem(answer):
        return TestResult(id=inquiry_id, problem=problem)
    report = answer.content.get("report")
    if not isinstance(report, Mapping):
        return TestResult(id=inquiry_id)
    return TestResult(id=inquiry_id, version=report["version"] or _("It"), facts=_facts(report))


def unused_images(actor: Actor, connection: Connection, inquiry_id: str) -> UnusedImages:
    """Return what is known of the images of a connection that are not in use."""
    require_everywhere(actor)
    answer = answer_of(inquiry_id)
    if answer.connection != connection.pk and answer.state is not AnswerState.NO_WORKER:
        answer = Answer(state=AnswerState.UNKNOWN)
    if problem := _problem(answer):
        return UnusedImages(id=inquiry_id, problem=problem)
    if answer.state is AnswerState.WAITING:
        return UnusedImages(id=inquiry_id, is_waiting=True)
    removed = answer.content.get("removed")
    return UnusedImages(
        id=inquiry_id,
        images=_sizes(answer.content["images"]),
        removed=None if removed is None else _sizes(removed),
    )


def _problem(answer: Answer) -> str:
    """Return why a question has no answer, or what the worker has found to be wrong; `""` for neither."""
    if answer.state is AnswerState.SILENT:
        return _("It has not answered within %(seconds)g s. Check its address, and whether it is running.") % {
            "seconds": TEST_SECONDS
        }
    if answer.state is AnswerState.NO_WORKER:
        return _("No worker answers, so nothing can be asked. Look whether it runs: its log is worker.log.")
    if answer.state is AnswerState.UNKNOWN:
        return _("This answer is not kept any more. Ask again.")
    return render(Message.from_json(answer.content.get("problem")))


def _facts(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    cpu, memory, disk, gpus = (report[name] for name in ("cpu_millis", "memory_bytes", "disk_free_bytes", "gpus"))
    facts = [
        (_("CPU"), "" if cpu is None else f"{cpu / 1000:g}"),
        (_("Memory"), "" if memory is None else size(memory)),
        (_("GPUs"), "" if gpus is None else str(gpus)),
        (_("Free disk space"), "" if disk is None else size(disk)),
    ]
    return [(label, value) for label, value in facts if value] + [(label, value) for label, value in report["facts"]]


def _sizes(images: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    return [(image["name"] or image["id"], image["size_bytes"]) for image in images]
